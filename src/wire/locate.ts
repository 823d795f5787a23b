/**
 * Where the headers of a frame are, for whoever looks at frames beside the packet path: it refuses nothing but what has no
 * whole IP header. The path itself decodes and checks in one go (engine/parsed.ts).
 */

import { ETH, ETHERTYPE } from './ethernet.ts'
import { headerLength, IP_FRAGMENT_BITS, IP_MORE, IP_OFFSET_BITS, IPV4 } from './ipv4.ts'
import { EXTENSION, EXTENSIONS_MAX, FRAGMENT6, IPV6, NEXT } from './ipv6.ts'

export class Located {
  /** Offsets of the IP header and of what is inside, behind extension headers; the latter may lie behind the end. */
  l3 = 0
  l4 = 0
  /** Which of the two headers was read, whatever version that says. */
  isIpv6 = false
  version = 0
  /** Of what is at l4: of IPv6 an extension header, if that was cut off or is one too many. */
  protocol = 0
  /** More-fragments and offset as IPv4 has them: 0 for a whole packet. */
  fragment = 0
  /** Behind the packet, by its own length; may lie behind the frame's end if that was cut short. */
  end = 0

  /** The frame at `eth`, of which there are bytes up to `there`. => false if it has no whole IPv4 header */
  find(pkt: DataView, eth: number, there: number): boolean {
    const ip = eth + ETH.HEADER
    if (there < ip || pkt.getUint16(eth + ETH.TYPE) !== ETHERTYPE.IPV4) return false
    return this.read(pkt, ip, there)
  }

  /** The same of a packet without a link, whose IPv4 header is at `ip`. */
  read(pkt: DataView, ip: number, there: number): boolean {
    if (there < ip + IPV4.HEADER) return false
    this.l3 = ip
    this.isIpv6 = false
    this.l4 = ip + headerLength(pkt, ip)
    this.version = pkt.getUint8(ip) >>> 4
    this.protocol = pkt.getUint8(ip + IPV4.PROTOCOL)
    this.fragment = pkt.getUint16(ip + IPV4.FRAGMENT) & IP_FRAGMENT_BITS
    this.end = ip + pkt.getUint16(ip + IPV4.TOTAL_LENGTH)
    return true
  }

  /** The same for a header of IPv6. */
  readIpv6(pkt: DataView, ip: number, there: number): boolean {
    if (there < ip + IPV6.HEADER) return false
    this.l3 = ip
    this.isIpv6 = true
    this.l4 = ip + IPV6.HEADER
    this.version = pkt.getUint8(ip) >>> 4
    this.protocol = pkt.getUint8(ip + IPV6.NEXT)
    this.fragment = 0
    this.end = ip + IPV6.HEADER + pkt.getUint16(ip + IPV6.PAYLOAD_LENGTH)
    for (let passed = 0; passed < EXTENSIONS_MAX && this.#passExtension(pkt, there); passed++);
    return true
  }

  /** => false if there is none, or none that can be read over */
  #passExtension(pkt: DataView, there: number): boolean {
    const { l4, protocol } = this
    if (!isExtension(protocol) || (this.fragment & IP_OFFSET_BITS) !== 0) return false
    // None has less than 8 bytes.
    if (there < l4 + EXTENSION.UNIT) return false
    this.protocol = pkt.getUint8(l4 + EXTENSION.NEXT)
    this.l4 += extensionBytes(pkt, l4, protocol)
    if (protocol === NEXT.FRAGMENT) this.fragment = fragmentOf(pkt.getUint16(l4 + FRAGMENT6.OFFSET))
    return true
  }
}

/** Of those that a packet's way to its end may have; what is encrypted or authenticated is nobody's here. */
export function isExtension(next: number): boolean {
  return (
    next === NEXT.HOP_BY_HOP ||
    next === NEXT.ROUTING ||
    next === NEXT.DESTINATION ||
    next === NEXT.FRAGMENT
  )
}

/** Bytes of the extension header of kind `next` at `at`. */
export function extensionBytes(pkt: DataView, at: number, next: number): number {
  if (next === NEXT.FRAGMENT) return FRAGMENT6.HEADER
  return (pkt.getUint8(at + EXTENSION.LENGTH) + 1) * EXTENSION.UNIT
}

/** More-fragments and offset of a fragment header as IPv4 has them; both families count in 8 bytes. */
function fragmentOf(word: number): number {
  return (word >>> 3) | (word & FRAGMENT6.MORE ? IP_MORE : 0)
}

/** The same for a whole view that begins with the Ethernet header, or with `eth` bytes in front; undefined without. */
export function locate(pkt: DataView, eth = 0): Located | undefined {
  const found = new Located()
  return found.find(pkt, eth, pkt.byteLength) ? found : undefined
}

/** The same for frames of both families. */
export function locateIp(pkt: DataView, eth = 0): Located | undefined {
  const ip = eth + ETH.HEADER
  if (pkt.byteLength < ip || pkt.getUint16(eth + ETH.TYPE) !== ETHERTYPE.IPV6)
    return locate(pkt, eth)
  const found = new Located()
  return found.readIpv6(pkt, ip, pkt.byteLength) ? found : undefined
}
