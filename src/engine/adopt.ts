/**
 * Connections that outlive the engine that opened them. Their records are the only truth: what else knows of them (index, free
 * list, timers, lports in use, what is counted of RSs and states) is made anew of the records here. One that does not go with what
 * is set up now is cleared.
 */

import type { AddressBook } from './address-book.ts'
import { type ConnTable, NO_CONN } from './conn.ts'
import {
  CELL,
  COLD,
  familyOfKey,
  HEADER,
  KEY,
  METHOD,
  NO_LIP,
  PROTOCOL_BITS,
  PROTOCOL_NUMBERS,
  RECORD,
  SYN_PROXIED,
  stateCell,
} from './conn-layout.ts'
import type { Engine } from './engine.ts'
import { Family } from './family.ts'
import { type LportMarks, MARK } from './lport-marks.ts'
import { DestCell, type Dests } from './service.ts'
import { STATES } from './tcp-state.ts'
import { UDP_STATES } from './udp-state.ts'
import { isOfDest, isOfService } from './whose.ts'

const { ACTIVE, INACTIVE } = DestCell
/** Cells of an RS's place. */
const DEST_CELLS = 16
/** No deadline is further away: the config's limit, and a state's jitter. */
const DEADLINE_MOST = 1 << 30

/**
 * ms that a connection has left at least when another process takes it over. Its ends were not heard meanwhile: what they said waits in
 * queues, and what did not fit is sent again, after as long again as it was dark at most (RFC 6298 doubles). More than FIN_WAIT and its like.
 */
export const LEFT_LEAST_MS = 8000

export interface Adopted {
  conns: number
  /** Records that said to be in use and were not taken over. */
  cleared: number
}

/** By place, of each LIP that is set up; a MiB each. */
export type Marks = readonly LportMarks[]

export function newMarks({ lips }: Engine): Marks {
  return lips.map(pool => pool?.marks())
}

/** What is known of the records, and of the engine. */
export interface Adoption {
  /** From this one on no record was ever in use. */
  end?: number
  /** None comes due within so many ms. */
  left?: number
  /** Of this engine, whatever they say. */
  marks?: Marks
}

/**
 * Into an engine that is set up, from the memory that it was given for them; whatever it knew of connections is forgotten. Neighbours are adopted before
 * anything is set up, because setting up asks for some (Neighs.adopt). Counters of what has
 * been (connections opened, packets) are not of the records, and stay as they are.
 */
export function adoptRecords(
  engine: Engine,
  now: number,
  { end, left = 0, marks = newMarks(engine) }: Adoption = {},
): Adopted {
  const { conns, dests, counters, lips, sessions, setup } = engine
  const { table, wheel } = conns
  for (const marked of marks) marked?.clear()
  counters.states.fill(0)
  wheel.clear(now)
  dests.forgetLimited()
  forgetConns(dests)
  const cleared = table.adopt(conn => {
    if (!isPossible(engine, conn, now) || !isOfRs(engine, conn)) {
      // Nobody has told its RS: so it is with the health checks of a daemon that died.
      markLport(engine, conn, marks, MARK.LAST)
      return false
    }
    const at = RECORD.at(conn)
    if (table.lip(conn) !== NO_LIP && !markLport(engine, conn, marks, MARK.IN_USE)) return false
    const state = table.state(conn)
    counters.states[stateCell(table.protocol(conn), state)]++
    const cell = conns.isEstablished(conn) ? ACTIVE : INACTIVE
    dests.cells[(table.dest(conn) << 4) | cell]++
    if (left > 0 && ((table.cells[at | CELL.DEADLINE] - now) | 0) < left)
      table.cells[at | CELL.DEADLINE] = (now + left) | 0
    wheel.file(conn, table.cells[at | CELL.DEADLINE])
    if (sessions !== null) sessions.adopt(conn, now)
    if (isOutside(table, conn)) setup.services.outside.hold(table.cells[at | CELL.LIP])
    return true
  }, end)
  for (const [place, pool] of lips.entries()) pool?.adopt(marks[place])
  conns.room.restore(null, now)
  conns.held.clear()
  dests.countLimited()
  dests.countedAnew()
  // The lists may be others than those by which they were let in.
  engine.cuts.acl.begin()
  return { conns: table.used, cleared }
}

/** No RS has connections: they are about to be counted anew. What is 0 is not written, which would take memory for places without an RS. */
export function forgetConns({ cells }: Dests): void {
  for (let at = 0; at < cells.length; at += DEST_CELLS) {
    if (cells[at | ACTIVE] !== 0) cells[at | ACTIVE] = 0
    if (cells[at | INACTIVE] !== 0) cells[at | INACTIVE] = 0
  }
}

/**
 * Makes an engine whole again in which something was broken off by an exception: what was begun and not settled is given up, and all that
 * is known of connections is made anew of the records. The connection that was being ended is gone.
 */
export function mendEngine(engine: Engine, now: number): Adopted {
  const { conns } = engine
  conns.drafts.settle()
  conns.left.forget()
  const { due, table } = conns
  conns.due = NO_CONN
  if (due !== NO_CONN) table.cells[RECORD.at(due) | CELL.BINDING] = 0
  return adoptRecords(engine, now)
}

/** What an engine with these arms writes; that it was one of this version and size is for whoever keeps the memory to know. */
function isPossible(
  { conns: { table }, arms, addressBook }: Engine,
  conn: number,
  now: number,
): boolean {
  const at = RECORD.at(conn)
  const binding = table.cells[at | CELL.BINDING]
  const ahead = (table.cells[at | CELL.DEADLINE] - now) | 0
  const inKey = RECORD.key(binding, 0)
  const key = inKey & PROTOCOL_BITS
  return (
    (inKey < KEY.IPV6 || isOfDigest(table, addressBook, conn)) &&
    (key === KEY.TCP || key === KEY.UDP || isPing(binding, key)) &&
    // An RS may speak IPv4 where its client speaks IPv6.
    [inKey, key].includes(RECORD.key(binding, 1)) &&
    isPossibleMethod(table, conn) &&
    table.clientArm(conn) < arms.length &&
    table.state(conn) < (key === KEY.TCP ? STATES : UDP_STATES) &&
    ahead < DEADLINE_MOST &&
    ((binding & SYN_PROXIED) === 0 || key === KEY.TCP) &&
    HEADER.isPossible(table.cold[RECORD.column(conn) | COLD.PROXY], binding)
  )
}

function isPing(binding: number, key: number): boolean {
  return key === KEY.ICMP && RECORD.method(binding) === METHOD.SNAT
}

/** All but FULLNAT and SNAT go without a LIP, with what the client has, and within one family. */
function isPossibleMethod(table: ConnTable, conn: number): boolean {
  const { cells } = table
  const at = RECORD.at(conn)
  const binding = cells[at | CELL.BINDING]
  const method = RECORD.method(binding)
  if (method === METHOD.FULLNAT || method === METHOD.SNAT) return table.lip(conn) !== NO_LIP
  return (
    method < METHOD.SNAT &&
    RECORD.key(binding, 0) === RECORD.key(binding, 1) &&
    table.lip(conn) === NO_LIP &&
    cells[at | CELL.LIP] === cells[at | CELL.CIP] &&
    (cells[at | CELL.RS_PORTS] & 0xffff) === cells[at | CELL.CLIENT_PORTS] >>> 16 &&
    cells[at | CELL.DELTA] === 0 &&
    table.cold[RECORD.column(conn) | COLD.PROXY] === 0
  )
}

/** => false, and nothing marked, if its LIP is not set up, or its lport another's */
function markLport(engine: Engine, conn: number, marks: Marks, mark: number): boolean {
  const { table } = engine.conns
  const { cells } = table
  const at = RECORD.at(conn)
  const place = table.lip(conn)
  const pool = engine.lips[place]
  const own = pool?.lip === cells[at | CELL.LIP] && pool.family === familyOut(table, at)
  const marked = own ? marks[place] : undefined
  const ports = cells[at | CELL.RS_PORTS]
  if (!marked || !pool) return false
  return pool.mark(marked, cells[at | CELL.RIP], ports >>> 16, ports & 0xffff, mark)
}

/** Its RS, and the service that it came to, are there, at the same place. */
function isOfRs({ conns: { table }, dests }: Engine, conn: number): boolean {
  const place = table.dest(conn)
  // Of an RS that was taken away connections live on.
  const dest = dests.list[place] ?? dests.gone[place]
  if (dest === undefined) return false
  const { cells } = table
  const at = RECORD.at(conn)
  const { service, family } = dest
  return (
    service.family === familyOfKey(RECORD.key(cells[at | CELL.BINDING], 0)) &&
    family === familyOut(table, at) &&
    service.protocol === PROTOCOL_NUMBERS[table.protocol(conn)] &&
    isOfDest(table, conn, dest) &&
    isOfService(table, conn, service) &&
    (service.match !== null) === (table.method(conn) === METHOD.SNAT)
  )
}

/** By SNAT over IPv6: of its service it is not known which addresses that had when it was opened. */
function isOutside(table: ConnTable, conn: number): boolean {
  return table.method(conn) === METHOD.SNAT && familyOut(table, RECORD.at(conn)) === Family.IPV6
}

/** Family of the OUT tuple of the record at `at`. */
function familyOut({ cells }: ConnTable, at: number): number {
  return familyOfKey(RECORD.key(cells[at | CELL.BINDING], 1))
}

/** The client's word is the digest of the address in the wide column, which this book makes of it; by SNAT so is that of whom it speaks to. */
function isOfDigest(table: ConnTable, book: AddressBook, conn: number): boolean {
  const { cells, wide, syn } = table
  const at = RECORD.column(conn)
  const record = RECORD.at(conn)
  const digest = book.digest(wide[at], wide[at + 1], wide[at + 2], wide[at + 3])
  if (cells[record | CELL.CIP] !== digest) return false
  if (table.method(conn) !== METHOD.SNAT) return true
  return cells[record | CELL.VIP] === book.far(syn[at], syn[at + 1], syn[at + 2], syn[at + 3])
}
