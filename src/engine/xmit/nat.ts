/**
 * NAT: the RS sees the client, and its answers come back through here, because we are its gateway. Addresses and ports become the
 * mirror of the other tuple, nothing else (plain.ts, plain6.ts): neither numbers nor options.
 */

import { PROTO } from '../../wire/ipv4.ts'
import type { ConnTable } from '../conn.ts'
import { CELL, COLD, KEY, NO_LIP, RECORD } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import { Family } from '../family.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import type { Dest, Service } from '../service.ts'
import type { Method } from './method.ts'
import { PlainRewrite } from './plain.ts'
import { PlainRewrite6 } from './plain6.ts'

const { CIP, CLIENT_PORTS, RIP, LIP, RS_PORTS, DELTA, RST_ACK } = CELL
const { at: recordAt, column: columnAt } = RECORD

/** Of a new conn whose RS gets the client's own address: its OUT tuple, and that nothing of it moves. */
export function bindAsIs(table: ConnTable, conn: number, { rip, rport }: Dest): void {
  const { cells, cold } = table
  const at = recordAt(conn)
  cells[at | RIP] = rip
  cells[at | LIP] = cells[at | CIP]
  cells[at | RS_PORTS] = (rport << 16) | (cells[at | CLIENT_PORTS] >>> 16)
  cells[at | DELTA] = 0
  table.setLip(conn, NO_LIP)
  cold[columnAt(conn) | COLD.PROXY] = 0
  // What the RS will have to acknowledge; of a datagram there is nothing.
  cells[at | RST_ACK] = cold[columnAt(conn) | COLD.CLIENT_ISN] + 1
}

export class Nat implements Method {
  readonly #table: ConnTable
  readonly #plain: PlainRewrite
  readonly #plain6: PlainRewrite6

  constructor(parts: Parts, decrementsTtl: boolean) {
    this.#table = parts.table
    this.#plain = new PlainRewrite(parts, decrementsTtl)
    this.#plain6 = new PlainRewrite6(parts, decrementsTtl)
  }

  refusal(): number {
    return 0
  }

  without(): number {
    return 0
  }

  /** A client that has come to the same RS by two services from one port would have its answers twice. */
  bind(conn: number, { protocol }: Service, dest: Dest): number {
    bindAsIs(this.#table, conn, dest)
    const key = protocol === PROTO.TCP ? KEY.TCP : KEY.UDP
    const family = dest.family === Family.IPV6 ? KEY.IPV6 : 0
    return this.#table.index.hasAs(key | family, (conn << 1) | 1) ? -Drop.NAT_TAKEN : 0
  }

  translate(_slot: number, p: Parsed, t: number): number {
    if (p.key < KEY.IPV6) this.#plain.rewrite(p, t)
    else this.#plain6.rewrite(p, t)
    return 0
  }

  release(): void {}
}
