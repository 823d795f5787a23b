/** The ends of a connection in records of other memory: both tuples of the connection table without the links. */

import { cellsOf } from './cells.ts'
import { CELL } from './conn.ts'

export const EndsCell = cellsOf({ CIP: 1, VIP: 1, CLIENT_PORTS: 1, RIP: 1, LIP: 1, RS_PORTS: 1 })

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { SADDR, DADDR, PORTS } = CELL
const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = EndsCell
/** The cells of the OUT tuple. */
const OUT = 4

/** Copies the ends of `conn` to `into`, from cell `at` on. */
export function copyEnds(conns: Int32Array, conn: number, into: Int32Array, at: number): void {
  const from = conn << 4
  into[at + CIP] = conns[from | SADDR]
  into[at + VIP] = conns[from | DADDR]
  into[at + CLIENT_PORTS] = conns[from | PORTS]
  into[at + RIP] = conns[from | OUT | SADDR]
  into[at + LIP] = conns[from | OUT | DADDR]
  into[at + RS_PORTS] = conns[from | OUT | PORTS]
}
