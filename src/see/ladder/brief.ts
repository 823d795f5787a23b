/** What an arrow says of a packet that is no TCP segment: a datagram, a piece of one, ICMP. */

import { ICMP_TYPE } from '../../wire/icmp.ts'
import { ICMPV6_TYPE } from '../../wire/icmpv6.ts'
import { hostText } from '../../wire/ip-address.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { UDP } from '../../wire/udp.ts'
import { headerValues } from '../frame/header-values.ts'
import type { IcmpHeader, Icmpv6Header, IpValues } from '../frame/packet-types.ts'

export interface Brief {
  /** The most telling first, the shortest last. */
  labels: string[]
  /** address:port, or the address alone. */
  source: string
  destination: string
}

/** null for a frame without IP, and for one whose headers were cut off. */
export function briefOf(bytes: Uint8Array, length: number): Brief | null {
  const { packet } = headerValues(bytes, length)
  if (packet === null) return null
  const labels = labelsOf(packet)
  const { ip, ports } = packet
  const end = (address: string, port: number | undefined) =>
    port === undefined ? address : `${hostText(address)}:${port}`
  return labels.length === 0
    ? null
    : { labels, source: end(ip.src, ports?.sport), destination: end(ip.dst, ports?.dport) }
}

function labelsOf(packet: IpValues): string[] {
  const { ip, udp, icmp, icmpv6, protocol, uoa } = packet
  const piece = ip.more || ip.offset > 0 ? ` frag @${ip.offset}${ip.more ? '+' : ''}` : ''
  if (icmp !== null) return icmpLabels(icmp).map(label => `${label}${piece}`)
  if (icmpv6 !== null) return icmpv6Labels(icmpv6).map(label => `${label}${piece}`)
  if (udp !== null) {
    const text = `UDP len ${Math.max(0, (udp.length ?? UDP.HEADER) - UDP.HEADER)}${piece}`
    return uoa === null ? [text] : [`${text} <uoa ${uoa.client}>`, text]
  }
  if (piece === '') return []
  const name = {
    [PROTO.UDP]: 'UDP',
    [PROTO.TCP]: 'TCP',
    [PROTO.ICMP]: 'ICMP',
    [NEXT.ICMPV6]: 'ICMPv6',
  }[protocol]
  return [`${name ?? `protocol ${protocol}`}${piece}`]
}

const [HOST, PORT, FRAG_NEEDED] = [1, 3, 4]

function icmpLabels({ type, code, id, sequence }: IcmpHeader): string[] {
  if (type === ICMP_TYPE.TIME_EXCEEDED)
    return [code === 0 ? 'ICMP time exceeded' : 'ICMP reassembly time exceeded', 'time exceeded']
  if (type === ICMP_TYPE.UNREACHABLE) {
    if (code === FRAG_NEEDED)
      return [
        `ICMP need to frag, mtu ${sequence}`,
        `need to frag, mtu ${sequence}`,
        `mtu ${sequence}`,
      ]
    const what = code === PORT ? 'port' : code === HOST ? 'host' : `code ${code}`
    return [`ICMP ${what} unreachable`, `${what} unreachable`]
  }
  if (type === ICMP_TYPE.ECHO) return echoLabels('ICMP', 'request', id, sequence)
  if (type === ICMP_TYPE.ECHO_REPLY) return echoLabels('ICMP', 'reply', id, sequence)
  return [`ICMP type ${type} code ${code}`]
}

function echoLabels(protocol: string, what: string, id: number, sequence: number): string[] {
  const short = `echo ${what} id ${id} seq ${sequence}`
  return [`${protocol} ${short}`, short, `echo ${what}`]
}

/** By code (RFC 4443 3.1). */
const UNREACHABLE6 = [
  'no route',
  'prohibited',
  'beyond scope',
  'address unreachable',
  'port unreachable',
]

function icmpv6Labels({ type, code, id, sequence, rest, target }: Icmpv6Header): string[] {
  const mtu = rest >>> 0
  switch (type) {
    case ICMPV6_TYPE.UNREACHABLE: {
      const what = UNREACHABLE6[code] ?? `unreachable, code ${code}`
      return [`ICMPv6 ${what}`, what]
    }
    case ICMPV6_TYPE.TOO_BIG:
      return [`ICMPv6 packet too big, mtu ${mtu}`, `packet too big, mtu ${mtu}`, `mtu ${mtu}`]
    case ICMPV6_TYPE.TIME_EXCEEDED:
      return [`ICMPv6 ${code === 0 ? '' : 'reassembly '}time exceeded`, 'time exceeded']
    case ICMPV6_TYPE.ECHO:
      return echoLabels('ICMPv6', 'request', id, sequence)
    case ICMPV6_TYPE.ECHO_REPLY:
      return echoLabels('ICMPv6', 'reply', id, sequence)
    case ICMPV6_TYPE.NEIGHBOUR_SOLICIT:
      return [`who has ${target ?? '?'}`, 'who has']
    case ICMPV6_TYPE.NEIGHBOUR_ADVERT:
      return [`${target ?? '?'} is here`, 'is here']
    default:
      return [`ICMPv6 type ${type} code ${code}`]
  }
}
