/** A packet thread that has been started, before anybody listens to it: what it says waits in its port. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { WorkerStart } from './protocol.ts'
import { PAGE_RECORDS, RECORD_CELLS } from './snapshots.ts'

export type Start = Omit<WorkerStart, 'port' | 'page'>

export interface Begun {
  worker: Worker
  port: MessagePort
  /** What the worker copies connections into. */
  page: SharedArrayBuffer
  /** Resolves when the thread has ended, with what it failed by. Its last messages are in the port, or still on their way to it. */
  exit: Promise<string>
  /** Resolves when the thread stands by, or has ended. */
  stands: Promise<unknown>
  /** Resolves when it is about to read its arms, or has ended. */
  runs: Promise<unknown>
}

export function newPage(): SharedArrayBuffer {
  return new SharedArrayBuffer(PAGE_RECORDS * RECORD_CELLS * 4)
}

export function beginThread(program: URL, start: Start, page = newPage()): Begun {
  const { port1: port, port2 } = new MessageChannel()
  const workerData: WorkerStart = { ...start, page, port: port2 }
  const worker = new Worker(program, { workerData, transferList: [port2] })
  const exit = new Promise<string>(done => {
    let failure: string | undefined
    worker.once('error', error => {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    worker.once('exit', code => done(failure ?? `it ended with code ${code}`))
  })
  const says = (word: string) =>
    new Promise<void>(done => worker.on('message', said => said === word && done()))
  const [stands, runs] = ['stands', 'runs'].map(word => Promise.race([says(word), exit])) as [
    Promise<unknown>,
    Promise<unknown>,
  ]
  return { worker, port, page, exit, stands, runs }
}
