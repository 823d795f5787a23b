/** Packets that are not TCP: datagrams of UDP, and ICMP errors with what they quote. */

import { checksum, concat, ip, ipv4, pseudoHeader } from './frame.ts'

/** Ends of a packet, or of what would answer it. */
export interface Ends {
  src: string
  dst: string
  sport: number
  dport: number
}

const be16 = (value: number) => [value >>> 8, value & 255]

/** The packet, from its IP header on. */
export function udp({ src, dst, sport, dport }: Ends, options = new Uint8Array()): Uint8Array {
  const length = 8 + 5
  const datagram = new Uint8Array(length)
  datagram.set([...be16(sport), ...be16(dport), ...be16(length)])
  const pseudo = pseudoHeader(ip(src), ip(dst), 17, length)
  datagram.set(be16(checksum(concat(pseudo, datagram)) || 0xffff), 6)
  return ipv4({ src, dst, protocol: 17, options }, datagram)
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
}

/** The packet, from its IP header on. */
export function icmpError(fields: ErrorFields): Uint8Array {
  const { about, type, code = 0, protocol = 6, fragment = 0x4000, bytes = 8 } = fields
  const inside = new Uint8Array(bytes)
  inside.set([...be16(about.dport), ...be16(about.sport), 0, 0, 0, 7].slice(0, bytes))
  const options = fields.options ?? new Uint8Array()
  const quote = ipv4({ src: about.dst, dst: about.src, protocol, fragment, options }, inside)
  const message = checksummed(concat(Uint8Array.of(type, code, 0, 0, 0, 0, 0, 0), quote))
  return ipv4({ src: fields.src ?? about.src, dst: fields.dst ?? about.dst, protocol: 1 }, message)
}

/** An ICMP message with its checksum, whose field is 0 yet. */
export function checksummed(message: Uint8Array): Uint8Array {
  const whole = message.slice()
  whole.set(be16(checksum(message)), 2)
  return whole
}
