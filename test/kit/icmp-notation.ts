/**
 * ICMP errors on one line, much as tcpdump has them, with the packet that they quote behind `about`:
 *
 *   192.168.168.254 > 192.168.168.7: ICMP 3/4, mtu 1400, about tcp 192.168.168.7.1025 > 192.168.168.2.6379, seq 5001, ack 9001
 *
 * Without an ack 8 bytes of the quoted packet's L4 header are there, with one the whole packet, which carries no data. In front
 * may stand `(ttl 63) ` or `(tos 0xc0, ttl 64) ` as for a segment.
 */

import assert from 'node:assert/strict'
import { udp } from './datagram.ts'
import type { DecodedIcmp } from './decode.ts'
import { checksum, concat, ipv4, tcp } from './frame.ts'

const LINE =
  /^(?:\((?:tos 0x([\da-f]+), )?ttl (\d+)\) )?([\d.]+) > ([\d.]+): ICMP (\d+)\/(\d+)(?:, mtu (\d+))?, about (tcp|udp) ([\d.]+)\.(\d+) > ([\d.]+)\.(\d+)(?:, seq (\d+))?(?:, ack (\d+))?$/

export function isIcmpLine(line: string): boolean {
  return line.includes(': ICMP ')
}

/** The packet of a line, from its IP header on. */
export function parseIcmp(line: string): Uint8Array {
  const m = LINE.exec(line)
  assert.ok(m, `cannot read ICMP error: ${line}`)
  const [src, dst] = [m[3], m[4]]
  const message = concat(Uint8Array.of(Number(m[5]), Number(m[6]), 0, 0, 0, 0, 0, 0), quoteOf(m))
  new DataView(message.buffer).setUint16(6, Number(m[7] ?? 0))
  const sum = checksum(message)
  message.set([sum >> 8, sum & 255], 2)
  const [tos, ttl] = [Number.parseInt(m[1] ?? '0', 16), Number(m[2] ?? 64)]
  return ipv4({ src, dst, protocol: 1, tos, ttl }, message)
}

function quoteOf(m: RegExpExecArray): Uint8Array {
  const ends = { src: m[9], sport: Number(m[10]), dst: m[11], dport: Number(m[12]) }
  if (m[8] === 'udp') return udp(ends)
  const numbers = { seq: Number(m[13] ?? 0), ack: Number(m[14] ?? 0) }
  const segment = tcp({ ...ends, ...numbers, flags: '.', payload: new Uint8Array() })
  const packet = ipv4({ src: ends.src, dst: ends.dst, protocol: 6 }, segment)
  return m[14] === undefined ? packet.subarray(0, 28) : packet
}

export function isIcmpError({ type }: DecodedIcmp): boolean {
  return [3, 4, 5, 11, 12].includes(type)
}

/** What it quotes must have a good IP checksum, and of what is whole a good one of UDP or TCP. */
export function printIcmp({ src, dst, ttl, tos, type, code, rest }: DecodedIcmp): string {
  const view = new DataView(rest.buffer, rest.byteOffset, rest.length)
  const quote = rest.subarray(4)
  const at = 4 + (quote[0] & 15) * 4
  assert.equal(checksum(rest.subarray(4, at)), 0, 'IP checksum of what is quoted')
  const address = (from: number) => [...rest.subarray(from, from + 4)].join('.')
  const [from, to] = [address(16), address(20)]
  const isTcp = rest[13] === 6
  const ends = `${from}.${view.getUint16(at)} > ${to}.${view.getUint16(at + 2)}`
  const mtu = type === 3 && code === 4 ? `, mtu ${view.getUint16(2)}` : ''
  const seq = isTcp ? `, seq ${view.getUint32(at + 4)}` : ''
  const ack = isTcp && rest.length >= at + 12 ? `, ack ${view.getUint32(at + 8)}` : ''
  checkWhole(rest, at)
  const head =
    ttl === 64 && tos === 0 ? '' : `(${tos === 0 ? '' : `tos 0x${tos.toString(16)}, `}ttl ${ttl}) `
  const about = `${isTcp ? 'tcp' : 'udp'} ${ends}${seq}${ack}`
  return `${head}${src} > ${dst}: ICMP ${type}/${code}${mtu}, about ${about}`
}

/** The checksum behind the header at `at` of a packet that is quoted whole. */
function checkWhole(rest: Uint8Array, at: number): void {
  const total = rest[6] * 256 + rest[7]
  if (rest.length < 4 + total) return
  const l4 = rest.subarray(at, 4 + total)
  const isUdp = rest[13] === 17
  if (isUdp && l4[6] === 0 && l4[7] === 0) return
  const pseudo = Uint8Array.of(
    ...rest.subarray(16, 24),
    0,
    rest[13],
    l4.length >> 8,
    l4.length & 255,
  )
  assert.equal(checksum(concat(pseudo, l4)), 0, 'checksum of what is quoted')
}
