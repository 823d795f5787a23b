/**
 * The headers of a packet of IPv6, decoded into what parsed.ts decodes those of IPv4 into: words in place of addresses, and all
 * extension headers as part of the IP header. Read RFC 8200 4, RFC 7112 and RFC 6946 before changing this file.
 *
 * Which word a source has depends on who it is: what goes to a LIP comes from an RS, whose address the book has; all other is
 * of clients, whose word is a digest. What an RS answers by NAT goes to a client, and it is the destination whose word is one. So is the
 * word of whom hosts inside speak to (outside.ts), on the way there and back.
 */

import { ETH } from '../wire/ethernet.ts'
import { QUOTED_BYTES } from '../wire/icmp.ts'
import { ICMPV6, isIcmpv6Error, isIcmpv6Intact, ND_HOPS } from '../wire/icmpv6.ts'
import { PROTO } from '../wire/ipv4.ts'
import {
  ADDRESS6_BYTES,
  EXTENSION_BYTES_MOST,
  extensionBytes,
  FRAGMENT6,
  IPV6,
  isExtension,
  isLaterFragment6,
  NEXT,
  quotedHeader6,
  quotedNext6,
  readAddress6,
} from '../wire/ipv6.ts'
import { UDP } from '../wire/udp.ts'
import { VNET, VNET_FLAG } from '../wire/vnet-hdr.ts'
import { type AddressBook, NO_WORD } from './address-book.ts'
import { KEY } from './conn-layout.ts'
import { Drop } from './counters.ts'
import { answersTo, quotedKey } from './echo-tuple.ts'
import { Family } from './family.ts'
import type { Frames } from './frames.ts'
import type { Outside } from './outside.ts'
import { Kind, type Parsed } from './parsed.ts'
import { xored } from './steering.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: ETH_HEADER, DST: ETH_DST } = ETH
const { HEADER: IP_HEADER, SRC: IP_SRC, DST: IP_DST, NEXT: IP_NEXT, PAYLOAD_LENGTH } = IPV6
const { BYTES: VNET_BYTES, FLAGS: VNET_FLAGS, GSO_TYPE: VNET_GSO_TYPE } = VNET
const { TCP: PROTO_TCP, UDP: PROTO_UDP } = PROTO
const { IPV6: FAMILY } = Family
const { IPV6: SIX } = KEY
const { TCP: KIND_TCP } = Kind

/** Who knows which addresses are LIPs, and what comes from an RS that is reached by NAT. */
export interface LipSet {
  isLip(word: number, family: number): boolean
  /**
   * Whether a packet from an address, whose four words XORed are `from`, and this port (below 0: not known, and nor is `key`) may be an answer of
   * one. `to` is the word of whom it is for.
   */
  answersByNat(key: number, from: number, port: number, to: number): boolean
  readonly services: { readonly outside: Outside }
}

export class Parsed6 {
  readonly #frames: Frames
  readonly #book: AddressBook
  readonly #lips: LipSet

  constructor(frames: Frames, book: AddressBook, lips: LipSet) {
    this.#frames = frames
    this.#book = book
    this.#lips = lips
  }

  /** Goes on with the frame in `slot` for which Parsed.decode has said Kind.IPV6. => As that */
  decode(p: Parsed, slot: number): number {
    const { pkt, length } = this.#frames
    // Where nothing of IPv6 is set up it is a stranger's protocol.
    if (this.#book.used === 0) return -Drop.ETH_TYPE
    const { eth } = p
    const bytes = length[slot] - VNET_BYTES - ETH_HEADER
    const ip = eth + ETH_HEADER
    if (bytes < IP_HEADER || pkt.getUint8(ip) >>> 4 !== 6) return -Drop.IP_HEADER
    const total = IP_HEADER + pkt.getUint16(ip + PAYLOAD_LENGTH)
    if (total > bytes) return -Drop.IP_TRUNCATED
    // As of IPv4: padding is no payload.
    length[slot] = VNET_BYTES + ETH_HEADER + total
    p.ttl = pkt.getUint8(ip + IPV6.HOP_LIMIT)
    if (p.ttl === 0) return -Drop.IP_TTL
    p.ip = ip
    p.ipTotal = total
    // Of groups nobody is a packet's sender (RFC 4291 2.7).
    if (pkt.getUint8(ip + IP_SRC) === 0xff) return -Drop.IP_SOURCE
    this.#decodeAddresses(p, pkt, ip)
    const next = this.#passExtensions(p, pkt, ip, total)
    if (next < 0) return next
    if ((pkt.getUint8(eth + ETH_DST) & 1) !== 0 && !isOfNeighbours(pkt, p, next))
      return -Drop.ETH_NOT_UNICAST
    const kind = this.#decodeInside(p, pkt, next)
    if (kind >= KIND_TCP) this.#decodeAnswer(p, pkt, p.ports >>> 16)
    else if (kind === Kind.FRAGMENT6) this.#decodeAnswer(p, pkt, -1)
    return kind
  }

  /** What an RS sends its client by NAT. An error is about what was sent to one. */
  #decodeAnswer(p: Parsed, pkt: DataView, port: number): void {
    const { source, destination } = p
    if (!this.#lips.answersByNat(p.key, xored(source), port, p.daddr)) return
    const book = this.#book
    const rip = book.find(source[0], source[1], source[2], source[3])
    if (rip === NO_WORD) return
    readAddress6(pkt, p.ip + IP_DST, destination)
    p.client = destination
    p.saddr = rip
    p.daddr = book.digest(destination[0], destination[1], destination[2], destination[3])
  }

  #decodeAddresses(p: Parsed, pkt: DataView, ip: number): void {
    const { source } = p
    p.client = source
    readAddress6(pkt, ip + IP_SRC, source)
    p.daddr = this.#book.read(pkt, ip + IP_DST)
    if (this.#lips.services.outside.isUsed) this.#lips.services.outside.target(p, pkt, ip + IP_DST)
    p.saddr = this.#wordOf(p)
  }

  /** What the address in `source` is to a packet to `daddr`. */
  #wordOf({ source, daddr }: Parsed): number {
    const book = this.#book
    if (!this.#lips.isLip(daddr, FAMILY))
      return book.digest(source[0], source[1], source[2], source[3])
    return this.#lips.services.outside.has(daddr)
      ? book.far(source[0], source[1], source[2], source[3])
      : book.find(source[0], source[1], source[2], source[3])
  }

  /** => The number of what is behind the extension headers, FRAGMENT for a fragment; or minus a drop reason */
  #passExtensions(p: Parsed, pkt: DataView, ip: number, total: number): number {
    let next = pkt.getUint8(ip + IP_NEXT)
    let at = ip + IP_HEADER
    p.next = ip + IP_NEXT
    const end = ip + Math.min(total, IP_HEADER + EXTENSION_BYTES_MOST)
    while (next !== PROTO_TCP && (isExtension(next) || next === NEXT.FRAGMENT)) {
      if (at + 8 > end) return -Drop.IP_EXTENSION
      const bytes = next === NEXT.FRAGMENT ? FRAGMENT6.HEADER : extensionBytes(pkt, at)
      if (at + bytes > end) return -Drop.IP_EXTENSION
      // Only the first of them is looked at on the way, and one with hops to go is for a router (RFC 8200 4.3, 4.4; RFC 5095).
      if (next === NEXT.HOP_BY_HOP && at !== ip + IP_HEADER) return -Drop.IP_EXTENSION
      if (next === NEXT.ROUTING && pkt.getUint8(at + 3) !== 0) return -Drop.IP_EXTENSION
      if (next === NEXT.FRAGMENT) {
        // One that is all of its packet is none (RFC 6946).
        const word = pkt.getUint16(at + FRAGMENT6.OFFSET)
        if ((word & (FRAGMENT6.OFFSET_BITS | FRAGMENT6.MORE)) !== 0) break
      }
      next = pkt.getUint8(at)
      p.next = at
      at += bytes
    }
    p.l4 = at
    p.ipHeader = at - ip
    return next
  }

  #decodeInside(p: Parsed, pkt: DataView, next: number): number {
    const bytes = p.ipTotal - p.ipHeader
    if (next === PROTO_TCP) return asSix(p, p.decodeTcp(pkt, bytes))
    if (next === PROTO_UDP) {
      const kind = asSix(p, p.decodeUdp(pkt, bytes))
      if (kind < 0 || p.partial === 1) return kind
      // Nothing else would show that an address is spoilt (RFC 8200 8.1).
      return pkt.getUint16(p.l4 + UDP.CHECKSUM) === 0 ? -Drop.UDP_CHECKSUM : kind
    }
    const vnet = p.eth - VNET_BYTES
    const offloads =
      (pkt.getUint8(vnet + VNET_FLAGS) & VNET_FLAG.NEEDS_CSUM) | pkt.getUint8(vnet + VNET_GSO_TYPE)
    if (next === NEXT.FRAGMENT) {
      if (!isInFragments(pkt.getUint8(p.l4))) return -Drop.IP_PROTOCOL
      return offloads === 0 ? Kind.FRAGMENT6 : -Drop.VNET_HEADER
    }
    if (next !== NEXT.ICMPV6) return -Drop.IP_PROTOCOL
    if (offloads !== 0) return -Drop.VNET_HEADER
    return this.#decodeQuote(p, pkt, bytes) ? Kind.QUOTED : Kind.ICMPV6
  }

  /** As of IPv4: the tuple of an answer to the packet that an error quotes. => false, and nothing done, if it quotes none of ours */
  #decodeQuote(p: Parsed, pkt: DataView, bytes: number): boolean {
    const icmp = p.l4
    const quote = icmp + ICMPV6.HEADER
    const end = icmp + bytes
    if (quote + IP_HEADER + QUOTED_BYTES > end) return false
    if (!isIcmpv6Error(pkt.getUint8(icmp + ICMPV6.TYPE))) return false
    if (pkt.getUint8(quote) >>> 4 !== 6) return false
    // What we have forwarded has no extension headers that it did not come with, but for that of a fragment; such errors are few.
    const header = quotedHeader6(pkt, quote)
    const l4 = quote + header
    if (l4 + QUOTED_BYTES > end) return false
    if (isLaterFragment6(pkt, quote)) return false
    const key = quotedKey(quotedNext6(pkt, quote), NEXT.ICMPV6, pkt.getUint8(l4))
    if (key < 0) return false
    if (pkt.getUint16(quote + PAYLOAD_LENGTH) < header - IP_HEADER + QUOTED_BYTES) return false
    // It went out from where the error comes in.
    for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
      if (pkt.getInt32(quote + IP_SRC + i) !== pkt.getInt32(p.ip + IP_DST + i)) return false
    }
    if (!isIcmpv6Intact(pkt, p.ip, icmp, bytes)) return false
    readAddress6(pkt, quote + IP_DST, p.source)
    p.saddr = this.#wordOf(p)
    answersTo(p, pkt, l4, SIX | key)
    return true
  }
}

/** What is put together: of later fragments the number means nothing (RFC 8200 4.5). */
function isInFragments(next: number): boolean {
  return next === PROTO_TCP || next === PROTO_UDP || next === NEXT.ICMPV6 || isExtension(next)
}

/** What decodeTcp or decodeUdp has said, of a packet over IPv6. */
function asSix(p: Parsed, kind: number): number {
  if (kind >= KIND_TCP) p.key |= SIX
  return kind
}

/** To a group's MAC only neighbours speak to us: solicitations, what answers to nobody in particular, and queries for groups. */
function isOfNeighbours(pkt: DataView, p: Parsed, next: number): boolean {
  if (next !== NEXT.ICMPV6 || p.ipTotal - p.ipHeader < ICMPV6.HEADER) return false
  return pkt.getUint8(p.ip + IP_DST) === 0xff && (p.ttl === ND_HOPS || p.ttl === 1)
}
