/**
 * Runs through what a packet thread does once at its start, on memory that is thrown away: code that has run before is compiled, and
 * takes a fifth of the time when connections wait for it. The records are copies of those of the living, taken while they are written:
 * what makes no sense in them is what adopting is made for.
 */

import { adoptRecords } from '../../engine/adopt.ts'
import { CONN_BYTES } from '../../engine/conn-layout.ts'
import { KeyedIsn } from '../../engine/isn.ts'
import { connBytes } from '../../engine/parts.ts'
import { TraceRing } from '../../engine/trace.ts'
import { clockMs } from '../../io/clock.ts'
import { applyChange, buildBare } from './apply.ts'
import { arenaBytes, connCapacityOf, newTables } from './memory.ts'
import type { WorkerStart } from './protocol.ts'
import type { MappedState } from './state.ts'

const TRACE_RECORDS = 16
const PAGE = 4096
/** Few enough to take no more than some ms. */
const RECORDS = 4096
/** Until the compiler has seen enough. */
const TIMES = 16
/** From so many connections on it has. */
const ENOUGH = 256

/** => whether there were enough connections for it to be of use */
export function warm({ config, changes, index }: WorkerStart, state: MappedState): boolean {
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
  const around = { worker: index, arena, tables, connMemory, trace, isn, seed: 1, now }
  let conns = 0
  for (let time = 0; time < TIMES; time++) {
    const built = buildBare(config, around)
    built.engine.templates.free(index)
    built.engine.neighs.adopt(now)
    for (const change of changes) applyChange(built, change, now)
    conns = adoptRecords(built.engine, now, records).conns
    built.engine.tick(now + 1)
  }
  touch(state)
  return conns >= ENOUGH
}

/** Pages that are there already are in reach of this process from then on; others would be made by a look at them. */
function touch({ conns, recordsEnd }: MappedState): void {
  const records = new Uint8Array(conns, 0, recordsEnd() * CONN_BYTES)
  for (let at = 0; at < records.length; at += PAGE) Atomics.load(records, at)
}
