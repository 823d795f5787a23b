/** Addresses in records of the trace, as trace-kinds.ts has them: spelt out, for nobody who reads them has the book. */

import {
  BY_SNAT,
  CELL,
  familyOfKey,
  METHOD_BITS,
  PROTOCOL_BITS,
  PROTOCOL_NUMBERS,
  RECORD,
} from './conn-layout.ts'
import { Family, familyOf } from './family.ts'
import type { NeighTable } from './neigh-table.ts'
import type { TraceRing } from './trace.ts'

const { IPV4, IPV6 } = Family
const { at: recordAt, column: columnAt } = RECORD

/** Of what a packet is looked up by, or of a conn's binding, which has it in the same bits. */
export function protocolOf(key: number): number {
  return PROTOCOL_NUMBERS[key & PROTOCOL_BITS]
}

/** `word` is of a family (family.ts). */
export function endpoint(
  trace: TraceRing,
  at: number,
  word: number,
  port: number,
  family: number,
): void {
  const { record } = trace
  record[at + 1] = port
  writeWord(trace, at, at + 2, word, family)
}

export function address(trace: TraceRing, at: number, word: number, family: number): void {
  writeWord(trace, at, at + 1, word, family)
}

/** That of neighbour n, whose word may be a digest (neigh-word.ts). */
export function neighbour(trace: TraceRing, at: number, neighs: NeighTable, n: number): void {
  const family = familyOf(neighs.link(n))
  if (family === IPV4 || neighs.word[n] > 0) address(trace, at, neighs.word[n], family)
  else writeCells(trace, at, at + 1, neighs.far, n << 2)
}

/** The last word of the address to one cell, the others to three from `rest` on. */
function writeWord(trace: TraceRing, at: number, rest: number, word: number, family: number): void {
  const { record, book } = trace
  const isSix = family === IPV6 && book !== null
  record[at] = isSix ? book.cell(word, 3) : word
  for (let i = 0; i < 3; i++) record[rest + i] = isSix ? book.cell(word, i) : 0
}

/** The same of an address that is in four cells of `column` from `from` on. */
function writeCells(
  { record }: TraceRing,
  at: number,
  rest: number,
  column: Int32Array,
  from: number,
): void {
  record[at] = column[from + 3]
  for (let i = 0; i < 3; i++) record[rest + i] = column[from + i]
}

/** The client's endpoint, whose address over IPv6 is in four cells of `wide` from `from` on. */
export function client(
  trace: TraceRing,
  at: number,
  port: number,
  wide: Int32Array,
  from: number,
): void {
  trace.record[at + 1] = port
  writeCells(trace, at, at + 2, wide, from)
}

/** The same of a conn. */
export function clientOf(trace: TraceRing, at: number, conns: Int32Array, conn: number): void {
  const from = recordAt(conn)
  const port = conns[from | CELL.CLIENT_PORTS] >>> 16
  if (familyIn(conns, conn) === IPV6) client(trace, at, port, trace.wide, columnAt(conn))
  else endpoint(trace, at, conns[from | CELL.CIP], port, IPV4)
}

/** The VIP of a conn, or its RS: who is behind these by SNAT over IPv6 has no word. */
export function serverOf(
  trace: TraceRing,
  at: number,
  conns: Int32Array,
  conn: number,
  of: 'VIP' | 'RIP',
): void {
  const from = recordAt(conn)
  const isVip = of === 'VIP'
  const port = isVip ? conns[from | CELL.CLIENT_PORTS] & 0xffff : conns[from | CELL.RS_PORTS] >>> 16
  const family = isVip ? familyIn(conns, conn) : familyOut(conns, conn)
  const isFar = family === IPV6 && (conns[from | CELL.BINDING] & METHOD_BITS) === BY_SNAT
  if (isFar) client(trace, at, port, trace.far, columnAt(conn))
  else endpoint(trace, at, conns[from | CELL[of]], port, family)
}

export function familyIn(conns: Int32Array, conn: number): number {
  return familyOfKey(RECORD.key(conns[recordAt(conn) | CELL.BINDING], 0))
}

export function familyOut(conns: Int32Array, conn: number): number {
  return familyOfKey(RECORD.key(conns[recordAt(conn) | CELL.BINDING], 1))
}
