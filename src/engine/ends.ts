/**
 * The ends of a connection in records of other memory: its two tuples without the links, with addresses in place of words, so that
 * whoever reads them needs no book. An address is the last word of one of IPv6, and its first three in the REST; of IPv4 those are 0, with
 * which no address of IPv6 that means something begins (RFC 4291 2.5.5.1).
 */

import { cellsOf } from './cells.ts'
import type { ConnTable } from './conn.ts'
import { BY_SNAT, CELL, isClientsOwn, KEY, METHOD_BITS, RECORD } from './conn-layout.ts'

export const EndsCell = cellsOf({
  CIP: 1,
  VIP: 1,
  CLIENT_PORTS: 1,
  RIP: 1,
  LIP: 1,
  RS_PORTS: 1,
  CIP_REST: 3,
  VIP_REST: 3,
  RIP_REST: 3,
  LIP_REST: 3,
})

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = EndsCell
const { CIP_REST, VIP_REST, RIP_REST, LIP_REST } = EndsCell
const { at: recordAt, column: columnAt, key: keyOf } = RECORD
const { IPV6 } = KEY
const REST = 3

/** Copies the ends of `conn` to `into`, from cell `at` on. */
export function copyEnds(table: ConnTable, conn: number, into: Int32Array, at: number): void {
  const { cells } = table
  const from = recordAt(conn)
  into[at + CIP] = cells[from | CELL.CIP]
  into[at + VIP] = cells[from | CELL.VIP]
  into[at + CLIENT_PORTS] = cells[from | CELL.CLIENT_PORTS]
  into[at + RIP] = cells[from | CELL.RIP]
  into[at + LIP] = cells[from | CELL.LIP]
  into[at + RS_PORTS] = cells[from | CELL.RS_PORTS]
  clear(into, at + CIP_REST)
  clear(into, at + VIP_REST)
  clear(into, at + RIP_REST)
  clear(into, at + LIP_REST)
  const binding = cells[from | CELL.BINDING]
  const isFar = (binding & METHOD_BITS) === BY_SNAT
  if (keyOf(binding, 0) >= IPV6) {
    put(table.wide, conn, into, at + CIP, at + CIP_REST)
    if (isFar) put(table.syn, conn, into, at + VIP, at + VIP_REST)
    else spell(table, into, at + VIP, at + VIP_REST)
  }
  if (keyOf(binding, 1) >= IPV6) {
    if (isFar) put(table.syn, conn, into, at + RIP, at + RIP_REST)
    else spell(table, into, at + RIP, at + RIP_REST)
    if (isClientsOwn(binding)) put(table.wide, conn, into, at + LIP, at + LIP_REST)
    else spell(table, into, at + LIP, at + LIP_REST)
  }
}

/** Three cells one by one: a loop over all twelve was a tenth of what a packet on record costs. */
function clear(into: Int32Array, rest: number): void {
  into[rest] = 0
  into[rest + 1] = 0
  into[rest + 2] = 0
}

/** What a column has of a conn comes into the cells of an address. */
function put(column: Int32Array, conn: number, into: Int32Array, at: number, rest: number): void {
  const from = columnAt(conn)
  into[at] = column[from + REST]
  for (let i = 0; i < REST; i++) into[rest + i] = column[from + i]
}

/** The word in a cell becomes the address that it stands for. */
function spell({ book }: ConnTable, into: Int32Array, at: number, rest: number): void {
  const word = into[at]
  if (book === null) return
  into[at] = book.cell(word, REST)
  for (let i = 0; i < REST; i++) into[rest + i] = book.cell(word, i)
}
