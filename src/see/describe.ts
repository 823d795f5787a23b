/**
 * A frame in one line, in the words of `tcpdump -nnS`: numbers for names and whole sequence numbers. What tcpdump would show
 * only with -e (the MACs) is there only where nothing else is.
 */

import { ARP_OP } from '../wire/arp.ts'
import { ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP_TYPE } from '../wire/icmp.ts'
import { PROTO } from '../wire/ipv4.ts'
import { FLAG, OPT } from '../wire/tcp.ts'
import {
  type ArpHeader,
  type Headers,
  headersOf,
  type IpHeader,
  type TcpHeader,
} from './headers.ts'

/** In tcpdump's order; URG is U, and `.` is ACK. */
const FLAG_LETTERS: readonly [number, string][] = [
  [FLAG.FIN, 'F'],
  [FLAG.SYN, 'S'],
  [FLAG.RST, 'R'],
  [FLAG.PSH, 'P'],
  [FLAG.ACK, '.'],
  [FLAG.URG, 'U'],
  [0x40, 'E'],
  [0x80, 'W'],
]

const ICMP_WORDS = new Map<number, string>([
  [ICMP_TYPE.ECHO_REPLY, 'echo reply'],
  [ICMP_TYPE.UNREACHABLE, 'unreachable'],
  [ICMP_TYPE.ECHO, 'echo request'],
  [ICMP_TYPE.TIME_EXCEEDED, 'time exceeded'],
  [5, 'redirect'],
  [13, 'time stamp query'],
  [14, 'time stamp reply'],
])

/**
 * `bytes` are the frame's first ones, from the Ethernet header on; `length` is that of the whole frame, if they are not all.
 * `IP 202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 4164191644, win 29200, options [mss 1460], length 0`
 */
export function describe(bytes: Uint8Array, length = bytes.length): string {
  return describeHeaders(headersOf(bytes, length))
}

/** The same of headers that have been read. */
export function describeHeaders(headers: Headers): string {
  const { eth, arp, ip, length } = headers
  if (eth === null) return `[|ether], length ${length}`
  const tags = eth.vlans.map(id => `vlan ${id}, `).join('')
  if (ip !== null) return `${tags}IP ${ipText(headers, ip)}`
  if (arp !== null) return `${tags}ARP, ${arpText(arp)}, length ${length - 14}`
  if (eth.type === ETHERTYPE.IPV4) return `${tags}IP [|ip], length ${length - 14}`
  if (eth.type === ETHERTYPE.ARP) return `${tags}ARP [|arp], length ${length - 14}`
  const macs = `${eth.src} > ${eth.dst}`
  if (eth.type < 1536) return `${tags}${macs}, 802.3, length ${length}`
  const name = eth.type === ETHERTYPE.IPV6 ? 'IPv6' : 'Unknown'
  return `${tags}${macs}, ethertype ${name} (0x${hex4(eth.type)}), length ${length}`
}

function arpText({ op, sender, senderMac, target }: ArpHeader): string {
  if (op === ARP_OP.REQUEST) return `Request who-has ${target} tell ${sender}`
  if (op === ARP_OP.REPLY) return `Reply ${sender} is-at ${senderMac}`
  return `op ${op} from ${sender} to ${target}`
}

function ipText(headers: Headers, ip: IpHeader): string {
  const { tcp, icmp, udp } = headers
  if (ip.version !== 4) return `version ${ip.version}, length ${headers.length - 14}`
  const bytes = ip.total - ip.header
  const part =
    ip.more || ip.offset > 0 ? `, frag id ${ip.id} offset ${ip.offset}${ip.more ? '+' : ''}` : ''
  const ports = tcp ?? udp
  const pair = ports
    ? `${ip.src}.${ports.sport} > ${ip.dst}.${ports.dport}`
    : `${ip.src} > ${ip.dst}`
  if (tcp !== null) return `${pair}: ${tcpText(tcp)}${part}`
  if (udp !== null) return `${pair}: UDP, length ${bytes - 8}${part}`
  if (icmp === null) return `${pair}: ${protocolText(ip, headers)}, length ${bytes}${part}`
  const word = ICMP_WORDS.get(icmp.type)
  const kind = word ?? `type-#${icmp.type}, code ${icmp.code}`
  const echo = icmp.type === ICMP_TYPE.ECHO || icmp.type === ICMP_TYPE.ECHO_REPLY
  const numbers = echo ? `, id ${icmp.id}, seq ${icmp.sequence}` : ''
  return `${pair}: ICMP ${kind}${numbers}, length ${bytes}${part}`
}

/** `[|tcp]` is tcpdump's sign for what was cut off. */
function protocolText(ip: IpHeader, headers: Headers): string {
  const name = { [PROTO.ICMP]: 'icmp', [PROTO.TCP]: 'tcp', [PROTO.UDP]: 'udp' }[ip.protocol]
  if (name === undefined) return `ip-proto-${ip.protocol}`
  return ip.offset > 0 || headers.ip === null ? name : `[|${name}]`
}

function tcpText(tcp: TcpHeader): string {
  const { seq, ack, payload, window, options } = tcp
  const end = (seq + payload) >>> 0
  const withSeq = (tcp.flags & (FLAG.SYN | FLAG.FIN | FLAG.RST)) !== 0
  const seqText = payload > 0 ? `, seq ${seq}:${end}` : withSeq ? `, seq ${seq}` : ''
  const ackText = tcp.flags & FLAG.ACK ? `, ack ${ack}` : ''
  const list = options.length > 0 ? `, options [${optionsText(options)}]` : ''
  const head = `Flags [${flagLetters(tcp.flags)}]${seqText}${ackText}, win ${window}${list}`
  return `${head}, length ${payload}`
}

/** `S.`, `P.`, or `none`, as tcpdump prints flags. */
export function flagLetters(flags: number): string {
  const letters = FLAG_LETTERS.filter(([flag]) => flags & flag).map(([, letter]) => letter)
  return letters.join('') || 'none'
}

/** `mss 1460,nop,wscale 7`; kind 254 is `exp-8468 ca6c0a02`, others `unknown-34 0102`, values in hex. */
export function optionsText(options: Uint8Array): string {
  const view = new DataView(options.buffer, options.byteOffset, options.length)
  const words: string[] = []
  for (let at = 0; at < options.length; ) {
    const kind = options[at] as number
    const length = kind <= OPT.NOP ? 1 : (options[at + 1] ?? 0)
    if (length === 0 || (length === 1 && kind > OPT.NOP) || at + length > options.length) {
      words.push('bad opt')
      break
    }
    words.push(optionText(view, at, kind, length))
    if (kind === OPT.EOL) break
    at += length
  }
  return words.join(',')
}

function optionText(view: DataView, at: number, kind: number, length: number): string {
  if (kind === OPT.EOL) return 'eol'
  if (kind === OPT.NOP) return 'nop'
  if (kind === OPT.MSS && length === 4) return `mss ${view.getUint16(at + 2)}`
  if (kind === OPT.WSCALE && length === 3) return `wscale ${view.getUint8(at + 2)}`
  if (kind === OPT.SACK_OK && length === 2) return 'sackOK'
  if (kind === OPT.TIMESTAMP && length === 10) {
    return `TS val ${view.getUint32(at + 2)} ecr ${view.getUint32(at + 6)}`
  }
  if (kind === OPT.SACK && length % 8 === 2) {
    let text = `sack ${(length - 2) / 8} `
    for (let edge = at + 2; edge < at + length; edge += 8) {
      text += `{${view.getUint32(edge)}:${view.getUint32(edge + 4)}}`
    }
    return text
  }
  let hex = ''
  for (let i = at + 2; i < at + length; i++) hex += view.getUint8(i).toString(16).padStart(2, '0')
  if (kind === OPT.TOA) return `exp-${hex.slice(0, 4)} ${hex.slice(4)}`.trim()
  return `unknown-${kind} ${hex}`.trim()
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}
