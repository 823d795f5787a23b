/** The few fields of a frame that words about it need; of a frame cut short, those that are there. Cheap, as filters ask each frame. */

import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, isIcmpError } from '../../wire/icmp.ts'
import { headerLength, IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { type Located, locate } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { UOA } from '../../wire/uoa.ts'

/** Whom a packet is from and to, as far as its headers go. */
export interface HeaderEnds {
  /** int32 of the sender's and the target's IPv4 address, null without. */
  source: number | null
  destination: number | null
  /** null without, as in a fragment. */
  sourcePort: number | null
  destinationPort: number | null
}

export interface Headers extends HeaderEnds {
  type: 'tcp' | 'udp' | 'icmp' | 'arp' | 'ip' | 'other'
  /** A piece of a datagram, the first one or a later one. */
  fragment: boolean
  /** Of an ICMP error, the ends of what it is about. */
  quoted: HeaderEnds | null
}

export function headersOf(bytes: Uint8Array): Headers {
  const headers: Headers = {
    type: 'other',
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
  const found = locate(pkt)
  if (found !== undefined) readIpv4(headers, pkt, found)
  return headers
}

const TYPES = new Map<number, Headers['type']>([
  [PROTO.TCP, 'tcp'],
  [PROTO.UDP, 'udp'],
  [PROTO.ICMP, 'icmp'],
])

function readIpv4(headers: Headers, pkt: DataView, found: Located): void {
  const { l3, l4, protocol } = inside(pkt, found)
  headers.type = TYPES.get(protocol) ?? 'ip'
  headers.fragment = found.fragment !== 0
  const isLater = (found.fragment & IP_OFFSET_BITS) !== 0
  Object.assign(headers, endsOf(pkt, l3, isLater ? -1 : l4, protocol))
  if (headers.type === 'icmp' && !isLater) headers.quoted = quotedIn(pkt, l4)
}

/** Behind a UOA header, if there is one. */
export function inside(pkt: DataView, { l3, l4, protocol, fragment }: Located) {
  const isUoa = protocol === UOA.PROTOCOL && (fragment & IP_OFFSET_BITS) === 0
  if (!isUoa || pkt.byteLength < l4 + UOA.HEADER) return { l3, l4, protocol }
  const bytes = Math.max(UOA.HEADER, pkt.getUint16(l4 + UOA.LENGTH))
  return { l3, l4: l4 + bytes, protocol: pkt.getUint8(l4 + UOA.NEXT) }
}

/** `l4` is -1 where there are no ports. */
function endsOf(pkt: DataView, ip: number, l4: number, protocol: number): HeaderEnds {
  const hasPorts =
    l4 >= 0 && (protocol === PROTO.TCP || protocol === PROTO.UDP) && pkt.byteLength >= l4 + 4
  return {
    source: pkt.getInt32(ip + IPV4.SRC),
    destination: pkt.getInt32(ip + IPV4.DST),
    sourcePort: hasPorts ? pkt.getUint16(l4 + TCP.SPORT) : null,
    destinationPort: hasPorts ? pkt.getUint16(l4 + TCP.DPORT) : null,
  }
}

function quotedIn(pkt: DataView, icmp: number): HeaderEnds | null {
  const quote = icmp + ICMP.HEADER
  if (pkt.byteLength < quote + IPV4.HEADER) return null
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  if (!isIcmpError(type)) return null
  const isLater = (pkt.getUint16(quote + IPV4.FRAGMENT) & IP_OFFSET_BITS) !== 0
  const l4 = quote + headerLength(pkt, quote)
  return endsOf(pkt, quote, isLater ? -1 : l4, pkt.getUint8(quote + IPV4.PROTOCOL))
}
