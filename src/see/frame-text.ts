/** A frame in tcpdump's words (`tcpdump -nS`), but that a TOA option is spelled out. */

import { ipv4Text, macText } from '../wire/address.ts'
import { ARP, ARP_OP } from '../wire/arp.ts'
import { ETH } from '../wire/ethernet.ts'
import { IPV4 } from '../wire/ipv4.ts'
import { FLAG, headerLength, TCP } from '../wire/tcp.ts'
import { headersOf } from './headers.ts'
import { flagLetters, optionsText } from './options-text.ts'

const ECHO_REPLY = 0
const ECHO_REQUEST = 8
const ICMP_HEADER = 8

/** `length` counts the whole frame, of which `bytes` may be the beginning only. */
export function frameText(bytes: Uint8Array, length: number): string {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < ETH.HEADER) return `${length} bytes`
  const { type } = headersOf(bytes)
  if (type === 'tcp') return `IP ${tcpText(pkt)}`
  if (type === 'arp') return `ARP, ${arpText(pkt)}`
  if (type === 'icmp') return `IP ${addresses(pkt)}: ${icmpText(pkt)}`
  if (type === 'other') {
    const ethertype = pkt.getUint16(ETH.TYPE).toString(16).padStart(4, '0')
    return `${macAt(pkt, ETH.SRC)} > ${macAt(pkt, ETH.DST)}, ethertype 0x${ethertype}, length ${length}`
  }
  const protocol = pkt.getUint8(ETH.HEADER + IPV4.PROTOCOL)
  return `IP ${addresses(pkt)}: protocol ${protocol}, length ${length}`
}

function tcpText(pkt: DataView): string {
  const ip = ETH.HEADER
  const tcp = ip + ((pkt.getUint8(ip) & 15) << 2)
  const end = ip + pkt.getUint16(ip + IPV4.TOTAL_LENGTH)
  if (pkt.byteLength < tcp + TCP.HEADER || (pkt.getUint16(ip + IPV4.FRAGMENT) & 0x1fff) !== 0)
    return `${addresses(pkt)}: TCP, cut short`
  const header = headerLength(pkt, tcp)
  const from = `${ipv4Text(pkt.getInt32(ip + IPV4.SRC))}.${pkt.getUint16(tcp + TCP.SPORT)}`
  const to = `${ipv4Text(pkt.getInt32(ip + IPV4.DST))}.${pkt.getUint16(tcp + TCP.DPORT)}`
  const bits = pkt.getUint8(tcp + TCP.FLAGS)
  const payload = Math.max(0, end - tcp - header)
  const seq = pkt.getUint32(tcp + TCP.SEQ)
  const words = [`${from} > ${to}: Flags [${flagLetters(bits)}]`]
  if (payload > 0) words.push(`seq ${seq}:${(seq + payload) >>> 0}`)
  else if ((bits & (FLAG.SYN | FLAG.FIN | FLAG.RST)) !== 0) words.push(`seq ${seq}`)
  if ((bits & FLAG.ACK) !== 0) words.push(`ack ${pkt.getUint32(tcp + TCP.ACK)}`)
  words.push(`win ${pkt.getUint16(tcp + TCP.WINDOW)}`)
  if ((bits & FLAG.URG) !== 0) words.push(`urg ${pkt.getUint16(tcp + TCP.URGENT)}`)
  const options = optionsText(pkt, tcp + TCP.HEADER, Math.min(tcp + header, pkt.byteLength))
  if (options !== '') words.push(`options [${options}]`)
  return `${words.join(', ')}, length ${payload}`
}

function arpText(pkt: DataView): string {
  const arp = ETH.HEADER
  const op = pkt.getUint16(arp + ARP.OP)
  const sender = ipv4Text(pkt.getInt32(arp + ARP.SPA))
  const target = ipv4Text(pkt.getInt32(arp + ARP.TPA))
  if (op === ARP_OP.REQUEST) return `Request who-has ${target} tell ${sender}`
  return op === ARP_OP.REPLY ? `Reply ${sender} is-at ${macAt(pkt, arp + ARP.SHA)}` : `op ${op}`
}

function icmpText(pkt: DataView): string {
  const ip = ETH.HEADER
  const icmp = ip + ((pkt.getUint8(ip) & 15) << 2)
  if (pkt.byteLength < icmp + ICMP_HEADER) return 'ICMP, cut short'
  const type = pkt.getUint8(icmp)
  const length = `length ${pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - icmp + ip}`
  if (type !== ECHO_REQUEST && type !== ECHO_REPLY)
    return `ICMP type ${type} code ${pkt.getUint8(icmp + 1)}, ${length}`
  const kind = type === ECHO_REQUEST ? 'request' : 'reply'
  const id = pkt.getUint16(icmp + 4)
  return `ICMP echo ${kind}, id ${id}, seq ${pkt.getUint16(icmp + 6)}, ${length}`
}

function addresses(pkt: DataView): string {
  const ip = ETH.HEADER
  return `${ipv4Text(pkt.getInt32(ip + IPV4.SRC))} > ${ipv4Text(pkt.getInt32(ip + IPV4.DST))}`
}

function macAt(pkt: DataView, at: number): string {
  return macText(pkt.getUint16(at), pkt.getInt32(at + 2))
}
