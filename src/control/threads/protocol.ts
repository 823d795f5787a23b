/** Between the control thread and a worker: what the latter starts with, and the messages on its port. */

import type { MessagePort } from 'node:worker_threads'
import type { NeighbourInfo } from '../../api/commands.ts'
import type { Change } from '../../config/changes.ts'
import type { EngineImage } from '../../engine/image.ts'
import type { Fault } from '../../io/mending.ts'
import type { BareConfig, Shared, Tables } from './memory.ts'
import type { Key, Probed } from './probe.ts'
import type { Page } from './snapshots.ts'
import type { WorkerState } from './state.ts'

/** What a worker has of an arm's device: a descriptor, which control keeps and closes, and whether it reads from it. */
export interface Queue {
  fd: number
  reads: boolean
}

/** What a thread takes over from the one before it, with the memory of the worker. */
export interface Inheritance {
  /** RSs, services and LIPs that are not there any more and may have connections: each is put and taken away again. */
  gone: readonly (readonly Change[])[]
}

/** The daemon that a thread follows. */
export interface Forerunner {
  /** Can be read from when it has died (io/life.ts). */
  died: number
  /** Memory of the config that it kept, and the generation that goes with what this thread is to be set up with. */
  config: number
  generation: number
}

export interface WorkerStart {
  config: BareConfig
  /** What is set up before the first packet. */
  changes: readonly Change[]
  /** null for the first thread of a worker, which finds nothing in its memory. */
  inherits: Inheritance | null
  /** Whom it has to outlive before it uses any of that; null if that one is dead. */
  follows: Forerunner | null
  /** Memory of lives (io/life.ts), of which it takes a slot; -1 if nobody would look. */
  lives: number
  /** The trace has its debug events; and no connection is opened any more. */
  debug: boolean
  draining: boolean
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
  /** Ends the loop; connections go on with another daemon, or are told of as ended. */
  | { do: 'stop'; goOn: boolean }

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

/** When a worker had got so far, ms since 1970 and fractions of one. */
export interface Times {
  /** It may use its memory. */
  began: number
  built: number
  /** It is about to read its arms. */
  ready: number
}

/**
 * From a worker. `ready` comes once, with what it has taken over; `failed` instead if it could not start. `lost` names an arm by its
 * index, whose descriptor it does not touch any more. `fault` is an exception that it has mended.
 */
export type FromWorker =
  | { id: number; answer: WorkerAnswer }
  | { ready: true; times?: Times; adopted?: AdoptedState }
  | { failed: string }
  | { warning: string }
  | { lost: number }
  | { fault: Fault }
