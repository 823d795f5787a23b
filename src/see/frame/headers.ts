/** The few fields of a frame that words about it need; of a frame cut short, those that are there. Cheap, as filters ask each frame. */

import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, isEcho, isIcmpError } from '../../wire/icmp.ts'
import { isEcho6, isIcmpv6Error } from '../../wire/icmpv6.ts'
import { type IpAddress, ipv6At } from '../../wire/ip-address.ts'
import { IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { IPV6, NEXT } from '../../wire/ipv6.ts'
import { Located, locateIp } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { UOA } from '../../wire/uoa.ts'
import { isRequestType } from './echo.ts'

/** Whom a packet is from and to, as far as its headers go. */
export interface HeaderEnds {
  /** null without. */
  source: IpAddress | null
  destination: IpAddress | null
  /** null without, as in a fragment. Of a ping as its connection has them: the identifier is that of who asks. */
  sourcePort: number | null
  destinationPort: number | null
}

export interface Headers extends HeaderEnds {
  type: 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'arp' | 'ip' | 'other'
  /** Of IP its version. */
  version: 4 | 6 | null
  /** A piece of a datagram, the first one or a later one. */
  fragment: boolean
  /** Of an ICMP error, the ends of what it is about. */
  quoted: HeaderEnds | null
}

export function headersOf(bytes: Uint8Array): Headers {
  const headers: Headers = {
    type: 'other',
    version: null,
    source: null,
    destination: null,
    sourcePort: null,
    destinationPort: null,
    fragment: false,
    quoted: null,
  }
  if (bytes.length < ETH.HEADER) return headers
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = pkt.getUint16(ETH.TYPE)
  const at = ETH.HEADER
  if (type === ETHERTYPE.ARP && bytes.length >= at + ARP.BYTES) {
    headers.type = 'arp'
    headers.source = pkt.getInt32(at + ARP.SPA)
    headers.destination = pkt.getInt32(at + ARP.TPA)
    return headers
  }
  const found = locateIp(pkt)
  if (found !== undefined) readIp(headers, pkt, found)
  return headers
}

const TYPES = new Map<number, Headers['type']>([
  [PROTO.TCP, 'tcp'],
  [PROTO.UDP, 'udp'],
])

/** The family is that of the ethertype, whatever the header's version says. */
function readIp(headers: Headers, pkt: DataView, found: Located): void {
  const isIpv6 = pkt.getUint16(ETH.TYPE) === ETHERTYPE.IPV6
  const { l3, l4, protocol } = inside(pkt, found)
  headers.version = isIpv6 ? 6 : 4
  const isIcmp = protocol === (isIpv6 ? NEXT.ICMPV6 : PROTO.ICMP)
  headers.type = isIcmp ? (isIpv6 ? 'icmp6' : 'icmp') : (TYPES.get(protocol) ?? 'ip')
  headers.fragment = found.fragment !== 0
  const isLater = (found.fragment & IP_OFFSET_BITS) !== 0
  Object.assign(headers, endsOf(pkt, isIpv6, l3, isLater ? -1 : l4, protocol))
  if (isIcmp && !isLater) headers.quoted = quotedIn(pkt, isIpv6, l4)
}

/** Behind a UOA header, if there is one. */
export function inside(pkt: DataView, { l3, l4, protocol, fragment }: Located) {
  const isUoa = protocol === UOA.PROTOCOL && (fragment & IP_OFFSET_BITS) === 0
  if (!isUoa || pkt.byteLength < l4 + UOA.HEADER) return { l3, l4, protocol }
  const bytes = Math.max(UOA.HEADER, pkt.getUint16(l4 + UOA.LENGTH))
  return { l3, l4: l4 + bytes, protocol: pkt.getUint8(l4 + UOA.NEXT) }
}

/** `l4` is -1 where there are no ports. */
function endsOf(
  pkt: DataView,
  isIpv6: boolean,
  ip: number,
  l4: number,
  protocol: number,
): HeaderEnds {
  const hasPorts =
    l4 >= 0 && (protocol === PROTO.TCP || protocol === PROTO.UDP) && pkt.byteLength >= l4 + 4
  const ends = {
    source: isIpv6 ? ipv6At(pkt, ip + IPV6.SRC) : pkt.getInt32(ip + IPV4.SRC),
    destination: isIpv6 ? ipv6At(pkt, ip + IPV6.DST) : pkt.getInt32(ip + IPV4.DST),
  }
  if (l4 >= 0 && protocol === (isIpv6 ? NEXT.ICMPV6 : PROTO.ICMP))
    return { ...ends, ...echoPorts(pkt, isIpv6, l4) }
  return {
    ...ends,
    sourcePort: hasPorts ? pkt.getUint16(l4 + TCP.SPORT) : null,
    destinationPort: hasPorts ? pkt.getUint16(l4 + TCP.DPORT) : null,
  }
}

function echoPorts(
  pkt: DataView,
  isIpv6: boolean,
  icmp: number,
): Pick<HeaderEnds, 'sourcePort' | 'destinationPort'> {
  const none = { sourcePort: null, destinationPort: null }
  if (pkt.byteLength < icmp + ICMP.HEADER) return none
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  if (!(isIpv6 ? isEcho6(type) : isEcho(type))) return none
  const id = pkt.getUint16(icmp + ICMP.ID)
  return isRequestType(type)
    ? { sourcePort: id, destinationPort: 0 }
    : { sourcePort: 0, destinationPort: id }
}

function quotedIn(pkt: DataView, isIpv6: boolean, icmp: number): HeaderEnds | null {
  const quote = icmp + ICMP.HEADER
  if (pkt.byteLength < quote) return null
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  if (!(isIpv6 ? isIcmpv6Error(type) : isIcmpError(type))) return null
  const found = new Located()
  const isThere = isIpv6
    ? found.readIpv6(pkt, quote, pkt.byteLength)
    : found.read(pkt, quote, pkt.byteLength)
  if (!isThere) return null
  const isLater = (found.fragment & IP_OFFSET_BITS) !== 0
  return endsOf(pkt, isIpv6, quote, isLater ? -1 : found.l4, found.protocol)
}
