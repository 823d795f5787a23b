/** A frame in one line, in tcpdump's words (`tcpdump -nnS`), but that a TOA option is spelled out. */

import { ARP_OP } from '../../wire/arp.ts'
import { ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP_TYPE } from '../../wire/icmp.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { FLAG } from '../../wire/tcp.ts'
import {
  type ArpHeader,
  type HeaderValues,
  headerValues,
  type IpHeader,
  type TcpHeader,
} from './header-values.ts'
import { flagLetters, optionsText } from './options-text.ts'

const PROTOCOL_NAMES = new Map<number, string>([
  [PROTO.ICMP, 'ICMP'],
  [PROTO.TCP, 'TCP'],
  [PROTO.UDP, 'UDP'],
])

/** `length` counts the whole frame, of which `bytes` may be the beginning only. */
export function frameText(bytes: Uint8Array, length = bytes.length): string {
  const values = headerValues(bytes, length)
  const { eth, arp, ip } = values
  if (eth === null) return `${length} bytes`
  const tags = eth.vlans.map(id => `vlan ${id}, `).join('')
  if (ip !== null) return `${tags}IP ${ipText(values, ip)}`
  if (arp !== null) return `${tags}ARP, ${arpText(arp)}`
  if (eth.type === ETHERTYPE.IPV4) return `${tags}IP, cut short, length ${length}`
  if (eth.type === ETHERTYPE.ARP) return `${tags}ARP, cut short, length ${length}`
  const ethertype = eth.type.toString(16).padStart(4, '0')
  return `${tags}${eth.src} > ${eth.dst}, ethertype 0x${ethertype}, length ${length}`
}

function arpText({ op, sender, senderMac, target }: ArpHeader): string {
  if (op === ARP_OP.REQUEST) return `Request who-has ${target} tell ${sender}`
  return op === ARP_OP.REPLY ? `Reply ${sender} is-at ${senderMac}` : `op ${op}`
}

function ipText(values: HeaderValues, ip: IpHeader): string {
  const { tcp, udp, icmp, length } = values
  if (ip.version !== 4) return `version ${ip.version}, length ${length}`
  const more = ip.more ? '+' : ''
  const part = more || ip.offset > 0 ? `, fragment ${ip.id} at ${ip.offset}${more}` : ''
  const ports = tcp ?? udp
  const pair = ports
    ? `${ip.src}.${ports.sport} > ${ip.dst}.${ports.dport}`
    : `${ip.src} > ${ip.dst}`
  const bytes = Math.max(0, ip.total - ip.header)
  if (tcp !== null) return `${pair}: ${tcpText(tcp)}${part}`
  if (udp !== null) return `${pair}: UDP, length ${Math.max(0, bytes - 8)}${part}`
  if (icmp !== null) return `${pair}: ${icmpText(icmp)}, length ${bytes}${part}`
  const name = PROTOCOL_NAMES.get(ip.protocol)
  if (name === undefined) return `${pair}: protocol ${ip.protocol}, length ${length}${part}`
  return `${pair}: ${name}${ip.offset > 0 ? '' : ', cut short'}${part}`
}

function icmpText({ type, code, id, sequence }: NonNullable<HeaderValues['icmp']>): string {
  if (type !== ICMP_TYPE.ECHO && type !== ICMP_TYPE.ECHO_REPLY)
    return `ICMP type ${type} code ${code}`
  const kind = type === ICMP_TYPE.ECHO ? 'request' : 'reply'
  return `ICMP echo ${kind}, id ${id}, seq ${sequence}`
}

function tcpText(tcp: TcpHeader): string {
  const { flags, seq, ack, payload, window, urgent, options } = tcp
  const words = [`Flags [${flagLetters(flags)}]`]
  if (payload > 0) words.push(`seq ${seq}:${(seq + payload) >>> 0}`)
  else if ((flags & (FLAG.SYN | FLAG.FIN | FLAG.RST)) !== 0) words.push(`seq ${seq}`)
  if ((flags & FLAG.ACK) !== 0) words.push(`ack ${ack}`)
  words.push(`win ${window}`)
  if ((flags & FLAG.URG) !== 0) words.push(`urg ${urgent}`)
  const view = new DataView(options.buffer, options.byteOffset, options.length)
  const list = optionsText(view, 0, options.length)
  if (list !== '') words.push(`options [${list}]`)
  return `${words.join(', ')}, length ${payload}`
}
