/**
 * The translation of a datagram over IPv6: as udp.ts has it over IPv4, with addresses of four words. Every datagram has a checksum, and
 * leaves with one (RFC 8200 8.1); one that comes to 0 is written as 0xffff.
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import { UDP } from '../../wire/udp.ts'
import { CELL, RECORD } from '../conn-layout.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { UdpOptions } from '../options.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { UoaMode } from './uoa.ts'
import { hasRoomForUoa6, insertUoa6 } from './uoa6.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CLIENT_PORTS, RS_PORTS, UOA_SENT } = CELL
const { of: recordOf, column: columnAt } = RECORD
const { SPORT: UDP_SPORT, CHECKSUM: UDP_CHECKSUM } = UDP
const { HOP_LIMIT } = IPV6

export class Udp6Rewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #addresses: Addresses6
  readonly #counters: Counters
  /** Datagrams of a connection that carry UOA; 0 if it is off, or an option of IPv4 alone. */
  readonly #trail: number
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, { uoa, uoaMaxTrail }: UdpOptions, decrementsTtl: boolean) {
    const { frames, table, counters } = parts
    this.#frames = frames
    this.#cells = table.cells
    this.#wide = table.wide
    this.#addresses = new Addresses6(parts)
    this.#counters = counters
    this.#trail = uoa === UoaMode.OPP ? uoaMaxTrail : 0
    this.#decrementsTtl = decrementsTtl
  }

  /** As FullNat.translate; UOA_ALONE says that the datagram that has the client's address is still to be sent, ahead. */
  rewrite(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { ip, l4 } = p
    const conn = recordOf(t)
    const inward = (t & 1) === 0
    const turned = cells[conn | (inward ? RS_PORTS : CLIENT_PORTS)]
    const ports = (turned << 16) | (turned >>> 16)
    const field = pkt.getUint16(l4 + UDP_CHECKSUM)
    const addresses = this.#addresses.translate(pkt, ip, t)
    pkt.setInt32(l4 + UDP_SPORT, ports)
    if (p.partial === 1) pkt.setUint16(l4 + UDP_CHECKSUM, fold(field + addresses))
    else {
      const sum = adjusted(field, addresses + diff32(p.ports, ports)) & 0xffff
      pkt.setUint16(l4 + UDP_CHECKSUM, sum === 0 ? 0xffff : sum)
    }
    if (this.#decrementsTtl) pkt.setUint8(ip + HOP_LIMIT, p.ttl - 1)
    if (!inward || cells[conn | UOA_SENT] >= this.#trail) return 0
    cells[conn | UOA_SENT]++
    if (!hasRoomForUoa6(p, this.#frames.fragment[slot], mtu)) return Event.UOA_ALONE
    insertUoa6(this.#frames, slot, p, this.#wide, columnAt(t >> 1), cells[conn | CLIENT_PORTS])
    this.#counters.count(Event.UOA_ADDED)
    return 0
  }
}
