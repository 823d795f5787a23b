/**
 * What the engine says of itself, a function for each kind of trace-kinds.ts. To be called only while somebody wants it
 * (trace.debug), but for what is always heard. Each writes all fields of its kind: the trace has one record for all.
 */

import { CELL, familyOfKey, isClientsOwn, KEY, METHOD_BITS, RECORD } from './conn-layout.ts'
import { armOf, Family } from './family.ts'
import type { NeighTable } from './neigh-table.ts'
import type { Parsed } from './parsed.ts'
import type { SaPool } from './sa-pool.ts'
import {
  address,
  client,
  clientOf,
  endpoint,
  familyOut,
  neighbour,
  protocolOf,
  serverOf,
} from './say-addresses.ts'
import type { Dest, Service } from './service.ts'
import { OUT } from './tcp-state.ts'
import { Over, type TraceRing } from './trace.ts'
import { TraceCell, TraceKind } from './trace-kinds.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { LOOKUP, NOT_SYN, REFUSED } = TraceKind
const { CONN_NEW, CONN_DEL, TOA_FAILED, RESET, RESET_RS, CONN_KEPT, STATE } = TraceKind
const { SCHEDULED, LPORT_FETCHED, SYN_PROXY } = TraceKind
const { NEIGH, NEIGH_MOVED, NEIGH_FLAPS, NEIGH_FAILED, ADDRESS_CLAIMED, PARKED_DROP } = TraceKind
const { at: recordAt, of: recordOf } = RECORD
const { IPV4, IPV6 } = Family
/** Every kind that is of a packet begins with these, and every one that is of a whole connection with those. */
const { protocol: PROTOCOL, src: SRC, dst: DST, hit: HIT } = TraceCell.LOOKUP
const { client: CLIENT, vip: VIP, lip: LIP, rs: RS, forwarding: FORWARDING } = TraceCell.RESET_RS

/** The packet in p has found a tuple, or none. */
export function sayLookup(trace: TraceRing, p: Parsed, found: boolean): void {
  packet(trace, p)[HIT] = found ? 1 : 0
  trace.say(LOOKUP)
}

export function sayNotSyn(trace: TraceRing, p: Parsed): void {
  packet(trace, p)[TraceCell.NOT_SYN.flags] = p.flags
  trace.say(NOT_SYN)
}

export function sayRefused(trace: TraceRing, p: Parsed, reason: number): void {
  packet(trace, p)[TraceCell.REFUSED.reason] = reason
  trace.say(REFUSED)
}

/** The RS that a client was given, and why: one of Chosen. */
export function sayScheduled(trace: TraceRing, p: Parsed, dest: Dest, chosen: number): void {
  const { record } = trace
  const { service, family, rip, rport, weight } = dest
  const at = TraceCell.SCHEDULED
  record[at.protocol] = protocolOf(p.key)
  if (p.key >= KEY.IPV6) client(trace, at.client, p.ports >>> 16, p.source, 0)
  else endpoint(trace, at.client, p.saddr, p.ports >>> 16, IPV4)
  // That of the service, or of whom a match service lets it speak to.
  to(trace, at.vip, p)
  endpoint(trace, at.rs, rip, rport, family)
  record[at.weight] = weight
  record[at.servers] = service.dests.length
  record[at.by] = chosen
  trace.say(SCHEDULED)
}

/** SYNs to the service are answered by cookies from now on, or are no longer; so many came in the last second. */
export function saySynProxy(
  trace: TraceRing,
  { vip, vport, family }: Service,
  active: boolean,
  syns: number,
): void {
  const { record } = trace
  const at = TraceCell.SYN_PROXY
  endpoint(trace, at.service, vip, vport, family)
  record[at.active] = active ? 1 : 0
  record[at.syns] = syns
  trace.say(SYN_PROXY)
}

/** `tried` LIPs had no lport for it, and this one has so many left towards the RS. */
export function sayLport(
  trace: TraceRing,
  { lip, family }: Pick<SaPool, 'lip' | 'family'>,
  lport: number,
  tried: number,
  free: number,
): void {
  const { record } = trace
  const at = TraceCell.LPORT_FETCHED
  endpoint(trace, at.lip, lip, lport, family)
  record[at.tried] = tried
  record[at.free] = free
  trace.say(LPORT_FETCHED)
}

export function sayOpened(trace: TraceRing, conns: Int32Array, conn: number): void {
  ends(trace, conns, conn)[TraceCell.CONN_NEW.delta] = conns[recordAt(conn) | CELL.DELTA]
  trace.say(CONN_NEW)
}

/** It was in `state`; `why` is one of Over. */
export function sayOver(
  trace: TraceRing,
  conns: Int32Array,
  conn: number,
  state: number,
  why: number,
): void {
  const record = ends(trace, conns, conn)
  const at = TraceCell.CONN_DEL
  record[at.state] = state
  record[at.replaced] = why === Over.REPLACED ? 1 : 0
  record[at.cut] = why === Over.CUT ? 1 : 0
  trace.say(CONN_DEL)
}

/** A segment of tuple `t` with `flags` has moved the state. */
export function sayState(
  trace: TraceRing,
  conns: Int32Array,
  t: number,
  flags: number,
  before: number,
  after: number,
): void {
  const { record } = trace
  const from = recordOf(t)
  const at = TraceCell.STATE
  record[at.protocol] = protocolOf(conns[from | CELL.BINDING])
  record[at.direction] = t & OUT
  record[at.flags] = flags
  clientOf(trace, at.client, conns, t >> 1)
  serverOf(trace, at.rs, conns, t >> 1, 'RIP')
  record[at.from] = before
  record[at.to] = after
  trace.say(STATE)
}

/** `event`: why the RS is not told the client's address. */
export function sayNoToa(trace: TraceRing, conns: Int32Array, conn: number, event: number): void {
  ends(trace, conns, conn)[TraceCell.TOA_FAILED.reason] = event
  trace.say(TOA_FAILED)
}

/** Both ends are sent an RST; `why` is one of Reset. */
export function sayReset(trace: TraceRing, conns: Int32Array, conn: number, why: number): void {
  ends(trace, conns, conn)[TraceCell.RESET.why] = why
  trace.say(RESET)
}

export function sayResetRs(trace: TraceRing, conns: Int32Array, conn: number): void {
  ends(trace, conns, conn)
  trace.say(RESET_RS)
}

/** Another connection goes on with what this one had, which was in `state`. */
export function sayKept(trace: TraceRing, conns: Int32Array, conn: number, state: number): void {
  ends(trace, conns, conn)[TraceCell.CONN_KEPT.state] = state
  trace.say(CONN_KEPT)
}

/** Neighbour n has come to another state, or to the same one again. */
export function sayNeigh(trace: TraceRing, neighs: NeighTable, n: number, before: number): void {
  const { record } = trace
  const at = TraceCell.NEIGH
  neighbour(trace, at.address, neighs, n)
  record[at.arm] = armOf(neighs.link(n))
  record[at.from] = before
  record[at.to] = neighs.state[n]
  trace.say(NEIGH)
}

/** Neighbour n is about to get another MAC. Always heard. */
export function sayMoved(
  trace: TraceRing,
  neighs: NeighTable,
  n: number,
  macHi: number,
  macLo: number,
): void {
  writeMove(trace, neighs, n, macHi, macLo)
  trace.say(NEIGH_MOVED)
}

/** The same, and it did so many times just now. Always heard. */
export function sayFlaps(
  trace: TraceRing,
  neighs: NeighTable,
  n: number,
  macHi: number,
  macLo: number,
): void {
  writeMove(trace, neighs, n, macHi, macLo)
  trace.say(NEIGH_FLAPS)
}

/** The kinds that say so have the same cells. */
function writeMove(
  trace: TraceRing,
  neighs: NeighTable,
  n: number,
  macHi: number,
  macLo: number,
): void {
  const at = TraceCell.NEIGH_MOVED
  const { record } = trace
  neighbour(trace, at.address, neighs, n)
  record[at.arm] = armOf(neighs.link(n))
  mac(record, at.from, neighs.macHi[n], neighs.macLo[n])
  mac(record, at.to, macHi, macLo)
}

/** Neighbour n has not answered, and the packets that waited for it are dropped. Always heard. */
export function sayFailed(trace: TraceRing, neighs: NeighTable, n: number, dropped: number): void {
  const { record } = trace
  const at = TraceCell.NEIGH_FAILED
  neighbour(trace, at.address, neighs, n)
  record[at.arm] = armOf(neighs.link(n))
  record[at.dropped] = dropped
  trace.say(NEIGH_FAILED)
}

/** A stranger claims our address. Always heard. */
export function sayClaimed(
  trace: TraceRing,
  word: number,
  family: number,
  arm: number,
  macHi: number,
  macLo: number,
): void {
  const { record } = trace
  const at = TraceCell.ADDRESS_CLAIMED
  address(trace, at.address, word, family)
  record[at.arm] = arm
  mac(record, at.mac, macHi, macLo)
  trace.say(ADDRESS_CLAIMED)
}

/** The frame that came in with this pair waited for a neighbour's MAC, and is dropped. */
export function sayParkedDrop(trace: TraceRing, pair: number, reason: number): void {
  const { record } = trace
  const at = TraceCell.PARKED_DROP
  record[at.pair] = pair
  record[at.reason] = reason
  trace.say(PARKED_DROP)
}

/** => The record, with what a kind of a packet begins with. */
function packet(trace: TraceRing, p: Parsed): Int32Array {
  const { record } = trace
  record[PROTOCOL] = protocolOf(p.key)
  const family = familyOfKey(p.key)
  if (family === IPV6) client(trace, SRC, p.ports >>> 16, p.source, 0)
  else endpoint(trace, SRC, p.saddr, p.ports >>> 16, IPV4)
  if (family === IPV6 && p.client !== p.source) client(trace, DST, p.ports & 0xffff, p.client, 0)
  else to(trace, DST, p)
  return record
}

/** Where the packet in p is for. */
function to(trace: TraceRing, at: number, p: Parsed): void {
  const family = familyOfKey(p.key)
  // Whom nobody has set up, hosts inside speak to (outside.ts).
  if (family === IPV6 && p.daddr < 0) client(trace, at, p.ports & 0xffff, p.target, 0)
  else endpoint(trace, at, p.daddr, p.ports & 0xffff, family)
}

/** => The record, with what a kind of a connection begins with. */
function ends(trace: TraceRing, conns: Int32Array, conn: number): Int32Array {
  const { record } = trace
  const from = recordAt(conn)
  const rsPorts = conns[from | CELL.RS_PORTS]
  record[PROTOCOL] = protocolOf(conns[from | CELL.BINDING])
  const out = familyOut(conns, conn)
  clientOf(trace, CLIENT, conns, conn)
  serverOf(trace, VIP, conns, conn, 'VIP')
  if (isClientsOwn(conns[from | CELL.BINDING])) clientOf(trace, LIP, conns, conn)
  else endpoint(trace, LIP, conns[from | CELL.LIP], rsPorts & 0xffff, out)
  serverOf(trace, RS, conns, conn, 'RIP')
  record[FORWARDING] = conns[from | CELL.BINDING] & METHOD_BITS
  return record
}

function mac(record: Int32Array, at: number, macHi: number, macLo: number): void {
  record[at] = macHi
  record[at + 1] = macLo
}
