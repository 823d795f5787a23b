/**
 * The packet threads of a daemon that follows another one are started before it has loaded what reads a config, makes a log or answers
 * clients: by the start image, on the queues and the state that the keeper holds. They forward from then on, and what they have to say
 * waits in their rings and ports. Control takes them over when all that it works out for them is what they were started with; else it
 * ends them, and starts its own.
 */

import type { Change } from '../../config/changes.ts'
import { closeFd, createWaker, wake } from '../../io/native.ts'
import type { Keeping } from '../keeper/keeping.ts'
import { LogLevels } from '../log/levels.ts'
import { type Begun, beginThread, type Start } from './begun.ts'
import { leftQueues } from './kept-arms.ts'
import { type Memories, newMemories } from './memories.ts'
import { type Flight, type Shared, shareMemory, type Tables } from './memory.ts'
import { WORKER } from './program.ts'
import type { Queue } from './protocol.ts'
import { isSame, leftImage, type SetUp } from './start-image.ts'
import type { WorkerState } from './state.ts'
import { leftStates } from './states.ts'

/** What all packet threads of a daemon are started with, by worker. */
export interface Starts extends SetUp {
  memories: Memories
  /** eventfds. */
  wakers: readonly number[]
  shared: Shared | null
  states: readonly WorkerState[]
  /** Memory of lives (io/life.ts), or NO_FD. */
  lives: number
}

export interface HeadStart extends Starts {
  /** Of the config that was kept. */
  generation: number
  /** By arm, each worker's. */
  queues: readonly (readonly Queue[])[]
  threads: readonly Begun[]
}

/** Wakers and what goes with them. Throws NativeError. */
export function newWakers(config: SetUp['config']): Pick<Starts, 'wakers' | 'shared'> {
  const wakers = Array.from({ length: config.workers.count }, () => createWaker())
  return { wakers, shared: wakers.length === 1 ? null : shareMemory(config, wakers) }
}

/** What the worker of that index is started with; `queues` are its own, by arm. */
export function startOf(
  { config, changes, memories, wakers, shared, states, lives }: Starts,
  index: number,
  queues: readonly Queue[],
): Start {
  const { tables, traces, traceRecords, flights, sessions } = memories
  const { memory: flight, cells: flightCells } = flights[index] as Flight
  return {
    ...{ config, index, queues, shared, traceRecords, flight, flightCells, lives },
    changes: memories.lists.with(changes),
    ...{ inherits: null, follows: null },
    debug: new LogLevels(config.log.level, config.log.modules).tracing,
    draining: false,
    tables: tables[index] as Tables,
    state: states[index] as WorkerState,
    trace: traces[index] as SharedArrayBuffer,
    waker: wakers[index] as number,
    sessions: sessions[index] ?? null,
  }
}

/**
 * `died` can be read from when the daemon has died whose place they are to take; left out, it has. => undefined where there is nothing to go
 * on with, or it does not fit together. Throws an Error in one line.
 */
export function headStart(keeping: Keeping, lives: number, died?: number): HeadStart | undefined {
  const left = leftImage(keeping)
  if (left === undefined) return undefined
  const { config, changes, generation } = left
  const memories = newMemories(config)
  const states = leftStates(config, memories.sessions.length > 0, keeping)
  const queues = leftQueues(config, keeping)
  if (states === undefined || queues === undefined) return undefined
  const starts: Starts = { config, changes, memories, states, lives, ...newWakers(config) }
  const follows = died === undefined ? null : { died, config: left.memory, generation }
  const threads = states.map((_, index) =>
    beginThread(WORKER, { ...startOf(starts, index, workerQueues(queues, index)), follows }),
  )
  return { ...starts, generation, queues, threads }
}

/** Of all queues those of a worker. */
export function workerQueues(queues: readonly (readonly Queue[])[], index: number): Queue[] {
  return queues.map(ofArm => ofArm[index] as Queue)
}

/** Whether the threads are what would be started now, but for weights. */
export function isAsWanted(
  { generation, config, changes, queues }: HeadStart,
  wanted: SetUp & { generation: number | undefined },
  keeping: Keeping,
): boolean {
  const left = leftQueues(wanted.config, keeping)
  return isSame(
    [generation, config, changes.map(unweighted), queues],
    [wanted.generation, wanted.config, wanted.changes.map(unweighted), left],
  )
}

/** Of `wanted`, for which isAsWanted has said yes: what they were set up with otherwise. */
export function lateFor({ changes }: HeadStart, wanted: readonly Change[]): Change[] {
  return wanted.filter((change, i) => !isSame(change, changes[i]))
}

/** Health checks change it from one moment to the next. */
function unweighted(change: Change): Change {
  return change.put === 'rs' ? { ...change, rs: { ...change.rs, weight: 0 } } : change
}

/** Ends its threads as a kill would; resolves when they are gone. */
export async function endHeadStart({ threads, wakers }: HeadStart): Promise<void> {
  const ends = threads.map(({ worker }, index) => {
    const end = worker.terminate()
    // From a native sleep.
    wake(wakers[index] as number)
    return end
  })
  await Promise.all(ends)
  for (const waker of wakers) closeFd(waker)
}
