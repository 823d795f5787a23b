/** What a frame of the appliance's own is: ARP, neighbour discovery, an answer to a ping, an RST, an ICMP error, a datagram ahead of another. */

import { ARP, ARP_OP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, ICMP_TYPE, isIcmpError } from '../../wire/icmp.ts'
import { ICMPV6_TYPE, isIcmpv6Error, ND, ND_FLAG } from '../../wire/icmpv6.ts'
import { hostText } from '../../wire/ip-address.ts'
import { IP_MORE, IPV4, PROTO } from '../../wire/ipv4.ts'
import { IPV6, NEXT } from '../../wire/ipv6.ts'
import { isExtension, locateIp } from '../../wire/locate.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UOA } from '../../wire/uoa.ts'
import { headerValues } from '../frame/header-values.ts'
import { endpointsOf } from '../frame/located-text.ts'
import { segmentOf } from '../frame/segment.ts'

const FRAG_NEEDED = 4
/** Of the fragment word's first byte. */
const MORE = 0x20

export interface Own {
  name:
    | 'arp_request'
    | 'arp_reply'
    | 'arp_gratuitous'
    | 'nd_solicit'
    | 'nd_advert'
    | 'nd_unsolicited'
    | 'mld_report'
    | 'echo_reply'
    | 'icmp_frag_needed'
    | 'icmp_too_big'
    | 'icmp_unreachable'
    | 'icmp_time_exceeded'
    | 'icmp_error'
    | 'uoa'
    | 'rst'
    | 'syn_cookie'
    | 'syn_proxy'
    | 'own'
  /** tupleKey of an RST, and of a datagram. */
  tuple?: string
}

/** `bytes` of the frame from the Ethernet header on, perhaps cut short. */
export function ownKind(bytes: Uint8Array): Own {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const has = (end: number) => pkt.byteLength >= end
  if (!has(ETH.HEADER)) return { name: 'own' }
  const l3 = ETH.HEADER
  const type = pkt.getUint16(ETH.TYPE)
  if (type === ETHERTYPE.ARP && has(l3 + ARP.BYTES)) {
    if (pkt.getUint16(l3 + ARP.OP) === ARP_OP.REPLY) return { name: 'arp_reply' }
    const gratuitous = pkt.getInt32(l3 + ARP.SPA) === pkt.getInt32(l3 + ARP.TPA)
    return { name: gratuitous ? 'arp_gratuitous' : 'arp_request' }
  }
  const found = locateIp(pkt)
  if (found === undefined) return { name: 'own' }
  const { l4, protocol } = found
  if (found.isIpv6 && protocol === NEXT.ICMPV6) return { name: icmpv6Name(pkt, l4) }
  if (!found.isIpv6 && protocol === PROTO.ICMP)
    return { name: has(l4 + ICMP.HEADER) ? icmpName(pkt, l4) : 'echo_reply' }
  if (protocol === PROTO.UDP || protocol === UOA.PROTOCOL) return uoaOf(bytes)
  if (protocol !== PROTO.TCP || !has(l4 + TCP.HEADER)) return { name: 'own' }
  const flags = pkt.getUint16(l4 + TCP.OFFSET)
  const { source, destination } = endpointsOf(pkt, found)
  if ((flags & FLAG.RST) === 0) {
    // What has no connection is the answer to a SYN; all else opens one at its RS.
    if ((flags & FLAG.SYN) !== 0 && (flags & FLAG.ACK) !== 0) return { name: 'syn_cookie' }
    return { name: 'syn_proxy', tuple: proxyKey(source, destination) }
  }
  return { name: 'rst', tuple: tupleKey(source, destination) }
}

/** Of segments of ours in the client's place (syn_proxy). */
export function proxyKey(source: string, destination: string): string {
  return `syn_proxy ${tupleKey(source, destination)}`
}

/** Of advertisements the flag that says somebody asked for it (RFC 4861 4.4). */
function icmpv6Name(pkt: DataView, icmp: number): Own['name'] {
  if (pkt.byteLength < icmp + ICMP.HEADER) return 'echo_reply'
  const solicited = (pkt.getUint8(icmp + ND.FLAGS) & ND_FLAG.SOLICITED) !== 0
  switch (pkt.getUint8(icmp + ICMP.TYPE)) {
    case ICMPV6_TYPE.UNREACHABLE:
      return 'icmp_unreachable'
    case ICMPV6_TYPE.TOO_BIG:
      return 'icmp_too_big'
    case ICMPV6_TYPE.TIME_EXCEEDED:
      return 'icmp_time_exceeded'
    case ICMPV6_TYPE.PARAMETER_PROBLEM:
      return 'icmp_error'
    case ICMPV6_TYPE.NEIGHBOUR_SOLICIT:
      return 'nd_solicit'
    case ICMPV6_TYPE.NEIGHBOUR_ADVERT:
      return solicited ? 'nd_advert' : 'nd_unsolicited'
    case ICMPV6_TYPE.MLD_REPORT:
    case ICMPV6_TYPE.MLD2_REPORT:
      return 'mld_report'
    default:
      return 'echo_reply'
  }
}

function icmpName(pkt: DataView, icmp: number): Own['name'] {
  const type = pkt.getUint8(icmp + ICMP.TYPE)
  if (!isErrorType(type)) return 'echo_reply'
  if (type === ICMP_TYPE.TIME_EXCEEDED) return 'icmp_time_exceeded'
  if (type !== ICMP_TYPE.UNREACHABLE) return 'icmp_error'
  return pkt.getUint8(icmp + ICMP.CODE) === FRAG_NEEDED ? 'icmp_frag_needed' : 'icmp_unreachable'
}

function isErrorType(type: number): boolean {
  return isIcmpError(type)
}

/** A datagram that is only there to tell the RS of the client of the next one. */
function uoaOf(bytes: Uint8Array): Own {
  const { ip, uoa, ports } = headerValues(bytes).packet ?? {}
  if (!uoa || !ip || !ports) return { name: 'own' }
  const [from, to] = [hostText(ip.src), hostText(ip.dst)]
  const tuple = tupleKey(`${from}:${ports.sport}`, `${to}:${ports.dport}`)
  return { name: 'uoa', tuple }
}

/** What left is an ICMP error of our own about what came, and not that translated. */
export function isErrorAbout(left: Uint8Array, came: Uint8Array): boolean {
  const error = (bytes: Uint8Array) => {
    const { icmp, icmpv6 } = headerValues(bytes)
    return (
      (icmp !== null && isErrorType(icmp.type)) || (icmpv6 !== null && isIcmpv6Error(icmpv6.type))
    )
  }
  return isIcmp(left) && error(left) && !error(came)
}

/** A fragment behind which others come. Cheap, as it is asked of every frame. */
export function hasMorePieces(bytes: Uint8Array): boolean {
  const type = typeOf(bytes)
  if (type === ETHERTYPE.IPV4) return ((bytes[ETH.HEADER + IPV4.FRAGMENT] ?? 0) & MORE) !== 0
  if (type !== ETHERTYPE.IPV6 || !isExtension(bytes[ETH.HEADER + IPV6.NEXT] ?? 0)) return false
  const found = locateIp(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return ((found?.fragment ?? 0) & IP_MORE) !== 0
}

/** Cheap, as it is asked of every frame: one of IPv6 with extension headers may be one. */
function isIcmp(bytes: Uint8Array): boolean {
  if (typeOf(bytes) !== ETHERTYPE.IPV6) return bytes[ETH.HEADER + IPV4.PROTOCOL] === PROTO.ICMP
  const next = bytes[ETH.HEADER + IPV6.NEXT]
  return next !== PROTO.TCP && next !== PROTO.UDP
}

function typeOf(bytes: Uint8Array): number {
  return ((bytes[ETH.TYPE] ?? 0) << 8) | (bytes[ETH.TYPE + 1] ?? 0)
}

export function tupleKey(from: string, to: string): string {
  return `${from} ${to}`
}

/** A segment other than a SYN: what it opens was begun by a cookie. */
export function isNoSyn(bytes: Uint8Array): boolean {
  const segment = segmentOf(bytes)
  return segment !== undefined && (segment.bits & FLAG.SYN) === 0
}
