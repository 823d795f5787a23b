/** All memory in which packet threads count and write their records, by worker; control reads it. */

import type { Config } from '../../config/config.ts'
import { TraceRing } from '../../engine/trace.ts'
import { ListTables } from './list-tables.ts'
import { type BareConfig, type Flight, newFlight, type Tables, tablesOf } from './memory.ts'
import { newSessionRing } from './session-ring.ts'

/** A debug burst of some 80 ms at the full rate of packets. */
const TRACE_RECORDS = 16_384

export interface Memories {
  tables: readonly Tables[]
  traces: readonly SharedArrayBuffer[]
  /** Of each trace. */
  traceRecords: number
  flights: readonly Flight[]
  /** Of all workers: lists of prefixes, with their hits. */
  lists: ListTables
  /** Empty if nobody wants to know of connections that end. */
  sessions: readonly SharedArrayBuffer[]
}

/** Whether somebody wants to know of connections that have ended. */
export function wantsSessions({ log, history }: BareConfig): boolean {
  return log.sessions !== null || history.connections > 0 || history.file !== null
}

export function newMemories(config: BareConfig): Memories {
  const workers = Array.from({ length: config.workers.count }, (_, index) => index)
  return {
    tables: tablesOf(config, workers.length),
    traces: workers.map(() => new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS))),
    traceRecords: TRACE_RECORDS,
    lists: new ListTables(),
    flights: workers.map(() => newFlight(config.capture)),
    sessions: wantsSessions(config) ? workers.map(newSessionRing) : [],
  }
}

/** What packet threads are built of, of a whole config. */
export function bareOf(config: Config): BareConfig {
  const { services: _, lists: _l, snat: _s, warnings: __, named: ___, file: ____, ...bare } = config
  return bare
}
