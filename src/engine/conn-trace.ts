/** What a connection says of itself: its records for the trace, written only while somebody wants them. */

import { PROTO } from '../wire/ipv4.ts'
import { CELL } from './conn.ts'
import type { Dest } from './service.ts'
import { OUT } from './tcp-state.ts'
import { TraceKind, type TraceRing } from './trace.ts'

/** What the log shows as references: one for being hashed, one for the code at work (semantics 1.4). */
export const REFS = 2

/** The RS that a client was given, and why: one of Chosen. */
export function traceScheduled(
  trace: TraceRing,
  cip: number,
  ports: number,
  dest: Dest,
  chosen: number,
  now: number,
): void {
  const { service, rip, rport, weight } = dest
  const { vip, dests } = service
  trace.write(TraceKind.SCHEDULED, now, cip, vip, ports, rip, rport, weight, dests.length, chosen)
}

/** CONN_NEW with the sequence delta as `more`, CONN_DEL with the state, and as `why` one of Over. */
// biome-ignore format: one record, one line
export function traceConn(trace: TraceRing, kind: number, c: Int32Array, conn: number, refs: number, more: number, now: number, why = 0): void {
  const at = conn << 4
  trace.write(
    kind, now, PROTO.TCP, c[at], c[at + 1], c[at + 2], c[at + 5], c[at + 4], c[at + 6], refs, more, why,
  )
}

/** A segment of tuple `t` with `flags` has moved the state. */
export function traceState(
  trace: TraceRing,
  c: Int32Array,
  t: number,
  flags: number,
  before: number,
  after: number,
  now: number,
): void {
  const at = (t >> 1) << 4
  trace.write(
    TraceKind.STATE,
    now,
    PROTO.TCP,
    t & OUT,
    flags,
    c[at],
    c[at + 4],
    c[at + CELL.PORTS] >>> 16,
    c[at + 4 + CELL.PORTS] >>> 16,
    before,
    after,
    REFS,
  )
}

/** TOA_FAILED with why as `more`, RESET and RESET_RS, CONN_KEPT with the state: what begins with the client's address. */
export function traceEnds(
  trace: TraceRing,
  kind: number,
  c: Int32Array,
  conn: number,
  more: number,
  now: number,
): void {
  const at = conn << 4
  trace.write(kind, now, c[at], c[at + 1], c[at + 2], c[at + 5], c[at + 4], c[at + 6], more)
}
