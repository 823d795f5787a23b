/**
 * The IP header of a packet whose client speaks IPv6 and whose RS IPv4 (NAT64): 40 bytes become 20 and back, in front of a payload that
 * stays where it is. Before changing this file read semantics 1.10 and RFC 7915 4.1 and 5.1.
 *
 *   to the RS       TOS 0, ID 0, DF, TTL = hop limit; it has come without extension headers (nat64.ts)
 *   to the client   traffic class 0, flow label 0, hop limit = TTL; options of IPv4 are left out
 *
 * TOS and traffic class are 0 as in DPVS, where RFC 7915 copies them unless it is told otherwise.
 */

import { adjust, diff16, fold, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IP_DF, IPV4, PROTO } from '../../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, writeIpv6 } from '../../wire/ipv6.ts'
import { GSO, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, KEY, PROTOCOL_BITS, RECORD } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { moveHeaders } from './ip.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { RIP, LIP } = CELL
const { of: recordOf } = RECORD
const { HEADER: HEADER4, ID, FRAGMENT, TTL, CHECKSUM, SRC, DST } = IPV4
const { HEADER: HEADER6, SRC: SRC6 } = IPV6
const { TYPE: ETH_TYPE } = ETH
const { IPV4: TYPE4, IPV6: TYPE6 } = ETHERTYPE
const { TCP, UDP } = PROTO
const { TCP: KEY_TCP, IPV6: SIX } = KEY
const { BYTES: VNET_BYTES, GSO_TYPE, CSUM_START } = VNET
const PROTOCOL = PROTOCOL_BITS
const DF = IP_DF
const BOTH6 = 2 * ADDRESS6_BYTES
/** A frame that is to be segmented into one family's segments, or into the other's. */
const OTHER_GSO = GSO.TCPV4 ^ GSO.TCPV6

export class Headers64 {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #addresses: Addresses6
  readonly #hop: number

  constructor(parts: Parts, decrementsTtl: boolean) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#addresses = new Addresses6(parts)
    this.#hop = decrementsTtl ? 1 : 0
  }

  /** Gives the packet of tuple t the header and addresses that it leaves with; p follows, as a packet of the other family. => The difference for a checksum */
  translate(slot: number, p: Parsed, t: number): number {
    const { ip } = p
    const { pkt } = this.#frames
    if ((t & 1) === 0) {
      const before = fold(sumWords(pkt, ip + SRC6, BOTH6))
      return diff16(before, fold(this.#toIpv4(slot, p, t)))
    }
    const before = fold(sumWords(pkt, ip + SRC, 8))
    return diff16(before, fold(this.#toIpv6(slot, p, t)))
  }

  /** => The unfolded sum of the addresses */
  #toIpv4(slot: number, p: Parsed, t: number): number {
    const { pkt } = this.#frames
    const at = recordOf(t)
    const lip = this.#cells[at | LIP]
    const rip = this.#cells[at | RIP]
    this.#replace(slot, p, HEADER4, TYPE4)
    p.key &= PROTOCOL
    const { ip, ipTotal } = p
    const protocol = p.key === KEY_TCP ? TCP : UDP
    const hops = ((p.ttl - this.#hop) << 8) | protocol
    const addresses = (lip >>> 16) + (lip & 0xffff) + (rip >>> 16) + (rip & 0xffff)
    const sum = ~fold(0x4500 + ipTotal + DF + hops + addresses) & 0xffff
    pkt.setInt32(ip, 0x4500_0000 | ipTotal)
    pkt.setInt32(ip + ID, DF)
    pkt.setInt32(ip + TTL, (hops << 16) | sum)
    pkt.setInt32(ip + SRC, lip)
    pkt.setInt32(ip + DST, rip)
    return addresses
  }

  /** => The same */
  #toIpv6(slot: number, p: Parsed, t: number): number {
    const { pkt } = this.#frames
    this.#replace(slot, p, HEADER6, TYPE6)
    const protocol = p.key === KEY_TCP ? TCP : UDP
    p.key |= SIX
    writeIpv6(pkt, p.ip, protocol, p.ipTotal - HEADER6, p.ttl - this.#hop)
    return this.#addresses.write(pkt, p.ip, t)
  }

  /** The IP header has `header` bytes from now on, whatever is in them; what is in front of it moves along. */
  #replace(slot: number, p: Parsed, header: number, type: number): void {
    const { l4 } = p
    const { pkt } = this.#frames
    const by = header - p.ipHeader
    moveHeaders(this.#frames, slot, p, p.ip, by)
    p.l4 = l4
    p.ip = l4 - header
    p.ipHeader = header
    p.ipTotal += by
    p.largest += by
    pkt.setUint16(p.eth + ETH_TYPE, type)
    if (p.partial === 0) return
    const vnet = p.eth - VNET_BYTES
    pkt.setUint16(vnet + CSUM_START, l4 - p.eth, true)
    if (p.gsoSize !== 0 && (p.key & PROTOCOL) === KEY_TCP)
      pkt.setUint8(vnet + GSO_TYPE, pkt.getUint8(vnet + GSO_TYPE) ^ OTHER_GSO)
  }
}

/** The packet to an RS at `ip` may be cut after all. */
export function mayBeCut(pkt: DataView, ip: number): void {
  pkt.setUint16(ip + FRAGMENT, 0)
  adjust(pkt, ip + CHECKSUM, diff16(DF, 0))
}
