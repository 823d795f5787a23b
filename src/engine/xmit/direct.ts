/**
 * Direct routing (DR): the RS has the VIP itself, does not tell anybody, and answers the client past us. The packet is the client's,
 * and only its MACs are others. In a tunnel it is that, too, behind a header of ours (tunnel.ts).
 */

import type { ConnTable } from '../conn.ts'
import { KEY } from '../conn-layout.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import type { Dest, Service } from '../service.ts'
import { decrementHops, decrementTtl } from './ip.ts'
import type { Method } from './method.ts'
import { bindAsIs } from './nat.ts'

export class Direct implements Method {
  readonly #pkt: DataView
  readonly #table: ConnTable
  readonly #decrementsTtl: boolean

  constructor({ frames, table }: Parts, decrementsTtl: boolean) {
    this.#pkt = frames.pkt
    this.#table = table
    this.#decrementsTtl = decrementsTtl
  }

  refusal(): number {
    return 0
  }

  without(): number {
    return 0
  }

  bind(conn: number, _service: Service, dest: Dest): number {
    bindAsIs(this.#table, conn, dest)
    return 0
  }

  translate(_slot: number, p: Parsed): number {
    if (!this.#decrementsTtl) return 0
    if (p.key < KEY.IPV6) decrementTtl(this.#pkt, p.ip)
    else decrementHops(this.#pkt, p)
    return 0
  }

  release(): void {}
}
