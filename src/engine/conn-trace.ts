/** What a connection says of itself: its records for the trace, written only while somebody wants them. */

import { PROTO } from '../wire/ipv4.ts'
import { CELL, RECORD } from './conn-layout.ts'
import type { Dest } from './service.ts'
import { OUT } from './tcp-state.ts'
import { TraceKind, type TraceRing } from './trace.ts'

const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = CELL

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
  const at = RECORD.at(conn)
  trace.write(
    kind, now, PROTO.TCP, c[at | CIP], c[at | VIP], c[at | CLIENT_PORTS], c[at | LIP], c[at | RIP], c[at | RS_PORTS], refs, more, why,
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
  const at = RECORD.of(t)
  trace.write(
    TraceKind.STATE,
    now,
    PROTO.TCP,
    t & OUT,
    flags,
    c[at | CIP],
    c[at | RIP],
    c[at | CLIENT_PORTS] >>> 16,
    c[at | RS_PORTS] >>> 16,
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
  const at = RECORD.at(conn)
  trace.write(
    kind,
    now,
    c[at | CIP],
    c[at | VIP],
    c[at | CLIENT_PORTS],
    c[at | LIP],
    c[at | RIP],
    c[at | RS_PORTS],
    more,
  )
}
