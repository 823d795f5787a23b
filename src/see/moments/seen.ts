/** Where the parts of a frame are, or of a packet that an ICMP error quotes, for whoever compares two of them. */

import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, isIcmpError } from '../../wire/icmp.ts'
import { isIcmpv6Error } from '../../wire/icmpv6.ts'
import { IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { Located } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { inside } from '../frame/headers.ts'
import { ipValues } from '../frame/ip-values.ts'

/** Offsets are 0 where there is no such part. */
export interface Seen {
  pkt: DataView
  ip: number
  version: number
  /** TCP or UDP, whose ports are where the other's are; here only if they were captured. */
  l4: number
  tcp: boolean
  /** First byte behind the TCP or UDP header, if that is whole. */
  payload: number
  /** The ICMP header, and the packet that an error quotes. */
  icmp: number
  quoted: Seen | null
  /** `CLIENT in option 31`; '' without UOA. */
  uoa: string
  /** More-fragments and offset. */
  fragment: number
  /** Where the packet ends, by its own length; the bytes may end earlier. */
  end: number
  /** Where its bytes end. */
  there: number
}

export function see(bytes: Uint8Array): Seen {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = bytes.length < ETH.HEADER ? 0 : pkt.getUint16(ETH.TYPE)
  const hasIp = type === ETHERTYPE.IPV4 || type === ETHERTYPE.IPV6
  const version = type === ETHERTYPE.IPV6 ? 6 : 4
  return seePacket(pkt, bytes, hasIp ? ETH.HEADER : bytes.length, version)
}

function seePacket(pkt: DataView, bytes: Uint8Array, ip: number, version: 4 | 6): Seen {
  const there = bytes.length
  // Spelt out: every frame that is shown makes one, and a spread is several times dearer.
  const seen: Seen = {
    pkt,
    ip: 0,
    version,
    l4: 0,
    tcp: false,
    payload: 0,
    icmp: 0,
    quoted: null,
    uoa: '',
    fragment: 0,
    end: there,
    there,
  }
  const found = new Located()
  const isThere = version === 6 ? found.readIpv6(pkt, ip, there) : found.read(pkt, ip, there)
  if (!isThere || found.version !== version) return seen
  if (found.l4 - ip < IPV4.HEADER || found.end < found.l4) return seen
  seen.ip = ip
  seen.end = found.end
  // Padding behind the packet is no part of it.
  seen.there = Math.min(there, seen.end)
  seen.fragment = found.fragment
  const hasOptions = version === 4 && found.l4 - ip > IPV4.HEADER
  const mayTell = hasOptions || found.protocol === UOA.PROTOCOL
  const uoa = mayTell ? ipValues(pkt, bytes, ip, version)?.uoa : null
  if (uoa) seen.uoa = `${uoa.client} in ${uoa.place === 'header' ? 'protocol 248' : 'option 31'}`
  // Only a first fragment has the header of what is inside.
  if ((found.fragment & IP_OFFSET_BITS) === 0) seeInside(seen, bytes, inside(pkt, found))
  return seen
}

function seeInside(seen: Seen, bytes: Uint8Array, found: { l4: number; protocol: number }): void {
  const { pkt, there, end } = seen
  const { l4, protocol } = found
  const version = seen.version === 6 ? 6 : 4
  if (protocol === (version === 6 ? NEXT.ICMPV6 : PROTO.ICMP) && there >= l4 + ICMP.HEADER) {
    seen.icmp = l4
    const type = pkt.getUint8(l4 + ICMP.TYPE)
    // What it quotes need not be whole.
    if (version === 6 ? isIcmpv6Error(type) : isIcmpError(type))
      seen.quoted = seePacket(pkt, bytes.subarray(0, there), l4 + ICMP.HEADER, version)
    return
  }
  seen.tcp = protocol === PROTO.TCP
  if ((!seen.tcp && protocol !== PROTO.UDP) || there < l4 + 4) return
  seen.l4 = l4
  if (!seen.tcp) {
    if (end >= l4 + UDP.HEADER) seen.payload = l4 + UDP.HEADER
    return
  }
  if (there <= l4 + TCP.OFFSET) return
  const header = (pkt.getUint8(l4 + TCP.OFFSET) & 0xf0) >>> 2
  if (header >= TCP.HEADER && l4 + header <= end) seen.payload = l4 + header
}
