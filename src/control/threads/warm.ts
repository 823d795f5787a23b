/**
 * Runs through what a packet thread does at its start and with its first packets, on memory that is thrown away: code that has run before
 * is compiled, and takes a fifth of the time when connections wait for it. The records are copies of those of the living, taken
 * while they are written, of which what makes no sense is what adopting is made for, and those of a rehearsal.
 */

import { adoptRecords } from '../../engine/adopt.ts'
import { CONN_BYTES } from '../../engine/conn-layout.ts'
import { arenaSlots } from '../../engine/frames.ts'
import { KeyedIsn } from '../../engine/isn.ts'
import { connBytes } from '../../engine/parts.ts'
import { SessionRing } from '../../engine/sessions.ts'
import { Steering } from '../../engine/steering.ts'
import { TraceRing } from '../../engine/trace.ts'
import { clockMs } from '../../io/clock.ts'
import { Exchange } from '../../io/exchange.ts'
import { Handover } from '../../io/handover.ts'
import { applyChange, type Built, buildBare } from './apply.ts'
import { arenaBytes, type BareConfig, connCapacityOf, newTables } from './memory.ts'
import type { WorkerStart } from './protocol.ts'
import { rehearse } from './rehearsal.ts'
import type { MappedState } from './state.ts'

const TRACE_RECORDS = 16
const PAGE = 4096
/** Few enough to take no more than some ms. */
const RECORDS = 4096
/** Until the compiler has seen enough. */
const TIMES = 16
/** From so many connections, or segments, on it has. */
const ENOUGH = 256

/** As long as the daemon `lives`. => whether there were enough connections for it to be of use */
export function warm(start: WorkerStart, state: MappedState, lives: () => boolean): boolean {
  const { config, changes, index } = start
  const capacity = connCapacityOf(config)
  const records = Math.min(RECORDS, capacity)
  const connMemory = new ArrayBuffer(connBytes(capacity))
  new Uint8Array(connMemory).set(new Uint8Array(state.conns, 0, records * CONN_BYTES))
  const trace = new TraceRing(
    new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS)),
    TRACE_RECORDS,
  )
  const isn = new KeyedIsn(new Int32Array(4))
  const arena = new SharedArrayBuffer(arenaBytes(config))
  const tables = newTables(config)
  const now = clockMs()
  const exchange = exchangeApart(config, index)
  const around = {
    ...{ worker: index, arena, tables, connMemory, trace, isn, seed: 1, now },
    ...(exchange && { peers: exchange }),
    ...(start.sessions && { sessions: sessionsApart() }),
  }
  const isPlain = config.arms.every(({ vlan }) => !vlan)
  let conns = 0
  let answered = 0
  for (let time = 0; time < TIMES && lives(); time++) {
    const built = buildBare(config, around)
    built.engine.templates.free(index)
    built.engine.neighs.adopt(now)
    for (const change of changes) applyChange(built, change, now)
    conns = adoptRecords(built.engine, now, { end: records }).conns
    if (isPlain && time === 0) answered = rehearsed(built, exchange, lives)
    built.engine.tick(now + 1)
  }
  touch(state)
  return conns >= ENOUGH || answered >= ENOUGH
}

/** What goes wrong here would make a standby colder, and is no reason to have none. */
function rehearsed(built: Built, exchange: Exchange | null, lives: () => boolean): number {
  try {
    return rehearse(built, exchange, lives)
  } catch {
    return 0
  }
}

/** Those to whom something is handed do not hear of it. */
function exchangeApart(config: BareConfig, index: number): Exchange | null {
  const workers = config.workers.count
  if (workers === 1) return null
  const slots = arenaSlots(config.arms.length)
  const memory = new SharedArrayBuffer(Handover.bytesFor(workers, slots))
  const rings = new Handover(memory, workers, index, slots, () => {})
  return new Exchange(rings, new Steering(workers), workers, index)
}

function sessionsApart(): SessionRing {
  const memory = new SharedArrayBuffer(SessionRing.bytesFor(TRACE_RECORDS))
  return new SessionRing(memory, TRACE_RECORDS)
}

/** Pages that are there already are in reach of this process from then on; others of the records would be made by a look at them. */
function touch({ conns, recordsEnd, templates }: MappedState): void {
  const records = new Uint8Array(conns, 0, recordsEnd() * CONN_BYTES)
  for (const bytes of [records, new Uint8Array(templates)])
    for (let at = 0; at < bytes.length; at += PAGE) Atomics.load(bytes, at)
}
