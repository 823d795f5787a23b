/** The lport of a conn that is about to be ended, for the one that follows it if that comes to the same RS. */

import type { ConnTable } from '../conn.ts'
import { CELL, RECORD } from '../conn-layout.ts'
import { NO_LPORT } from '../sa-pool.ts'
import type { Dest, Lips, Service } from '../service.ts'

const { RIP, RS_PORTS, RST_ACK } = CELL
const { at: recordAt } = RECORD

/** The lport of a conn that is closed goes back with what its connection has come to. */
export function giveBackLport(table: ConnTable, lips: Lips, conn: number): void {
  const { cells } = table
  const at = recordAt(conn)
  const ports = cells[at | RS_PORTS]
  lips[table.lip(conn)].release(cells[at | RIP], ports >>> 16, ports & 0xffff, cells[at | RST_ACK])
}

export class LeftLport {
  readonly #table: ConnTable
  readonly #lips: Lips
  #dest: Dest | undefined
  #lip = 0
  #lport = 0

  constructor(table: ConnTable, lips: Lips) {
    this.#table = table
    this.#lips = lips
  }

  /** `dest` is the RS of the conn, undefined if that is gone. */
  remember(conn: number, dest: Dest | undefined): void {
    this.#dest = dest
    this.#lip = this.#table.lip(conn)
    this.#lport = this.#table.cells[recordAt(conn) | RS_PORTS] & 0xffff
  }

  forget(): void {
    this.#dest = undefined
  }

  /** => LIP index << 16 | lport for a connection to `dest`, which is not free any more; NO_LPORT if there is none to keep. */
  takeBack(service: Service, dest: Dest): number {
    if (this.#dest !== dest || !service.lips.includes(this.#lip)) return NO_LPORT
    this.#lips[this.#lip].takeBack(dest.rip, dest.rport)
    return (this.#lip << 16) | this.#lport
  }
}
