/**
 * SNAT: who is far away sees one of our addresses and an lport, the host inside whom it speaks to (semantics 8.4). The "RS" of a service
 * is the address that its connections have outside, and a LIP of the arm there: both ends of the OUT tuple are known by
 * the packet that opens a connection, and only the lport is chosen.
 */

import { PROTO } from '../../wire/ipv4.ts'
import type { ConnTable } from '../conn.ts'
import { CELL, COLD, KEY, PROTOCOL_BITS, RECORD } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { NO_LPORT, subPoolOf } from '../sa-pool.ts'
import { sayLport } from '../say.ts'
import type { Dest, Lips, Service } from '../service.ts'
import type { TraceRing } from '../trace.ts'
import { EchoRewrite } from './echo.ts'
import { giveBackLport } from './left-lport.ts'
import type { Method } from './method.ts'
import { PlainRewrite } from './plain.ts'
import { PlainRewrite6 } from './plain6.ts'

const { VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS, DELTA, RST_ACK } = CELL
const { CLIENT_ISN, PROXY } = COLD
const { at: recordAt, column: columnAt } = RECORD
const { TCP } = PROTO
const { IPV6, ICMP } = KEY

export class Snat implements Method {
  readonly #table: ConnTable
  readonly #lips: Lips
  readonly #trace: TraceRing
  readonly #plain: PlainRewrite
  readonly #plain6: PlainRewrite6
  readonly #echo: EchoRewrite

  constructor(parts: Parts, decrementsTtl: boolean) {
    this.#table = parts.table
    this.#lips = parts.lips
    this.#trace = parts.trace
    this.#plain = new PlainRewrite(parts, decrementsTtl)
    this.#plain6 = new PlainRewrite6(parts, decrementsTtl)
    this.#echo = new EchoRewrite(parts, decrementsTtl)
  }

  refusal(): number {
    return 0
  }

  /** Addresses that have no lport left towards where the packet is for, and who shares a sub-pool with one, if there are others. */
  without({ lips }: Service, { daddr, ports }: Parsed): number {
    let without = 0
    for (let i = 0; i < lips.length; i++) {
      const pool = this.#lips[lips[i]]
      if (pool.freeTowards(daddr, ports & 0xffff) === 0) without |= 1 << subPoolOf(pool.lip, 0)
    }
    return without
  }

  /** An lport of the address; numbers of TCP stay as they are. */
  bind(conn: number, service: Service, dest: Dest): number {
    const { cells, cold } = this.#table
    const at = recordAt(conn)
    const place = this.#placeOf(service, dest.rip)
    if (place < 0) return -Drop.LPORT_EXHAUSTED
    const pool = this.#lips[place]
    const peer = cells[at | VIP]
    const port = cells[at | CLIENT_PORTS] & 0xffff
    const lport = pool.fetch(peer, port)
    if (lport === NO_LPORT) return -Drop.LPORT_EXHAUSTED
    cells[at | RIP] = peer
    cells[at | LIP] = dest.rip
    cells[at | RS_PORTS] = (port << 16) | lport
    this.#table.setLip(conn, place)
    cold[columnAt(conn) | PROXY] = 0
    cells[at | DELTA] = 0
    cells[at | RST_ACK] =
      service.protocol === TCP
        ? cold[columnAt(conn) | CLIENT_ISN] + 1
        : pool.lastSeq(peer, port, lport)
    if (this.#trace.debug) sayLport(this.#trace, pool, lport, 0, pool.freeTowards(peer, port))
    return 0
  }

  translate(_slot: number, p: Parsed, t: number): number {
    if ((p.key & PROTOCOL_BITS) === ICMP) this.#echo.rewrite(p, t)
    else if (p.key < IPV6) this.#plain.rewrite(p, t)
    else this.#plain6.rewrite(p, t)
    return 0
  }

  release(conn: number): void {
    giveBackLport(this.#table, this.#lips, conn)
  }

  #placeOf({ lips }: Service, address: number): number {
    for (let i = 0; i < lips.length; i++) if (this.#lips[lips[i]].lip === address) return lips[i]
    return -1
  }
}
