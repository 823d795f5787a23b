/**
 * The fragment at hand, of either family (RFC 791, RFC 8200 4.5): which datagram it is of, and what of that it has. What a fragment alone
 * is refused for is said here; what it is refused for by the others, reassembly.ts says. Read RFC 1858, 3128, 7112 and 8200 before changing this file.
 */

import { IP_DF, IP_MORE, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { extensionBytes, FRAGMENT6, IPV6, isExtension } from '../wire/ipv6.ts'
import { TCP, headerLength as tcpHeaderLength } from '../wire/tcp.ts'
import { type Arm, isOurs } from './arm.ts'
import { Drop } from './counters.ts'
import { Family, linkOf } from './family.ts'
import { FRAME_HEAD } from './frames.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Services } from './services.ts'
import { isPlausibleClient, isPlausibleClient6 } from './verify.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { FRAGMENT, TOS } = IPV4
const { HEADER: FRAGMENT_HEADER, OFFSET, OFFSET_BITS, MORE, ID: ID6 } = FRAGMENT6
const { HEADER: IP6_HEADER } = IPV6
const { IPV6: SIX } = Family
/** Behind it a TCP header is whole; a fragment that begins before would put something into it (RFC 1858 3, RFC 3128). */
const TCP_HEADER = TCP.HEADER
/** Bytes of the largest datagram: of IPv4 all of them, of IPv6 those behind its first header. */
export const TOTAL_MAX = 65_535

export class Fragment {
  readonly #pkt: DataView
  readonly #parts: Parts
  readonly #services: Services
  family: number = Family.IPV4
  /** Arm and family. */
  link = 0
  /** What the datagram is known by beside its addresses: of IPv4 ID and protocol, of IPv6 the ID (RFC 8200 4.5). */
  id = 0
  /** Payload: where in the datagram, where in the arena, how many bytes; behind so many of headers, that of IPv6's fragments included. */
  offset = 0
  data = 0
  bytes = 0
  header = 0
  more = false
  /** DF. */
  mayNot = false
  /** ECN codepoint. */
  ecn = 0
  /** Bytes that its datagram may have with its headers. */
  most = TOTAL_MAX
  #protocol = 0

  constructor(parts: Parts, services: Services) {
    this.#pkt = parts.frames.pkt
    this.#parts = parts
    this.#services = services
  }

  /** Reads the one of whose IP header p tells, and refuses what is none. => 0, or minus a drop reason */
  read(p: Parsed, arm: Arm, family: number): number {
    this.family = family
    this.link = linkOf(arm.index, family)
    if (family === SIX) this.#read6(p)
    else this.#read4(p)
    const { offset, bytes } = this
    if (bytes === 0 || (this.more && (bytes & 7) !== 0)) return -Drop.FRAGMENT_LENGTH
    if (this.header + offset + bytes > this.most) return -Drop.FRAGMENT_PAST_END
    if (this.#isTiny()) return -Drop.FRAGMENT_TINY
    // Anybody could fill the rows with what is for nobody here.
    if (!this.#isForUs(p, arm)) return -Drop.IP_FRAGMENT
    const { arms, book } = this.#parts
    const isPlausible =
      family === SIX
        ? isPlausibleClient6(arms, arm, p, book)
        : isPlausibleClient(arms, arm, p.saddr)
    return isPlausible ? 0 : -Drop.IP_SOURCE
  }

  #read4({ ip, ipHeader, ipTotal, l4 }: Parsed): void {
    const pkt = this.#pkt
    const word = pkt.getUint16(ip + FRAGMENT)
    this.#protocol = pkt.getUint8(ip + IPV4.PROTOCOL)
    this.id = (pkt.getUint16(ip + IPV4.ID) << 8) | this.#protocol
    this.offset = (word & IP_OFFSET_BITS) << 3
    this.data = l4
    this.bytes = ipTotal - ipHeader
    this.header = ipHeader
    this.more = (word & IP_MORE) !== 0
    this.mayNot = (word & IP_DF) !== 0
    this.ecn = pkt.getUint8(ip + TOS) & 3
    this.most = TOTAL_MAX
  }

  /** Its header is at l4. Nobody on the way cuts any of IPv6. */
  #read6({ ip, ipHeader, ipTotal, l4 }: Parsed): void {
    const pkt = this.#pkt
    const word = pkt.getUint16(l4 + OFFSET)
    this.#protocol = pkt.getUint8(l4)
    this.id = pkt.getInt32(l4 + ID6)
    this.offset = word & OFFSET_BITS
    this.data = l4 + FRAGMENT_HEADER
    this.header = ipHeader + FRAGMENT_HEADER
    this.bytes = ipTotal - this.header
    this.more = (word & MORE) !== 0
    this.mayNot = true
    this.ecn = (pkt.getUint16(ip) >>> 4) & 3
    this.most = TOTAL_MAX + IP6_HEADER + FRAGMENT_HEADER
  }

  /** To an address of ours, from an RS that answers its clients through us, or from inside to anybody. */
  #isForUs(p: Parsed, arm: Arm): boolean {
    const { saddr, daddr, client, source } = p
    const { family } = this
    const services = this.#services
    if (isOurs(this.#parts.arms, family, daddr) || services.has(daddr, family)) return true
    const isByNat = family === SIX ? client !== source : services.natServers.has(saddr, family)
    return isByNat || services.matches.leads(p, arm, family)
  }

  /** The header behind IP has to be in the first fragment, all of it (RFC 7112); that of UDP and ICMP fits into the smallest one. */
  #isTiny(): boolean {
    const pkt = this.#pkt
    let protocol = this.#protocol
    if (this.offset > 0) return protocol === PROTO.TCP && this.offset < TCP_HEADER
    let at = this.data
    const end = at + this.bytes
    while (this.family === SIX && isExtension(protocol)) {
      if (at + 8 > end) return true
      protocol = pkt.getUint8(at)
      at += extensionBytes(pkt, at)
    }
    if (protocol !== PROTO.TCP) return at + 8 > end
    return at + TCP_HEADER > end || at + tcpHeaderLength(pkt, at) > end
  }
}

/** Bytes of the frame that begins so, as its IP header says. */
export function frameLength(headers: Uint8Array): number {
  const { buffer, byteOffset, length } = headers
  const pkt = new DataView(buffer, byteOffset, length)
  const isSix = pkt.getUint8(FRAME_HEAD) >>> 4 === 6
  if (isSix) return FRAME_HEAD + IP6_HEADER + pkt.getUint16(FRAME_HEAD + IPV6.PAYLOAD_LENGTH)
  return FRAME_HEAD + pkt.getUint16(FRAME_HEAD + IPV4.TOTAL_LENGTH)
}
