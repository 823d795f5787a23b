/** Between the control thread and a worker: what the latter starts with, and the messages on its port. */

import type { MessagePort } from 'node:worker_threads'
import type { NeighbourInfo } from '../../api/commands.ts'
import type { Change } from '../../config/changes.ts'
import type { ConfigValues } from '../../config/config.ts'
import type { EngineImage } from '../../engine/image.ts'
import type { BareConfig, Tables } from './memory.ts'
import type { Key, Probed } from './probe.ts'
import type { Page } from './snapshots.ts'
import type { WorkerState } from './state.ts'

/** What a worker has of an arm's device: a descriptor that is its own from now on, and whether it reads from it. */
export interface Queue {
  fd: number
  reads: boolean
}

/** Memory of all workers, and how they wake one another. */
export interface Shared {
  arena: SharedArrayBuffer
  rings: SharedArrayBuffer
  /** eventfds, by worker. */
  wakers: readonly number[]
}

/** In place of a WorkerStart, which comes as a message then: the thread stands by, most likely for this config. */
export interface SpareStart {
  spare: ConfigValues
}

export interface WorkerStart {
  config: BareConfig
  /** What is set up before the first packet. */
  changes: readonly Change[]
  /** PAGE_RECORDS records of connections that it is asked for. */
  page: SharedArrayBuffer
  /** Where it counts. */
  tables: Tables
  /** Index of the worker. */
  index: number
  /** Where its connections and neighbours are, and those that an earlier worker has left. */
  state: WorkerState
  /** In the order of the arms. */
  queues: readonly Queue[]
  /** null when there is one worker. */
  shared: Shared | null
  /** Shared memory of the trace ring, `traceRecords` records; the control thread reads it. */
  trace: SharedArrayBuffer
  traceRecords: number
  /** Shared memory of the flight recorder, and its size in cells. */
  flight: SharedArrayBuffer
  flightCells: number
  /** Shared memory of the ring of ended connections; null if nobody wants them. */
  sessions: SharedArrayBuffer | null
  /** Requests come in here; the worker looks after each wake-up. */
  port: MessagePort
  /** eventfd that ends the worker's sleep. */
  waker: number
}

/** What a worker answers, by the message's id; the rest control knows or reads. */
export type WorkerRequest =
  /** Copied into its page. */
  | { do: 'conns'; from: number }
  | { do: 'neighbours' }
  | { do: 'probe'; key: Key; from: number }
  | { do: 'change'; changes: readonly Change[] }
  /** An image of the engine, whose place in a journal has the message's id. */
  | { do: 'image' }
  /** Any answer will do. */
  | { do: 'answer' }

/** What it does, and says nothing. */
export type WorkerOrder =
  /** Whether the trace has its debug events. */
  | { do: 'debug'; on: boolean }
  /** The device of the arm of that index has gone, or has come back. */
  | { do: 'lose'; arm: number }
  | { do: 'attach'; arm: number; queue: Queue }
  /** A change that control does not ask about. */
  | { do: 'put'; change: Change }
  /** Puts all counters into the journals. */
  | { do: 'check' }
  /** From now on no connection is opened. */
  | { do: 'drain' }
  /** Ends the loop. */
  | { do: 'stop' }

export type ToWorker = (WorkerRequest & { id: number }) | WorkerOrder

export interface WorkerAnswers {
  conns: Page
  neighbours: NeighbourInfo[]
  probe: Probed
  change: null
  image: WorkerImage
  answer: null
}
export type WorkerAnswer<D extends keyof WorkerAnswers = keyof WorkerAnswers> =
  | { ok: WorkerAnswers[D] }
  | { error: string }

/** `mark` is what the record of a journal has that stands where it was taken. */
export interface WorkerImage {
  mark: number
  image: EngineImage
}

/** What a worker goes on with of an earlier one, and what of it made no sense. */
export interface AdoptedState {
  conns: number
  cleared: number
  neighbours: number
}

/** From a worker. `ready` comes once; `failed` instead if it could not start. `lost` names an arm by its index. */
export type FromWorker =
  | { id: number; answer: WorkerAnswer }
  | { ready: true; adopted?: AdoptedState }
  | { failed: string }
  | { warning: string }
  | { lost: number }
