/**
 * ICMP errors on one line, much as tcpdump has them, with the packet that they quote behind `about`:
 *
 *   192.168.168.254 > 192.168.168.7: ICMP 3/4, mtu 1400, about tcp 192.168.168.7.1025 > 192.168.168.2.6379, seq 5001, ack 9001
 *
 * Without an ack 8 bytes of the quoted packet's L4 header are there, with one the whole packet, which carries no data. In front
 * may stand `(ttl 63) ` or `(tos 0xc0, ttl 64) ` as for a segment. With addresses of IPv6 it is `ICMP6 2/0, mtu 1400`.
 */

import assert from 'node:assert/strict'
import { icmpPacket, udp } from './datagram.ts'
import type { DecodedIcmp, DecodedIcmpv6 } from './decode.ts'
import { ipText } from './decode-ip.ts'
import { checksum, concat, pseudoHeader, tcpPacket } from './frame.ts'

const LINE =
  /^(?:\((?:tos 0x([\da-f]+), )?ttl (\d+)\) )?([\da-f:.]+) > ([\da-f:.]+): ICMP6? (\d+)\/(\d+)(?:, mtu (\d+))?, about (tcp|udp) ([\da-f:.]+)\.(\d+) > ([\da-f:.]+)\.(\d+)(?:, seq (\d+))?(?:, ack (\d+))?$/

export function isIcmpLine(line: string): boolean {
  return /: ICMP6? /.test(line)
}

/** The packet of a line, from its IP header on. */
export function parseIcmp(line: string): Uint8Array {
  const m = LINE.exec(line)
  assert.ok(m, `cannot read ICMP error: ${line}`)
  const [src, dst] = [m[3], m[4]]
  const [type, code, mtu] = [Number(m[5]), Number(m[6]), Number(m[7] ?? 0)]
  const [tos, ttl] = [Number.parseInt(m[1] ?? '0', 16), Number(m[2] ?? 64)]
  const rest = concat(Uint8Array.of(0, 0, mtu >> 8, mtu & 255), quoteOf(m))
  return icmpPacket({ src, dst, tos, ttl }, type, code, rest)
}

function quoteOf(m: RegExpExecArray): Uint8Array {
  const ends = { src: m[9], sport: Number(m[10]), dst: m[11], dport: Number(m[12]) }
  if (m[8] === 'udp') return udp(ends)
  const numbers = { seq: Number(m[13] ?? 0), ack: Number(m[14] ?? 0) }
  const packet = tcpPacket({ ...ends, ...numbers, flags: '.' })
  return m[14] === undefined ? packet.subarray(0, ends.src.includes(':') ? 48 : 28) : packet
}

export function isIcmpError({ kind, type }: DecodedIcmp | DecodedIcmpv6): boolean {
  return kind === 'icmp' ? [3, 4, 5, 11, 12].includes(type) : type < 128
}

/** What is quoted, from its IP header on. */
interface Quote {
  src: Uint8Array
  dst: Uint8Array
  protocol: number
  l4: Uint8Array
  /** Bytes that the packet has behind its IP header, here or not. */
  bytes: number
}

/** What it quotes must have a good IP checksum, and of what is whole a good one of UDP or TCP. */
export function printIcmp(error: DecodedIcmp | DecodedIcmpv6): string {
  const { kind, src, dst, ttl, tos, type, code, rest } = error
  const isSix = kind === 'icmpv6'
  const quote = isSix ? quote6Of(rest.subarray(4)) : quote4Of(rest.subarray(4))
  const { l4 } = quote
  const view = new DataView(l4.buffer, l4.byteOffset, l4.length)
  const isTcp = quote.protocol === 6
  const [from, to] = [ipText(quote.src), ipText(quote.dst)]
  const ends = `${from}.${view.getUint16(0)} > ${to}.${view.getUint16(2)}`
  const isTooBig = isSix ? type === 2 : type === 3 && code === 4
  const mtu = isTooBig ? `, mtu ${rest[2] * 256 + rest[3]}` : ''
  const seq = isTcp ? `, seq ${view.getUint32(4)}` : ''
  const ack = isTcp && l4.length >= 12 ? `, ack ${view.getUint32(8)}` : ''
  checkWhole(quote, isSix)
  const head =
    ttl === 64 && tos === 0 ? '' : `(${tos === 0 ? '' : `tos 0x${tos.toString(16)}, `}ttl ${ttl}) `
  const about = `${isTcp ? 'tcp' : 'udp'} ${ends}${seq}${ack}`
  return `${head}${src} > ${dst}: ICMP${isSix ? '6' : ''} ${type}/${code}${mtu}, about ${about}`
}

function quote4Of(packet: Uint8Array): Quote {
  const header = (packet[0] & 15) * 4
  assert.equal(checksum(packet.subarray(0, header)), 0, 'IP checksum of what is quoted')
  return {
    src: packet.subarray(12, 16),
    dst: packet.subarray(16, 20),
    protocol: packet[9],
    l4: packet.subarray(header),
    bytes: packet[2] * 256 + packet[3] - header,
  }
}

function quote6Of(packet: Uint8Array): Quote {
  return {
    src: packet.subarray(8, 24),
    dst: packet.subarray(24, 40),
    protocol: packet[6],
    l4: packet.subarray(40),
    bytes: packet[4] * 256 + packet[5],
  }
}

/** The checksum of a packet that is quoted whole. */
function checkWhole({ src, dst, protocol, l4, bytes }: Quote, isSix: boolean): void {
  if (l4.length < bytes) return
  const all = l4.subarray(0, bytes)
  if (protocol === 17 && !isSix && all[6] === 0 && all[7] === 0) return
  const pseudo = pseudoHeader([...src], [...dst], protocol, bytes)
  assert.equal(checksum(concat(pseudo, all)), 0, 'checksum of what is quoted')
}
