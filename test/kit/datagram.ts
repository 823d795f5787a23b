/** Packets that are not TCP: datagrams of UDP, and ICMP errors with what they quote. */

import type { DecodedUdp } from './decode.ts'
import { checksum, concat, icmpv6, ip, ipv4, ipv6, pseudoHeader, vnetHeader } from './frame.ts'

/** Ends of a packet, or of what would answer it. */
export interface Ends {
  src: string
  dst: string
  sport: number
  dport: number
}

const be16 = (value: number) => [value >>> 8, value & 255]

export interface DatagramFields extends Ends {
  payload?: Uint8Array
  /** The field, if not the right one; 0 is none. */
  checksum?: number
  /** Of the header, if not the right one. */
  length?: number
  ttl?: number
  df?: boolean
  ipOptions?: Uint8Array
  srcMac?: string
  dstMac?: string
}

/** The packet, from its IP header on. */
export function udp(ends: Ends, options = new Uint8Array()): Uint8Array {
  return datagram({ ...ends, ipOptions: options, payload: new Uint8Array(5) })
}

/** The same with all that may be different in it. */
export function datagram(fields: DatagramFields): Uint8Array {
  const { src, dst, payload = new Uint8Array(), ttl = 64, df = true, ipOptions } = fields
  const bytes = 8 + payload.length
  const head = [...be16(fields.sport), ...be16(fields.dport), ...be16(fields.length ?? bytes)]
  const whole = concat(Uint8Array.of(...head, 0, 0), payload)
  const pseudo = pseudoHeader(ip(src), ip(dst), 17, bytes)
  whole.set(be16(fields.checksum ?? (checksum(concat(pseudo, whole)) || 0xffff)), 6)
  if (src.includes(':')) return ipv6({ src, dst, next: 17, hopLimit: ttl }, whole)
  const options = ipOptions ?? new Uint8Array()
  return ipv4({ src, dst, protocol: 17, ttl, options, fragment: df ? 0x4000 : 0 }, whole)
}

/** What a kernel with offloads hands over for the frame of a datagram: a partial checksum, and several in one with `gsoSize`. */
export function offloadUdp(frame: Uint8Array, gsoSize = 0): Uint8Array {
  const copy = frame.slice()
  const isSix = copy[14] >>> 4 === 6
  const l4 = isSix ? 54 : 14 + (copy[14] & 15) * 4
  const [from, bytes] = isSix ? [22, 16] : [26, 4]
  const src = [...copy.slice(from, from + bytes)]
  const dst = [...copy.slice(from + bytes, from + 2 * bytes)]
  const pseudo = pseudoHeader(src, dst, 17, copy.length - l4)
  copy.set(be16(0xffff - checksum(pseudo)), l4 + 6)
  const gso = gsoSize === 0 ? {} : { gsoType: 5, gsoSize, hdrLen: l4 + 8 }
  return concat(vnetHeader({ flags: 1, csumStart: l4, csumOffset: 6, ...gso }), copy)
}

const LINE =
  /^(?:\(ttl (\d+)\) )?([\da-f:.]+)\.(\d+) > ([\da-f:.]+)\.(\d+): (?:\[(no|bad) cksum\] )?UDP, length (\d+)(?: gso (\d+))?(?: hex ([\da-f]+))?$/

export interface DatagramLine extends DatagramFields {
  gso?: number
}

/**
 * Reads `202.108.10.2.5353 > 202.108.10.1.53: UDP, length 12`, as tcpdump has it; the payload is `x`. Behind the ends may stand
 * `[no cksum]` or `[bad cksum]`, at the end `gso 1000`, the payload of a datagram in a frame of several, and `hex 43a5`, what the payload begins
 * with; undefined if it is no datagram.
 */
export function parseDatagram(line: string): DatagramLine | undefined {
  const m = LINE.exec(line)
  if (!m) return undefined
  const fields: DatagramLine = {
    src: m[2],
    sport: Number(m[3]),
    dst: m[4],
    dport: Number(m[5]),
    ttl: Number(m[1] ?? 64),
    payload: new Uint8Array(Number(m[7])).fill(0x78),
  }
  if (m[6] !== undefined) fields.checksum = m[6] === 'no' ? 0 : 0xbad
  if (m[8] !== undefined) fields.gso = Number(m[8])
  if (m[9] !== undefined) fields.payload?.set(Buffer.from(m[9], 'hex'))
  return fields
}

/** The same the other way round, with what UOA says behind it. */
export function printDatagram(d: DecodedUdp): string {
  const ttl = d.ttl === 64 ? '' : `(ttl ${d.ttl}) `
  const none = d.checksum === 0 ? '[no cksum] ' : ''
  const gso = d.vnet.gsoType === 5 ? ` gso ${d.vnet.gsoSize}` : ''
  const uoa = d.uoa === null ? '' : `, uoa ${d.uoa}`
  const ends = `${d.src}.${d.sport} > ${d.dst}.${d.dport}`
  return `${ttl}${ends}: ${none}UDP, length ${d.payload.length}${gso}${uoa}`
}

export interface ErrorFields {
  /** Ends of the answer that the packet in question would have got: the error goes the same way. */
  about: Ends
  type: number
  code?: number
  /** Who says so, if not the end itself. */
  src?: string
  /** To whom, if not to whom the packet in question came from. */
  dst?: string
  /** Of the quoted packet. */
  protocol?: number
  fragment?: number
  options?: Uint8Array
  /** Bytes of it behind its IP header. */
  bytes?: number
  seq?: number
}

/** The packet, from its IP header on. */
export function icmpError(fields: ErrorFields): Uint8Array {
  const { about, type, code = 0, protocol = 6, fragment = 0x4000, bytes = 8 } = fields
  const { seq = 7 } = fields
  const inside = new Uint8Array(bytes)
  const number = [...be16(seq >>> 16), ...be16(seq & 0xffff)]
  inside.set([...be16(about.dport), ...be16(about.sport), ...number].slice(0, bytes))
  const options = fields.options ?? new Uint8Array()
  const quote = ipv4({ src: about.dst, dst: about.src, protocol, fragment, options }, inside)
  const message = checksummed(concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), quote))
  return ipv4({ src: fields.src ?? about.src, dst: fields.dst ?? about.dst, protocol: 1 }, message)
}

/** A message of ICMP in a packet of either family, by the addresses; `rest` stands behind the checksum. */
export function icmpPacket(
  { src, dst, ttl = 64, tos = 0 }: { src: string; dst: string; ttl?: number; tos?: number },
  type: number,
  code: number,
  rest: Uint8Array,
): Uint8Array {
  if (src.includes(':')) {
    const header = { src, dst, next: 58, hopLimit: ttl, trafficClass: tos }
    return ipv6(header, icmpv6({ src, dst }, type, code, rest))
  }
  const message = checksummed(concat(Uint8Array.of(type, code, 0, 0), rest))
  return ipv4({ src, dst, protocol: 1, ttl, tos }, message)
}

/** An ICMP message with its checksum, whose field is 0 yet. */
export function checksummed(message: Uint8Array): Uint8Array {
  const whole = message.slice()
  whole.set(be16(checksum(message)), 2)
  return whole
}
