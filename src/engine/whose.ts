/** Whose a record is, by what stands in it. */

import type { ConnTable } from './conn.ts'
import { CELL, RECORD } from './conn-layout.ts'
import type { Dest, Service } from './service.ts'

const { VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = CELL
const { at: recordAt } = RECORD

/** Its RS is `dest`; of a match service the address of ours that it has outside, where it speaks to whom its client does. */
export function isOfDest({ cells }: ConnTable, conn: number, dest: Dest): boolean {
  const at = recordAt(conn)
  const rport = cells[at | RS_PORTS] >>> 16
  if (dest.service.match === null) return dest.rip === cells[at | RIP] && dest.rport === rport
  if (dest.rip !== cells[at | LIP] || cells[at | RIP] !== cells[at | VIP]) return false
  return rport === (cells[at | CLIENT_PORTS] & 0xffff)
}

/** It came to `service`, if that is of its protocol and family. */
export function isOfService({ cells }: ConnTable, conn: number, service: Service): boolean {
  if (service.match !== null) return true
  const at = recordAt(conn)
  return service.vip === cells[at | VIP] && service.vport === (cells[at | CLIENT_PORTS] & 0xffff)
}
