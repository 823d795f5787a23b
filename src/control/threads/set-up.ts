/**
 * The engine of a packet thread, and what it is set up with around what an earlier thread has left: one of this daemon, or of another. A
 * thread that stands by does all of it that needs no connection while that other one still lives (prepare), and the rest
 * when it has died (takeOver), in some ms.
 */

import { randomInt } from 'node:crypto'
import {
  type Adoption,
  adoptRecords,
  LEFT_LEAST_MS,
  type Marks,
  newMarks,
} from '../../engine/adopt.ts'
import { arenaSlots } from '../../engine/frames.ts'
import { KeyedIsn } from '../../engine/isn.ts'
import type { SessionRing } from '../../engine/sessions.ts'
import { Steering } from '../../engine/steering.ts'
import { TraceRing } from '../../engine/trace.ts'
import { clockMs, longClockMs } from '../../io/clock.ts'
import { Exchange } from '../../io/exchange.ts'
import { Handover } from '../../io/handover.ts'
import { wake } from '../../io/native.ts'
import { applyChange, type Built, buildBare } from './apply.ts'
import { checkArm, mtuOfChecks } from './check-arm.ts'
import type { AdoptedState, WorkerStart } from './protocol.ts'
import { sessionRing } from './session-ring.ts'
import type { MappedState } from './state.ts'
import { succeed } from './succeed.ts'

/** A bare engine, and what is around it. */
export interface Made {
  built: Built
  /** null when there is one worker. */
  exchange: Exchange | null
  trace: TraceRing
  sessions: SessionRing | null
}

/** The same, and room for what takeOver needs: to allocate it then may mean to collect garbage. */
export interface Prepared extends Made {
  marks: Marks
  /** The address book of that time. */
  words: Int32Array
}

/** What a prepared engine may look at of connections: enough for its memory to be there, and few enough to be copied. */
const AHEAD_RECORDS = 4096

export function make(start: WorkerStart, state: MappedState): Made {
  const { config, index, shared } = start
  const trace = new TraceRing(start.trace, start.traceRecords)
  const exchange = exchangeOf(start)
  const sessions = start.sessions && sessionRing(start.sessions)
  const built = buildBare(config, {
    worker: index,
    ...(shared && { arena: shared.arena }),
    ...(exchange && { peers: exchange }),
    trace,
    ...(sessions && { sessions }),
    isn: new KeyedIsn(state.key),
    tables: start.tables,
    templateMemory: state.templates,
    connMemory: state.conns,
    neighMemory: state.neighs,
    bookMemory: state.book,
    ...(state.sessions && { sessionMemory: state.sessions }),
    checkArm: (arm, slots) => checkArm(arm, mtuOfChecks(config.arms), slots),
    seed: randomInt(2 ** 31) | 1,
    now: longClockMs(),
  })
  built.engine.conns.table.holdUpTo(state.recordsEnd())
  return { built, exchange, trace, sessions }
}

function exchangeOf({ shared, config, index }: WorkerStart): Exchange | null {
  if (shared === null) return null
  const workers = config.workers.count
  const slots = arenaSlots(config.arms.length)
  const rings = new Handover(shared.rings, workers, index, slots, worker =>
    wake(shared.wakers[worker] as number),
  )
  return new Exchange(rings, new Steering(workers), workers, index)
}

/** What the config says, around what an earlier worker has left. => that, undefined for nothing */
export function setUp(
  { built, exchange }: Made,
  start: WorkerStart,
  recordsEnd: number,
): AdoptedState | undefined {
  const { engine } = built
  const { changes, inherits, draining, state, index } = start
  const now = clockMs()
  engine.opening.stopping = draining
  if (inherits) {
    succeed(built, changes, inherits, exchange, now)
    return adopted(built, now)
  }
  if (state.adopt) {
    // It may have ended while it had some.
    engine.templates.free(index)
    engine.neighs.adopt(now)
  }
  for (const change of changes) applyChange(built, change, now)
  return state.adopt ? adopted(built, now, { end: recordsEnd }) : undefined
}

/** All that can be done on a copy of the state: what it says of connections is done to have been done, and nothing of it stays. */
export function prepare(made: Made, { changes }: WorkerStart, recordsEnd: number): Prepared {
  const { built } = made
  const { engine } = built
  const now = clockMs()
  const counted = engine.counters.save()
  engine.neighs.adopt(now)
  for (const change of changes) applyChange(built, change, now)
  const marks = newMarks(engine)
  adoptRecords(engine, now, { end: Math.min(recordsEnd, AHEAD_RECORDS), marks })
  // And all its pages are there.
  engine.conns.table.index.clear()
  for (const arm of engine.arms) {
    for (let i = 0; i < arm.outboxCount; i++) engine.frames.release(arm.outbox[i] as number)
    arm.outboxCount = 0
  }
  engine.counters.restore(counted)
  return { ...made, marks, words: engine.addressBook.save() }
}

/** With a prepared engine, whose memory is the state itself now. */
export function takeOver(
  { built, marks }: Prepared,
  { changes, draining, index }: WorkerStart,
  recordsEnd: number,
): AdoptedState {
  const { engine } = built
  const now = clockMs()
  engine.turn(now)
  engine.opening.stopping = draining
  engine.templates.free(index)
  engine.neighs.adopt(now)
  // They are those of the one before now, and what was asked of them meanwhile is forgotten.
  for (const change of changes) if (change.put === 'neighbour') applyChange(built, change, now)
  engine.setup.reroute(now)
  return adopted(built, now, { end: recordsEnd, marks })
}

function adopted({ engine }: Built, now: number, known: Adoption = {}): AdoptedState {
  const records = adoptRecords(engine, now, { ...known, left: LEFT_LEAST_MS })
  return { ...records, neighbours: engine.neighs.used }
}
