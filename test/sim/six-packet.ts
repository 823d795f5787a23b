/**
 * Packets of IPv4 as such of IPv6, and back (six.ts). An address of IPv4 stands behind PREFIX, so that checksums move by as much as that is.
 */

import { folded, get16, get32, put16, put32, sum, UOA_PROTOCOL } from './packet.ts'

export const PREFIX = 0x2001_0db8
/** A pseudo header has it twice. */
const PREFIXES = 2 * (0x2001 + 0x0db8)
const ICMP = 1
export const ICMPV6 = 58
export const FRAGMENT = 44
/** Bytes of its header. */
export const SIX = 40
/** Where protocols have their checksum. */
const SUM_AT: Record<number, number> = { 6: 16, 17: 6 }

export function putSix(out: Uint8Array, at: number, address: number): void {
  put32(out, at, PREFIX)
  put32(out, at + 12, address)
}

export function hasPrefix(bytes: Uint8Array, at: number): boolean {
  return get32(bytes, at) === PREFIX && get32(bytes, at + 4) === 0 && get32(bytes, at + 8) === 0
}

/** The checksum at `at`, where prefixes come into its pseudo header or, with `isGone`, are no more. */
function move(out: Uint8Array, at: number, isGone: boolean, isUdp: boolean): void {
  const by = isGone ? PREFIXES ^ 0xffff : PREFIXES
  const after = ~folded((~get16(out, at) & 0xffff) + by) & 0xffff
  put16(out, at, isUdp ? after || 0xffff : after)
}

/** Moves the checksum behind a header, as far as it is there; UDP that has none stays so. */
function moveSum(out: Uint8Array, at: number, protocol: number, isGone: boolean): void {
  const place = SUM_AT[protocol]
  if (place === undefined || at + place + 2 > out.length) return
  if (protocol === 17 && get16(out, at + place) === 0) return
  move(out, at + place, isGone, protocol === 17)
}

/** A packet, which may be cut as one that is quoted, with the other header. */
export function packetToSix(packet: Uint8Array): Uint8Array {
  const header = ((packet[0] as number) & 15) * 4
  const word = get16(packet, 6)
  const protocol = packet[9] as number
  const own = (word & 0x3fff) === 0 ? SIX : SIX + 8
  const out = new Uint8Array(own + packet.length - header)
  out.set(packet.subarray(header), own)
  out[0] = 0x60
  put16(out, 4, own - SIX + get16(packet, 2) - header)
  const next = protocol === ICMP ? ICMPV6 : protocol
  out[6] = next
  out[7] = packet[8] as number
  putSix(out, 8, get32(packet, 12))
  putSix(out, 24, get32(packet, 16))
  if (own > SIX) {
    out[6] = FRAGMENT
    out[SIX] = next
    put16(out, SIX + 2, ((word & 0x1fff) << 3) | ((word >> 13) & 1))
    put32(out, SIX + 4, get16(packet, 4))
  }
  if ((word & 0x1fff) === 0) moveSum(out, own, protocol, false)
  return out
}

/** The same back, or undefined if it cannot be. */
export function packetToFour(packet: Uint8Array): Uint8Array | undefined {
  if (packet.length < SIX + 8 || !hasPrefix(packet, 8) || !hasPrefix(packet, 24)) return undefined
  const isCut = packet[6] === FRAGMENT
  const own = isCut ? SIX + 8 : SIX
  const next = packet[isCut ? SIX : 6] as number
  const length = get16(packet, 4) + SIX - own
  if ((packet[0] as number) >> 4 !== 6 || length < 0) return undefined
  const out = new Uint8Array(20 + packet.length - own)
  out.set(packet.subarray(own), 20)
  out[0] = 0x45
  put16(out, 2, 20 + length)
  const word = isCut ? get16(packet, SIX + 2) : 0
  if (isCut) put16(out, 4, get16(packet, SIX + 6))
  put16(out, 6, (word >> 3) | ((word & 1) << 13))
  out[8] = packet[7] as number
  out[9] = next === ICMPV6 ? ICMP : next
  put32(out, 12, get32(packet, 20))
  put32(out, 16, get32(packet, 36))
  put16(out, 10, ~folded(sum(out, 0, 20)))
  const told = next === UOA_PROTOCOL ? get16(out, 22) : 0
  if (word >> 3 === 0) moveSum(out, 20 + told, told > 0 ? 17 : next, true)
  return out
}
