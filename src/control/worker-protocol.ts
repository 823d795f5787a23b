/** Between the control thread and the packet thread: what the latter starts with, and the messages on its port. */

import type { MessagePort } from 'node:worker_threads'
import type { Answer, Request, VerbName } from './commands.ts'
import type { Config } from './config.ts'

export interface WorkerStart {
  config: Config
  /** Shared memory of the trace ring, `traceRecords` records; the control thread reads it. */
  trace: SharedArrayBuffer
  traceRecords: number
  /** Requests come in here; the packet thread looks after each wake-up. */
  port: MessagePort
  /** eventfd that ends the packet thread's sleep. */
  waker: number
}

/** To the packet thread. `debug` switches the debug events of the trace; `stop` ends the loop. */
export type ToWorker =
  | { id: number; request: Request<Exclude<VerbName, 'log' | 'ping'>> }
  | { debug: boolean }
  | { stop: true }

/** From the packet thread. `ready` comes once, when all arms are open; `failed` instead if one could not be. */
export type FromWorker =
  | { id: number; answer: Answer }
  | { ready: true }
  | { failed: string }
  | { warning: string }
