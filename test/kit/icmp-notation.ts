/**
 * Pings on one line as tcpdump has them, and ICMP errors much as it does, with the packet that they quote behind `about`:
 *
 *   192.168.168.2 > 10.1.2.3: ICMP echo request, id 4660, seq 1, length 64
 *   192.168.168.254 > 192.168.168.7: ICMP 3/4, mtu 1400, about tcp 192.168.168.7.1025 > 192.168.168.2.6379, seq 5001, ack 9001
 *   10.9.9.9 > 202.108.10.3: ICMP 11/0, about icmp 202.108.10.3 > 10.1.2.3, echo request, id 1025, seq 1
 *
 * Without an ack 8 bytes of the quoted packet's L4 header are there, with one the whole packet, which carries no data; a quoted ping has
 * its header alone. What a ping carries is `x`. In front may stand `(ttl 63) ` or `(tos 0xc0, ttl 64) ` as for a segment. With addresses of
 * IPv6 it is `ICMP6, echo request` and `ICMP6 2/0, mtu 1400`.
 */

import assert from 'node:assert/strict'
import { icmpPacket, udp } from './datagram.ts'
import type { DecodedIcmp, DecodedIcmpv6 } from './decode.ts'
import { ipText } from './decode-ip.ts'
import { checksum, concat, pseudoHeader, tcpPacket } from './frame.ts'

const HEAD = String.raw`^(?:\((?:tos 0x([\da-f]+), )?ttl (\d+)\) )?([\da-f:.]+) > ([\da-f:.]+): `
const ECHO = String.raw`echo (request|reply), id (\d+), seq (\d+)`
const SEGMENT = String.raw`(tcp|udp) ([\da-f:.]+)\.(\d+) > ([\da-f:.]+)\.(\d+)(?:, seq (\d+))?(?:, ack (\d+))?$`
const QUOTED_PING = new RegExp(`^icmp6? ([\\da-f:.]+) > ([\\da-f:.]+), ${ECHO}$`)
const QUOTED_SEGMENT = new RegExp(`^${SEGMENT}`)
const PING = new RegExp(`${HEAD}ICMP6?,? ${ECHO}, length (\\d+)$`)
const ERROR = new RegExp(`${HEAD}ICMP6? (\\d+)/(\\d+)(?:, mtu (\\d+))?, about (.*)$`)

export function isIcmpLine(line: string): boolean {
  return /: ICMP6?,? /.test(line)
}

/** The packet of a line, from its IP header on. */
export function parseIcmp(line: string): Uint8Array {
  const m = PING.exec(line) ?? ERROR.exec(line)
  assert.ok(m, `cannot read ICMP: ${line}`)
  const [src, dst] = [m[3], m[4]]
  const ends = { src, dst, tos: Number.parseInt(m[1] ?? '0', 16), ttl: Number(m[2] ?? 64) }
  if (PING.test(line)) return echo(ends, m[5], [Number(m[6]), Number(m[7])], Number(m[8]) - 8)
  const mtu = Number(m[7] ?? 0)
  const rest = concat(Uint8Array.of(0, 0, mtu >> 8, mtu & 255), quoteOf(m[8]))
  return icmpPacket(ends, Number(m[5]), Number(m[6]), rest)
}

/** `numbers` are the identifier and the number in sequence. */
function echo(
  ends: { src: string; dst: string; tos?: number; ttl?: number },
  what: string,
  numbers: number[],
  bytes: number,
): Uint8Array {
  const [request, reply] = ends.src.includes(':') ? [128, 129] : [8, 0]
  const head = Uint8Array.from(numbers.flatMap(number => [number >> 8, number & 255]))
  const carried = new TextEncoder().encode('x'.repeat(bytes))
  return icmpPacket(ends, what === 'request' ? request : reply, 0, concat(head, carried))
}

function quoteOf(about: string): Uint8Array {
  const ping = QUOTED_PING.exec(about)
  if (ping)
    return echo({ src: ping[1], dst: ping[2] }, ping[3], [Number(ping[4]), Number(ping[5])], 0)
  const m = QUOTED_SEGMENT.exec(about)
  assert.ok(m, `cannot read what is quoted: ${about}`)
  const ends = { src: m[2], sport: Number(m[3]), dst: m[4], dport: Number(m[5]) }
  if (m[1] === 'udp') return udp(ends)
  const numbers = { seq: Number(m[6] ?? 0), ack: Number(m[7] ?? 0) }
  const packet = tcpPacket({ ...ends, ...numbers, flags: '.' })
  return m[7] === undefined ? packet.subarray(0, ends.src.includes(':') ? 48 : 28) : packet
}

/** Of both families, with the words of what they are. */
const ECHOES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  icmp: { 8: 'request', 0: 'reply' },
  icmpv6: { 128: 'request', 129: 'reply' },
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

/** A ping; undefined of other ICMP. */
export function printEcho(message: DecodedIcmp | DecodedIcmpv6): string | undefined {
  const { kind, src, dst, type, rest } = message
  const what = ECHOES[kind]?.[type]
  if (what === undefined || rest.length < 4) return undefined
  const name = kind === 'icmpv6' ? 'ICMP6,' : 'ICMP'
  return `${headText(message)}${src} > ${dst}: ${name} ${echoText(what, rest)}, length ${rest.length + 4}`
}

/** `at` the identifier. */
function echoText(what: string, at: Uint8Array): string {
  return `echo ${what}, id ${at[0] * 256 + at[1]}, seq ${at[2] * 256 + at[3]}`
}

function headText({ ttl, tos }: DecodedIcmp | DecodedIcmpv6): string {
  if (ttl === 64 && tos === 0) return ''
  return `(${tos === 0 ? '' : `tos 0x${tos.toString(16)}, `}ttl ${ttl}) `
}

/** What it quotes must have a good IP checksum, and of what is whole a good one of UDP, TCP or ICMP. */
export function printIcmp(error: DecodedIcmp | DecodedIcmpv6): string {
  const { kind, src, dst, type, code, rest } = error
  const isSix = kind === 'icmpv6'
  const quote = isSix ? quote6Of(rest.subarray(4)) : quote4Of(rest.subarray(4))
  const isTooBig = isSix ? type === 2 : type === 3 && code === 4
  const mtu = isTooBig ? `, mtu ${rest[2] * 256 + rest[3]}` : ''
  checkWhole(quote, isSix)
  const what = ECHOES[kind]?.[quote.l4[0]]
  const isPing = quote.protocol === (isSix ? 58 : 1) && what !== undefined
  const about = isPing
    ? `icmp${isSix ? '6' : ''} ${ipText(quote.src)} > ${ipText(quote.dst)}, ${echoText(what, quote.l4.subarray(4))}`
    : segmentText(quote)
  return `${headText(error)}${src} > ${dst}: ICMP${isSix ? '6' : ''} ${type}/${code}${mtu}, about ${about}`
}

function segmentText({ src, dst, protocol, l4 }: Quote): string {
  const view = new DataView(l4.buffer, l4.byteOffset, l4.length)
  const isTcp = protocol === 6
  const ends = `${ipText(src)}.${view.getUint16(0)} > ${ipText(dst)}.${view.getUint16(2)}`
  const seq = isTcp ? `, seq ${view.getUint32(4)}` : ''
  const ack = isTcp && l4.length >= 12 ? `, ack ${view.getUint32(8)}` : ''
  return `${isTcp ? 'tcp' : 'udp'} ${ends}${seq}${ack}`
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
  const pseudo =
    protocol === 1 ? new Uint8Array() : pseudoHeader([...src], [...dst], protocol, bytes)
  assert.equal(checksum(concat(pseudo, all)), 0, 'checksum of what is quoted')
}
