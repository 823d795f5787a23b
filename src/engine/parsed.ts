/**
 * One frame's headers, decoded once into one object that is used for every frame, to what connections go by: a tuple to look
 * up, and an event of it. An ICMP error about a packet that we have sent is looked up by the tuple that an answer to that
 * packet would have. After decode() names a kind, all fields of it lie inside the frame and no later step needs a bounds
 * check (smoltcp's check_len contract).
 */

import { fold, sumWords } from '../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP, isIcmpError, isIcmpIntact, QUOTED_BYTES } from '../wire/icmp.ts'
import { headerLength, IP_FRAGMENT_BITS, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { FRAGMENT6 } from '../wire/ipv6.ts'
import { TCP } from '../wire/tcp.ts'
import { UDP } from '../wire/udp.ts'
import { GSO, VNET, VNET_FLAG } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { KEY } from './conn-layout.ts'
import { Drop } from './counters.ts'
import { answersTo, quotedKey } from './echo-tuple.ts'
import type { Frames } from './frames.ts'
import { xored } from './steering.ts'

/**
 * What decode() found; anything below zero is minus a drop reason. From TCP on there is a tuple; QUOTED is an ICMP error about
 * TCP or UDP, and ICMP all other. Of a FRAGMENT, which is of one of the three protocols, only the IP header is known. VLAN is a
 * tag that nobody has taken off. IPV6 is for decodeIpv6() (parsed6.ts) to read on, to us or to a group.
 */
export const Kind = {
  FRAGMENT: 0,
  VLAN: 1,
  ARP: 2,
  ICMP: 3,
  IPV6: 4,
  FRAGMENT6: 5,
  ICMPV6: 6,
  TCP: 7,
  UDP: 8,
  QUOTED: 9,
} as const

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: ETH_HEADER, TYPE: ETH_TYPE, DST: ETH_DST } = ETH
const { IPV4: TYPE_IPV4 } = ETHERTYPE
const { HEADER: IP_HEADER, ID: IP_ID, TTL: IP_TTL, SRC: IP_SRC, DST: IP_DST } = IPV4
const { TCP: PROTO_TCP, UDP: PROTO_UDP } = PROTO
const { TCP: KEY_TCP, UDP: KEY_UDP, IPV6: KEY_IPV6 } = KEY
const { HEADER: FRAGMENT_HEADER6 } = FRAGMENT6
const { TCP: KIND_TCP, UDP: KIND_UDP } = Kind
const FRAGMENT = IP_FRAGMENT_BITS
/** Every offset fits; said with a mask, it spares V8 the overflow check of each sum with it. */
const OFFSET_BITS = 0x3fffffff
/** Flags that are events: all but URG, ECE and CWR. */
const EVENT_BITS = 0x1f
const { HEADER: UDP_HEADER, SPORT: UDP_SPORT, LENGTH: UDP_LENGTH } = UDP
const { HEADER: TCP_HEADER, SPORT: TCP_SPORT, OFFSET: TCP_OFFSET } = TCP
const {
  BYTES: VNET_BYTES,
  FLAGS: VNET_FLAGS,
  GSO_TYPE: VNET_GSO_TYPE,
  CSUM_START,
  CSUM_OFFSET,
  GSO_SIZE,
} = VNET

export class Parsed {
  /** Offsets in the arena. */
  eth = 0
  ip = 0
  l4 = 0
  /** Bytes: IP header, whole IP packet, header of TCP or UDP, and payload of that. */
  ipHeader = 0
  ipTotal = 0
  l4Header = 0
  payload = 0
  ttl = 0
  /** The tuple to look up: one of KEY, addresses, source port << 16 | destination port. */
  key = 0
  saddr = 0
  daddr = 0
  ports = 0
  /** Of IPv6: the four words of the address that `saddr` stands for, and of `daddr`, where that is a digest of anybody (outside.ts). */
  readonly source = new Int32Array(4)
  readonly target = new Int32Array(4)
  /** The same of the one that it is for, if an RS sends it to its client by NAT. */
  readonly destination = new Int32Array(4)
  /** Of IPv6: the one of both that is the client's. */
  client = this.source
  /** Of IPv6: where the number of what is inside stands. */
  next = 0
  /** What the packet is to the state table of its protocol, as states.ts numbers events. */
  event = 0
  /** TCP's. */
  flags = 0
  /** Payload bytes per segment of a GSO frame, 0 for an ordinary one. */
  gsoSize = 0
  /** Packets that the frame is, or becomes on a wire; IP bytes of the largest of them, and of all. */
  segments = 0
  largest = 0
  wireBytes = 0
  /** 1 if the checksum of TCP or UDP is partial (VIRTIO_NET_HDR_F_NEEDS_CSUM), else 0. */
  partial = 0

  /** Decodes the frame in `slot` that `arm` received; trims Ethernet padding off its length. */
  decode(frames: Frames, slot: number, arm: Arm): number {
    const { pkt } = frames
    const bytes = frames.length[slot] - VNET_BYTES - ETH_HEADER
    if (bytes < 0) return -Drop.ETH_RUNT
    const eth = (frames.start[slot] & OFFSET_BITS) + VNET_BYTES
    this.eth = eth
    const type = pkt.getUint16(eth + ETH_TYPE)
    const dstHi = pkt.getUint16(eth + ETH_DST)
    const mine = dstHi === arm.macHi && pkt.getInt32(eth + ETH_DST + 2) === arm.macLo
    if (!mine || type !== TYPE_IPV4) return otherThanOurIpv4(type, mine, dstHi)

    // Five words of the header are loaded once, for the checksum and for the fields: a load of 16 bits each costs more.
    const ip = eth + ETH_HEADER
    const a = pkt.getInt32(ip)
    const header = (a >>> 22) & 0x3c
    if (bytes < IP_HEADER || a >>> 28 !== 4) return -Drop.IP_HEADER
    if (header < IP_HEADER || bytes < header) return -Drop.IP_HEADER
    const b = pkt.getInt32(ip + IP_ID)
    const c = pkt.getInt32(ip + IP_TTL)
    const saddr = pkt.getInt32(ip + IP_SRC)
    const daddr = pkt.getInt32(ip + IP_DST)
    const high = (a >>> 16) + (b >>> 16) + (c >>> 16) + (saddr >>> 16) + (daddr >>> 16)
    const low = (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (saddr & 0xffff) + (daddr & 0xffff)
    let sum = high + low
    if (header > IP_HEADER) sum += sumWords(pkt, ip + IP_HEADER, header - IP_HEADER)
    if (fold(sum) !== 0xffff) return -Drop.IP_CHECKSUM
    const total = a & 0xffff
    if (total > bytes) return -Drop.IP_TRUNCATED
    if (total < header) return -Drop.IP_HEADER
    // Ethernet padding would count as payload in every length below, and end up behind it on the other arm.
    frames.length[slot] = VNET_BYTES + ETH_HEADER + total
    this.ttl = c >>> 24
    if (this.ttl === 0) return -Drop.IP_TTL
    this.ip = ip
    this.l4 = ip + header
    this.ipHeader = header
    this.ipTotal = total
    this.saddr = saddr
    this.daddr = daddr
    const protocol = (c >>> 16) & 0xff
    // Fragments go before anything looks at ports, which another one may have.
    if ((b & FRAGMENT) !== 0) return this.#decodeFragment(pkt, protocol)
    return protocol === PROTO_TCP
      ? this.decodeTcp(pkt, total - header)
      : this.#other(pkt, protocol, total - header)
  }

  /** No wire carries a fragment whose checksum, or whose segments, are still to be made. */
  #decodeFragment(pkt: DataView, protocol: number): number {
    if (protocol !== PROTO_TCP && protocol !== PROTO_UDP && protocol !== PROTO.ICMP)
      return -Drop.IP_PROTOCOL
    const vnet = (this.eth - VNET_BYTES) & OFFSET_BITS
    const offloads =
      (pkt.getUint8(vnet + VNET_FLAGS) & VNET_FLAG.NEEDS_CSUM) | pkt.getUint8(vnet + VNET_GSO_TYPE)
    return offloads === 0 ? Kind.FRAGMENT : -Drop.VNET_HEADER
  }

  /** The datagram came in fragments of at most `largest` IP bytes: it is counted as it was on the wire. */
  countFragments(largest: number): void {
    const { ipHeader, ipTotal } = this
    // Each of IPv6 has a header more that says so.
    const more = this.key < KEY_IPV6 ? 0 : FRAGMENT_HEADER6
    this.segments = Math.ceil((ipTotal - ipHeader) / ((largest - ipHeader - more) & ~7))
    this.wireBytes = ipTotal + (this.segments - 1) * ipHeader + this.segments * more
  }

  /** The segment at l4, of which there are `bytes` bytes. => KIND_TCP, or minus a drop reason */
  decodeTcp(pkt: DataView, bytes: number): number {
    const tcp = this.l4 & OFFSET_BITS
    if (bytes < TCP_HEADER) return -Drop.TCP_HEADER
    // Data offset and flags are neighbours.
    const word = pkt.getUint16(tcp + TCP_OFFSET)
    const header = (word >>> 10) & 0x3c
    if (header < TCP_HEADER || header > bytes) return -Drop.TCP_HEADER
    this.l4Header = header
    this.payload = bytes - header
    this.ports = pkt.getInt32(tcp + TCP_SPORT)
    this.key = KEY_TCP
    this.event = word & EVENT_BITS
    this.flags = word & 0xff
    this.partial = 0
    this.gsoSize = 0
    this.segments = 1
    this.largest = this.ipTotal
    this.wireBytes = this.ipTotal
    const vnet = (this.eth - VNET_BYTES) & OFFSET_BITS
    return pkt.getUint16(vnet + VNET_FLAGS) === 0 ? KIND_TCP : this.#decodeOffloads(pkt, vnet)
  }

  /** The virtio-net header must say what we are about to rely on: which checksum is partial and how to segment. */
  #decodeOffloads(pkt: DataView, vnet: number): number {
    const gsoType = pkt.getUint8(vnet + VNET_GSO_TYPE)
    if (!this.#decodePartial(pkt, vnet, TCP.CHECKSUM)) return -Drop.VNET_HEADER
    if (gsoType !== GSO.NONE) {
      const own = pkt.getUint8(this.ip) >>> 4 === 4 ? GSO.TCPV4 : GSO.TCPV6
      if ((gsoType & ~GSO.ECN) !== own || this.partial === 0) return -Drop.VNET_HEADER
      this.gsoSize = pkt.getUint16(vnet + GSO_SIZE, true)
      if (this.gsoSize === 0) return -Drop.VNET_HEADER
      if (this.payload > this.gsoSize) this.#countSegments()
    }
    return KIND_TCP
  }

  /** Whether a checksum is partial, and that at offset `checksum` of the transport header. => false if it is another one */
  #decodePartial(pkt: DataView, vnet: number, checksum: number): boolean {
    this.partial = pkt.getUint8(vnet + VNET_FLAGS) & VNET_FLAG.NEEDS_CSUM
    // Of the flags only this one goes on.
    pkt.setUint8(vnet + VNET_FLAGS, this.partial)
    return (
      this.partial === 0 ||
      (pkt.getUint16(vnet + CSUM_START, true) === this.l4 - this.eth &&
        pkt.getUint16(vnet + CSUM_OFFSET, true) === checksum)
    )
  }

  #countSegments(): void {
    const headers = this.ipHeader + this.l4Header
    this.segments = Math.ceil(this.payload / this.gsoSize)
    this.largest = headers + this.gsoSize
    this.wireBytes = this.ipTotal + (this.segments - 1) * headers
  }

  #other(pkt: DataView, protocol: number, bytes: number): number {
    if (protocol === PROTO_UDP) return this.decodeUdp(pkt, bytes)
    if (protocol !== PROTO.ICMP) return -Drop.IP_PROTOCOL
    const vnet = (this.eth - VNET_BYTES) & OFFSET_BITS
    const offloads =
      (pkt.getUint8(vnet) & VNET_FLAG.NEEDS_CSUM) | pkt.getUint8(vnet + VNET_GSO_TYPE)
    if (offloads !== 0) return -Drop.VNET_HEADER
    return this.#decodeQuote(pkt, bytes) ? Kind.QUOTED : Kind.ICMP
  }

  /** What lies behind the length that the header says is no part of the datagram, and goes along as it is (RFC 9868). */
  decodeUdp(pkt: DataView, bytes: number): number {
    const udp = this.l4 & OFFSET_BITS
    if (bytes < UDP_HEADER) return -Drop.UDP_HEADER
    const length = pkt.getUint16(udp + UDP_LENGTH)
    if (length < UDP_HEADER || length > bytes) return -Drop.UDP_HEADER
    this.l4Header = UDP_HEADER
    this.payload = length - UDP_HEADER
    this.key = KEY_UDP
    this.ports = pkt.getInt32(udp + UDP_SPORT)
    this.flags = 0
    this.event = 0
    this.partial = 0
    this.gsoSize = 0
    this.segments = 1
    this.largest = this.ipTotal
    this.wireBytes = this.ipTotal
    const vnet = (this.eth - VNET_BYTES) & OFFSET_BITS
    if (pkt.getUint16(vnet + VNET_FLAGS) === 0) return KIND_UDP
    return this.#decodeUdpOffloads(pkt, vnet, bytes)
  }

  /** As of TCP; what is left to be summed or cut up is so to its end, so the header must not say less. */
  #decodeUdpOffloads(pkt: DataView, vnet: number, bytes: number): number {
    const gsoType = pkt.getUint8(vnet + VNET_GSO_TYPE)
    if (!this.#decodePartial(pkt, vnet, UDP.CHECKSUM)) return -Drop.VNET_HEADER
    if (this.partial === 1 && this.payload + UDP_HEADER !== bytes) return -Drop.VNET_HEADER
    if (gsoType !== GSO.NONE) {
      if (gsoType !== GSO.UDP_L4 || this.partial === 0) return -Drop.VNET_HEADER
      this.gsoSize = pkt.getUint16(vnet + GSO_SIZE, true)
      if (this.gsoSize === 0) return -Drop.VNET_HEADER
      if (this.payload > this.gsoSize) this.#countSegments()
    }
    return KIND_UDP
  }

  /**
   * An ICMP error goes to whom the packet that it quotes came from; the tuple is that of an answer to that packet. => false, and
   * nothing done, if it is no error, or quotes nothing that could have been forwarded by us
   */
  #decodeQuote(pkt: DataView, bytes: number): boolean {
    const icmp = this.l4
    const quote = icmp + ICMP.HEADER
    if (bytes < ICMP.HEADER + IPV4.HEADER + QUOTED_BYTES) return false
    const type = pkt.getUint8(icmp + ICMP.TYPE)
    if (!isIcmpError(type)) return false
    const header = headerLength(pkt, quote)
    if (pkt.getUint8(quote) >>> 4 !== 4 || header < IPV4.HEADER) return false
    if (bytes < ICMP.HEADER + header + QUOTED_BYTES) return false
    if (pkt.getUint16(quote + IPV4.TOTAL_LENGTH) < header + QUOTED_BYTES) return false
    const l4 = quote + header
    const key = quotedKey(pkt.getUint8(quote + IPV4.PROTOCOL), PROTO.ICMP, pkt.getUint8(l4))
    if (key < 0) return false
    if ((pkt.getUint16(quote + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0) return false
    if (pkt.getInt32(quote + IP_SRC) !== this.daddr) return false
    if (!isIcmpIntact(pkt, icmp, bytes)) return false
    this.saddr = pkt.getInt32(quote + IP_DST)
    answersTo(this, pkt, l4, key)
    return true
  }
}

/** Why a frame is not for decode() to read on, or Kind.IPV6, ARP or VLAN. */
function otherThanOurIpv4(type: number, mine: boolean, dstHi: number): number {
  if (!mine && (dstHi & 0x0100) === 0) return -Drop.ETH_OTHERHOST
  if (type === ETHERTYPE.IPV6) return Kind.IPV6
  if (type === ETHERTYPE.ARP) return Kind.ARP
  if (type === ETHERTYPE.VLAN) return Kind.VLAN
  if (type === ETHERTYPE.QINQ) return -Drop.ETH_VLAN
  return type === TYPE_IPV4 ? -Drop.ETH_NOT_UNICAST : -Drop.ETH_TYPE
}

/** What all workers know a client by: digests have a key of each worker's own. */
export function clientOf({ key, saddr, source }: Parsed): number {
  return key < KEY.IPV6 ? saddr : xored(source)
}
