/**
 * Where the headers of a frame are, for whoever looks at frames beside the packet path: it refuses nothing but what has no
 * whole IPv4 header. The path itself decodes and checks in one go (engine/parsed.ts).
 */

import { ETH, ETHERTYPE } from './ethernet.ts'
import { headerLength, IP_FRAGMENT_BITS, IPV4 } from './ipv4.ts'

export class Located {
  /** Offsets of the IPv4 header and of what is inside; the latter may lie behind the end. */
  l3 = 0
  l4 = 0
  version = 0
  protocol = 0
  /** More-fragments and offset: 0 for a whole packet. */
  fragment = 0
  /** Behind the packet, by its total length; may lie behind the frame's end if that was cut short. */
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
    this.l4 = ip + headerLength(pkt, ip)
    this.version = pkt.getUint8(ip) >>> 4
    this.protocol = pkt.getUint8(ip + IPV4.PROTOCOL)
    this.fragment = pkt.getUint16(ip + IPV4.FRAGMENT) & IP_FRAGMENT_BITS
    this.end = ip + pkt.getUint16(ip + IPV4.TOTAL_LENGTH)
    return true
  }
}

/** The same for a whole view that begins with the Ethernet header, or with `eth` bytes in front; undefined without. */
export function locate(pkt: DataView, eth = 0): Located | undefined {
  const found = new Located()
  return found.find(pkt, eth, pkt.byteLength) ? found : undefined
}
