/** What an arrow says of a packet that is no TCP segment: a datagram, a piece of one, ICMP. */

import { ICMP_TYPE } from '../../wire/icmp.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { UDP } from '../../wire/udp.ts'
import { headerValues } from '../frame/header-values.ts'
import type { IcmpHeader, IpValues } from '../frame/ip-values.ts'

export interface Brief {
  /** The most telling first, the shortest last. */
  labels: string[]
  /** address:port, or the address alone. */
  source: string
  destination: string
}

/** null for a frame without IPv4, and for one whose headers were cut off. */
export function briefOf(bytes: Uint8Array, length: number): Brief | null {
  const { packet } = headerValues(bytes, length)
  if (packet === null) return null
  const labels = labelsOf(packet)
  const { ip, ports } = packet
  const end = (address: string, port: number | undefined) =>
    port === undefined ? address : `${address}:${port}`
  return labels.length === 0
    ? null
    : { labels, source: end(ip.src, ports?.sport), destination: end(ip.dst, ports?.dport) }
}

function labelsOf(packet: IpValues): string[] {
  const { ip, udp, icmp, protocol, uoa } = packet
  const piece = ip.more || ip.offset > 0 ? ` frag @${ip.offset}${ip.more ? '+' : ''}` : ''
  if (icmp !== null) return icmpLabels(icmp).map(label => `${label}${piece}`)
  if (udp !== null) {
    const text = `UDP len ${Math.max(0, (udp.length ?? UDP.HEADER) - UDP.HEADER)}${piece}`
    return uoa === null ? [text] : [`${text} <uoa ${uoa.client}>`, text]
  }
  if (piece === '') return []
  const name = { [PROTO.UDP]: 'UDP', [PROTO.TCP]: 'TCP', [PROTO.ICMP]: 'ICMP' }[protocol]
  return [`${name ?? `protocol ${protocol}`}${piece}`]
}

const [HOST, PORT, FRAG_NEEDED] = [1, 3, 4]

function icmpLabels({ type, code, sequence }: IcmpHeader): string[] {
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
  if (type === ICMP_TYPE.ECHO) return ['ICMP echo request', 'echo request']
  if (type === ICMP_TYPE.ECHO_REPLY) return ['ICMP echo reply', 'echo reply']
  return [`ICMP type ${type} code ${code}`]
}
