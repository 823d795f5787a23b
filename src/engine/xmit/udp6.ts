/**
 * The translation of a datagram of a client that speaks IPv6: as udp.ts has it over IPv4, with addresses of four words. Every datagram
 * over IPv6 has a checksum, and leaves with one (RFC 8200 8.1); one that comes to 0 is written as 0xffff. An RS that speaks IPv4 may
 * leave it out (headers64.ts).
 */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { CELL, FAMILIES, RECORD, SIX_TO_FOUR } from '../conn-layout.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { UdpOptions } from '../options.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { Headers64 } from './headers64.ts'
import { decrementHops } from './ip.ts'
import { UoaMode } from './uoa.ts'
import { hasRoomForUoa6, insertUoa6, writeUdpChecksum6 } from './uoa6.ts'
import { hasRoomForUoa64, insertUoa64 } from './uoa64.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CLIENT_PORTS, RS_PORTS, BINDING, UOA_SENT } = CELL
const { of: recordOf, column: columnAt } = RECORD
const { HEADER: UDP_HEADER, SPORT: UDP_SPORT, CHECKSUM: UDP_CHECKSUM } = UDP
const [BOTH_FAMILIES, ACROSS] = [FAMILIES, SIX_TO_FOUR]

export class Udp6Rewrite {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #addresses: Addresses6
  readonly #headers64: Headers64
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
    this.#headers64 = new Headers64(parts, decrementsTtl)
    this.#counters = counters
    this.#trail = uoa === UoaMode.OPP ? uoaMaxTrail : 0
    this.#decrementsTtl = decrementsTtl
  }

  /** As FullNat.translate; UOA_ALONE says that the datagram that has the client's address is still to be sent, ahead. */
  rewrite(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { l4 } = p
    const conn = recordOf(t)
    const inward = (t & 1) === 0
    const turned = cells[conn | (inward ? RS_PORTS : CLIENT_PORTS)]
    const ports = (turned << 16) | (turned >>> 16)
    const across = (cells[conn | BINDING] & BOTH_FAMILIES) === ACROSS
    const field = pkt.getUint16(l4 + UDP_CHECKSUM)
    const addresses = across
      ? this.#headers64.translate(slot, p, t)
      : this.#translateHeader(pkt, p, t)
    pkt.setInt32(l4 + UDP_SPORT, ports)
    if (p.partial === 1) pkt.setUint16(l4 + UDP_CHECKSUM, fold(field + addresses))
    else if (field === 0) writeUdpChecksum6(pkt, p.ip, l4, UDP_HEADER + p.payload)
    else {
      const sum = adjusted(field, addresses + diff32(p.ports, ports)) & 0xffff
      pkt.setUint16(l4 + UDP_CHECKSUM, udpSum(sum))
    }
    if (!inward || cells[conn | UOA_SENT] >= this.#trail) return 0
    cells[conn | UOA_SENT]++
    return this.#addUoa(slot, p, t, mtu, across)
  }

  #translateHeader(pkt: DataView, p: Parsed, t: number): number {
    if (this.#decrementsTtl) decrementHops(pkt, p)
    return this.#addresses.translate(pkt, p.ip, t)
  }

  #addUoa(slot: number, p: Parsed, t: number, mtu: number, across: boolean): number {
    const came = this.#frames.fragment[slot]
    const fits = across ? hasRoomForUoa64(p, came, mtu) : hasRoomForUoa6(p, came, mtu)
    if (!fits) return Event.UOA_ALONE
    const ports = this.#cells[recordOf(t) | CLIENT_PORTS]
    const insert = across ? insertUoa64 : insertUoa6
    insert(this.#frames, slot, p, this.#wide, columnAt(t >> 1), ports)
    this.#counters.count(Event.UOA_ADDED)
    return 0
  }
}
