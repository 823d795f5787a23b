/** What a frame of the appliance's own is: ARP, an answer to a ping, an RST, an ICMP error, a datagram ahead of another. */

import { endpointText } from '../../wire/address.ts'
import { ARP, ARP_OP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, ICMP_TYPE, isIcmpError } from '../../wire/icmp.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { locate } from '../../wire/locate.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UOA } from '../../wire/uoa.ts'
import { headerValues } from '../frame/header-values.ts'

const FRAG_NEEDED = 4
/** Of the fragment word's first byte. */
const MORE = 0x20

export interface Own {
  name:
    | 'arp_request'
    | 'arp_reply'
    | 'arp_gratuitous'
    | 'echo_reply'
    | 'icmp_frag_needed'
    | 'icmp_unreachable'
    | 'icmp_time_exceeded'
    | 'icmp_error'
    | 'uoa'
    | 'rst'
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
  const found = locate(pkt)
  if (found?.protocol === PROTO.ICMP)
    return { name: has(found.l4 + ICMP.HEADER) ? icmpName(pkt, found.l4) : 'echo_reply' }
  if (found?.protocol === PROTO.UDP || found?.protocol === UOA.PROTOCOL) return uoaOf(bytes)
  if (found?.protocol !== PROTO.TCP || !has(found.l4 + TCP.HEADER)) return { name: 'own' }
  const { l4 } = found
  if ((pkt.getUint16(l4 + TCP.OFFSET) & FLAG.RST) === 0) return { name: 'own' }
  const from = endpointText(pkt.getInt32(l3 + IPV4.SRC), pkt.getUint16(l4 + TCP.SPORT))
  const to = endpointText(pkt.getInt32(l3 + IPV4.DST), pkt.getUint16(l4 + TCP.DPORT))
  return { name: 'rst', tuple: tupleKey(from, to) }
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
  const tuple = tupleKey(`${ip.src}:${ports.sport}`, `${ip.dst}:${ports.dport}`)
  return { name: 'uoa', tuple }
}

/** What left is an ICMP error of our own about what came, and not that translated. */
export function isErrorAbout(left: Uint8Array, came: Uint8Array): boolean {
  const error = (bytes: Uint8Array) => {
    const icmp = headerValues(bytes).icmp
    return icmp !== null && isErrorType(icmp.type)
  }
  return isIcmp(left) && error(left) && !error(came)
}

/** A fragment behind which others come. */
export function hasMorePieces(bytes: Uint8Array): boolean {
  const isIpv4 = bytes[ETH.TYPE] === ETHERTYPE.IPV4 >>> 8 && bytes[ETH.TYPE + 1] === 0
  return isIpv4 && ((bytes[ETH.HEADER + IPV4.FRAGMENT] ?? 0) & MORE) !== 0
}

/** Cheap, as it is asked of every frame. */
function isIcmp(bytes: Uint8Array): boolean {
  const at = ETH.HEADER + IPV4.PROTOCOL
  return bytes[at] === PROTO.ICMP
}

export function tupleKey(from: string, to: string): string {
  return `${from} ${to}`
}
