/** A frame in one line, in tcpdump's words (`tcpdump -nnS`), but that TOA, UOA and what an ICMP error is about are spelled out. */

import { ARP_OP } from '../../wire/arp.ts'
import { ETHERTYPE } from '../../wire/ethernet.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { echoOf } from './echo.ts'
import { type ArpHeader, headerValues, type VlanTag } from './header-values.ts'
import { icmpText } from './icmp-text.ts'
import { icmpv6Text } from './icmpv6-text.ts'
import { flagLetters, optionsText } from './options-text.ts'
import type { IpValues, TcpHeader, UdpHeader } from './packet-types.ts'
import { tunnelled } from './tunnelled.ts'

const PROTOCOL_NAMES = new Map<number, string>([
  [PROTO.ICMP, 'ICMP'],
  [PROTO.TCP, 'TCP'],
  [PROTO.UDP, 'UDP'],
  [UOA.PROTOCOL, 'UOA'],
  [NEXT.ICMPV6, 'ICMP6'],
])

/** Extension headers as tcpdump has them, in front of what is inside; a fragment is said behind it. */
const EXTENSION_NAMES = new Map<number, string>([
  [NEXT.HOP_BY_HOP, 'HBH '],
  [NEXT.ROUTING, 'RT6 '],
  [NEXT.DESTINATION, 'DSTOPT '],
])

const TYPE_NAMES = new Map<number, string>([
  [ETHERTYPE.IPV4, 'IPv4'],
  [ETHERTYPE.ARP, 'ARP'],
  [ETHERTYPE.IPV6, 'IPv6'],
  [ETHERTYPE.VLAN, '802.1Q'],
  [ETHERTYPE.QINQ, '802.1Q-QinQ'],
])

/** `length` counts the whole frame, of which `bytes` may be the beginning only. */
export function frameText(bytes: Uint8Array, length = bytes.length): string {
  const { eth, arp, packet } = headerValues(bytes, length)
  if (eth === null) return `${length} bytes`
  const tags = eth.tags.map(tagText).join('')
  // The last tag says what follows.
  const named = (name: string, rest: string) => (tags === '' ? `${name}${rest}` : `${tags}${rest}`)
  const isIpv6 = eth.type === ETHERTYPE.IPV6
  if (packet?.protocol === PROTO.IPIP || packet?.protocol === NEXT.IPV6) {
    const inside = tunnelled(bytes, length)
    const { src, dst } = packet.ip
    const carried = inside && frameText(inside.bytes, inside.length)
    const behind = packet.protocol === PROTO.IPIP ? ' (ipip-proto-4)' : ''
    if (carried !== null)
      return named(isIpv6 ? 'IP6 ' : 'IP ', `${src} > ${dst}: ${carried}${behind}`)
  }
  if (packet !== null)
    return named(isIpv6 ? 'IP6 ' : 'IP ', packetText(packet, isIpv6 ? 6 : 4, length))
  if (arp !== null) return named('ARP, ', arpText(arp))
  if (eth.type === ETHERTYPE.IPV4) return named('IP, ', `cut short, length ${length}`)
  if (isIpv6) return named('IP6, ', `cut short, length ${length}`)
  if (eth.type === ETHERTYPE.ARP) return named('ARP, ', `cut short, length ${length}`)
  const type = tags === '' ? `ethertype ${hexType(eth.type)}, ` : ''
  return `${tags}${eth.src} > ${eth.dst}, ${type}length ${length}`
}

function tagText({ id, priority, dei, type }: VlanTag): string {
  const name = TYPE_NAMES.get(type) ?? hexType(type)
  return `vlan ${id}, p ${priority}${dei ? ', DEI' : ''}, ethertype ${name}, `
}

function hexType(type: number): string {
  return `0x${type.toString(16).padStart(4, '0')}`
}

function arpText({ op, sender, senderMac, target }: ArpHeader): string {
  if (op === ARP_OP.REQUEST) return `Request who-has ${target} tell ${sender}`
  return op === ARP_OP.REPLY ? `Reply ${sender} is-at ${senderMac}` : `op ${op}`
}

/** A packet of IP: `10.0.0.1.53 > 10.0.0.2.4000: UDP, length 9`. */
function packetText(values: IpValues, version: 4 | 6, length: number): string {
  const { ip } = values
  if (ip.version !== version) return `version ${ip.version}, length ${length}`
  const extensions = ip.extensions.map(kind => EXTENSION_NAMES.get(kind) ?? '').join('')
  return `${endsText(values)}: ${extensions}${insideText(values)}${fragmentText(values)}`
}

function endsText({ ip, ports }: IpValues): string {
  return ports === null
    ? `${ip.src} > ${ip.dst}`
    : `${ip.src}.${ports.sport} > ${ip.dst}.${ports.dport}`
}

function insideText(values: IpValues): string {
  const { ip, tcp, udp, icmp, icmpv6, uoa, protocol } = values
  const told = uoa === null ? '' : `UOA ${uoa.client} in ${PLACES[uoa.place]}, `
  const bytes = Math.max(0, ip.total - ip.header)
  if (tcp !== null) return `${told}${tcpText(tcp, values)}`
  if (udp !== null) return `${told}${udpText(udp, values)}`
  if (icmp !== null) return `${icmpText(icmp)}, length ${bytes}${aboutText(icmp.quoted)}`
  if (icmpv6 !== null)
    return `${icmpv6Text(icmpv6, bytes)}, length ${bytes}${aboutText(icmpv6.quoted)}`
  if (protocol === NEXT.NONE && ip.version === 6) return 'no next header'
  const name = nameOf(protocol, ip.version)
  if (name === undefined) return `${told}protocol ${protocol}, length ${bytes}`
  return `${told}${name}${ip.offset > 0 ? '' : ', cut short'}`
}

/** Each ICMP is that of its own family. */
function nameOf(protocol: number, version: number): string | undefined {
  const other = version === 6 ? PROTO.ICMP : NEXT.ICMPV6
  return protocol === other ? undefined : PROTOCOL_NAMES.get(protocol)
}

const PLACES = { header: `protocol ${UOA.PROTOCOL}`, option: `option ${UOA.KIND}` } as const

/** `length` is that of the payload, as the UDP header says; one that the packet has no room for is no length. */
function udpText({ length }: UdpHeader, values: IpValues): string {
  const { ip, uoa } = values
  if (length === null) return 'UDP, cut short'
  const before = uoa?.place === 'header' ? values.l4 - values.l3 - ip.header : 0
  const room = ip.total - ip.header - before
  if (length < UDP.HEADER) return `UDP, bad length ${length}`
  if (length > room && !ip.more)
    return `UDP, bad length ${length - UDP.HEADER} > ${room - UDP.HEADER}`
  return `UDP, length ${length - UDP.HEADER}`
}

/** tcpdump's old form: `(frag ID:BYTES@OFFSET+)`, of bytes behind the IP header, with a + where more follow. */
function fragmentText({ ip }: IpValues): string {
  if (!ip.more && ip.offset === 0) return ''
  const bytes = Math.max(0, ip.total - ip.header)
  return ` (frag ${ip.id}:${bytes}@${ip.offset}${ip.more ? '+' : ''})`
}

/** The packet that an ICMP error quotes, as far as it does: of TCP that is the ports and the sequence number. */
function aboutText(quoted: IpValues | null): string {
  if (quoted === null) return ''
  const { tcp, udp, seq } = quoted
  const ends = endsText(quoted)
  if (tcp === null && seq !== null) return `, about ${ends}: TCP, seq ${seq}`
  const text = udp === null && tcp === null ? shortText(quoted) : insideText(quoted)
  return `, about ${ends}: ${text}${fragmentText(quoted)}`
}

function shortText(values: IpValues): string {
  const { protocol, ip } = values
  const name = nameOf(protocol, ip.version) ?? `protocol ${protocol}`
  const echo = echoOf(values)
  if (echo === null) return name
  const { isRequest, id, sequence } = echo
  return `${name} echo ${isRequest ? 'request' : 'reply'}, id ${id}, seq ${sequence}`
}

function tcpText(tcp: TcpHeader, { ip, l3, l4 }: IpValues): string {
  const { flags, seq, ack, payload, window, urgent, options } = tcp
  const words = [`Flags [${flagLetters(flags)}]`]
  if (payload > 0) words.push(`seq ${seq}:${(seq + payload) >>> 0}`)
  else if ((flags & (FLAG.SYN | FLAG.FIN | FLAG.RST)) !== 0) words.push(`seq ${seq}`)
  if ((flags & FLAG.ACK) !== 0) words.push(`ack ${ack}`)
  words.push(`win ${window}`)
  if ((flags & FLAG.URG) !== 0) words.push(`urg ${urgent}`)
  const view = new DataView(options.buffer, options.byteOffset, options.length)
  const room = ip.total - (l4 - l3)
  const list = optionsText(view, 0, options.length, Math.min(tcp.header, room) - TCP.HEADER)
  if (list !== '') words.push(`options [${list}]`)
  return `${words.join(', ')}, length ${payload}`
}
