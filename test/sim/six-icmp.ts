/** ICMP as ICMPv6 and back, for six.ts: pings, and errors with the packet that they quote (RFC 4443, RFC 7915 4.2). */

import { folded, get16, get32, put16, put32, sum } from './packet.ts'
import { ICMPV6, packetToFour, packetToSix, putSix, SIX } from './six-packet.ts'

/** Types and codes of both, where there is one for the other. */
const ERRORS = [
  [3, 0, 1, 0],
  [3, 13, 1, 1],
  [3, 1, 1, 3],
  [3, 3, 1, 4],
  [3, 4, 2, 0],
  [11, 0, 3, 0],
  [12, 0, 4, 0],
] as const
const ECHOES = [
  [8, 128],
  [0, 129],
] as const
/** What IPv6 has more in front of a packet that is cut: both headers against one of 20 bytes. */
const MORE = 28

/** A packet of ICMP as one of ICMPv6 whose checksum is to be made; undefined if there is none. */
export function icmp6Of(packet: Uint8Array): Uint8Array | undefined {
  const [type, code] = [packet[20] as number, packet[21] as number]
  const echo = ECHOES.find(([four]) => four === type)
  const error = ERRORS.find(one => one[0] === type && one[1] === code)
  if (echo !== undefined) {
    const out = headed(packet, packet.subarray(24))
    out[SIX] = echo[1]
    return out
  }
  if (error === undefined) return undefined
  const about = packetToSix(packet.subarray(28))
  const rest = new Uint8Array(4 + about.length)
  if (type === 3 && code === 4) put32(rest, 0, get16(packet, 26) + MORE)
  rest.set(about, 4)
  const out = headed(packet, rest)
  out[SIX] = error[2]
  out[SIX + 1] = error[3]
  return out
}

/** Behind type, code and checksum comes `rest`. */
function headed(packet: Uint8Array, rest: Uint8Array): Uint8Array {
  const out = new Uint8Array(SIX + 4 + rest.length)
  out[0] = 0x60
  put16(out, 4, 4 + rest.length)
  out[6] = ICMPV6
  out[7] = packet[8] as number
  putSix(out, 8, get32(packet, 12))
  putSix(out, 24, get32(packet, 16))
  out.set(rest, SIX + 4)
  return out
}

/** The same back, of one whose checksum is right; undefined of what says nothing to hosts. */
export function icmp4Of(packet: Uint8Array): Uint8Array | undefined {
  const [type, code] = [packet[SIX] as number, packet[SIX + 1] as number]
  const echo = ECHOES.find(([, six]) => six === type)
  const error = ERRORS.find(one => one[2] === type && one[3] === code)
  const four = packetToFour(packet)
  if (four === undefined || (error === undefined && echo === undefined)) return undefined
  if (echo !== undefined) four[20] = echo[0]
  if (error === undefined) return resummed(four)
  const about = packetToFour(packet.subarray(SIX + 8))
  if (about === undefined) return undefined
  const out = new Uint8Array(28 + about.length)
  out.set(four.subarray(0, 28))
  out.set(about, 28)
  out[20] = error[0]
  out[21] = error[1]
  put32(out, 24, error[0] === 3 && error[1] === 4 ? get32(packet, SIX + 4) - MORE : 0)
  put16(out, 2, out.length)
  put16(out, 10, 0)
  put16(out, 10, ~folded(sum(out, 0, 20)))
  return resummed(out)
}

function resummed(out: Uint8Array): Uint8Array {
  put16(out, 22, 0)
  put16(out, 22, ~folded(sum(out, 20, out.length)))
  return out
}
