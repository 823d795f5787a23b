/** The ends of a connection in records of other memory: its two tuples without the links. */

import { cellsOf } from './cells.ts'
import { CELL, RECORD } from './conn-layout.ts'

export const EndsCell = cellsOf({ CIP: 1, VIP: 1, CLIENT_PORTS: 1, RIP: 1, LIP: 1, RS_PORTS: 1 })

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = EndsCell
const { at: recordAt } = RECORD

/** Copies the ends of `conn` to `into`, from cell `at` on. */
export function copyEnds(conns: Int32Array, conn: number, into: Int32Array, at: number): void {
  const from = recordAt(conn)
  into[at + CIP] = conns[from | CELL.CIP]
  into[at + VIP] = conns[from | CELL.VIP]
  into[at + CLIENT_PORTS] = conns[from | CELL.CLIENT_PORTS]
  into[at + RIP] = conns[from | CELL.RIP]
  into[at + LIP] = conns[from | CELL.LIP]
  into[at + RS_PORTS] = conns[from | CELL.RS_PORTS]
}
