/**
 * Checksums of frames, with code of the tests' own: whether what came in was right, and whether what leaves is. A frame is from
 * its virtio-net header on; allocates nothing, because it looks at a hundred million of them.
 */

import { inside6 } from './inside6.ts'

export const Sum = {
  /** No more is known: a fragment, or what the engine made. */
  UNKNOWN: 0,
  RIGHT: 1,
  WRONG: 2,
  /** UDP without a checksum. */
  NONE: 3,
  /** It came with a tag in front, and may be either. */
  TAGGED: 4,
} as const

export const [TCP, UDP, ICMP, UOA, ICMP6] = [6, 17, 1, 248, 58]
const HEAD = 24
const NEEDS_CSUM = 1

export function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 65_536)
  return folded
}

/** Of the big-endian words of from..to, unfolded. */
export function words(pkt: DataView, from: number, to: number): number {
  let sum = 0
  let at = from
  for (; at + 2 <= to; at += 2) sum += pkt.getUint16(at)
  return at < to ? sum + pkt.getUint8(at) * 256 : sum
}

/** Unfolded sum of the pseudo header of the packet at `ip`. */
export function pseudo(pkt: DataView, ip: number, protocol: number, bytes: number): number {
  const isIpv6 = pkt.getUint8(ip) >> 4 === 6
  return words(pkt, ip + (isIpv6 ? 8 : 12), ip + (isIpv6 ? 40 : 20)) + protocol + bytes
}

/** The frame at `at`, of `length` bytes, whole or not. => One of Sum; UNKNOWN if it is no whole TCP, UDP or ICMP */
export function sumState(pkt: DataView, at: number, length: number): number {
  const ip = at + HEAD
  if (length < HEAD + 20) return Sum.UNKNOWN
  if (pkt.getUint16(ip - 2) === 0x8100) return Sum.TAGGED
  if (pkt.getUint16(ip - 2) === 0x86dd) return sumState6(pkt, at, length)
  if (pkt.getUint16(ip - 2) !== 0x0800) return Sum.UNKNOWN
  const header = (pkt.getUint8(ip) & 15) * 4
  const total = pkt.getUint16(ip + 2)
  if (header < 20 || total < header || HEAD + total > length) return Sum.UNKNOWN
  if ((pkt.getUint16(ip + 6) & 0x3fff) !== 0) return Sum.UNKNOWN
  const protocol = pkt.getUint8(ip + 9)
  const l4 = ip + header
  const bytes = total - header
  if (protocol === ICMP)
    return bytes >= 8 && fold(words(pkt, l4, l4 + bytes)) === 0xffff ? Sum.RIGHT : Sum.WRONG
  if (protocol === TCP && bytes >= 20) return of(pkt, at, l4, bytes, 16, TCP)
  if (protocol === UDP) return udp(pkt, at, l4, bytes)
  // UDP behind the header of UOA, longer by an address of IPv6: its pseudo header is that of UDP.
  const uoa = bytes >= 20 ? pkt.getUint16(l4 + 2) : 0
  if (protocol === UOA && (uoa === 12 || uoa === 24)) return udp(pkt, at, l4 + uoa, bytes - uoa)
  return Sum.UNKNOWN
}

/** As sumState, of IPv6. */
function sumState6(pkt: DataView, at: number, length: number): number {
  const ip = at + HEAD
  const total = length >= HEAD + 40 ? 40 + pkt.getUint16(ip + 4) : 0
  if (total === 0 || HEAD + total > length || pkt.getUint8(ip) >> 4 !== 6) return Sum.UNKNOWN
  const { next, at: l4 } = inside6(pkt, ip, total)
  const bytes = ip + total - l4
  if (next === TCP && bytes >= 20) return of(pkt, at, l4, bytes, 16, TCP)
  if (next === UDP) return udp(pkt, at, l4, bytes)
  if (next === UOA && bytes >= 32) return udp(pkt, at, l4 + 24, bytes - 24)
  if (next !== ICMP6 || bytes < 8) return Sum.UNKNOWN
  return fold(pseudo(pkt, ip, ICMP6, bytes) + words(pkt, l4, l4 + bytes)) === 0xffff
    ? Sum.RIGHT
    : Sum.WRONG
}

function udp(pkt: DataView, at: number, l4: number, room: number): number {
  if (room < 8) return Sum.UNKNOWN
  const bytes = pkt.getUint16(l4 + 4)
  if (bytes < 8 || bytes > room) return Sum.UNKNOWN
  const isPartial = (pkt.getUint8(at) & NEEDS_CSUM) !== 0
  if (!isPartial && pkt.getUint16(l4 + 6) === 0) return Sum.NONE
  return of(pkt, at, l4, bytes, 6, UDP)
}

/** A partial checksum is that of the pseudo header alone, not complemented. */
function of(pkt: DataView, at: number, l4: number, bytes: number, field: number, protocol: number) {
  const start = pseudo(pkt, at + HEAD, protocol, bytes)
  const isPartial = (pkt.getUint8(at) & NEEDS_CSUM) !== 0
  const right = isPartial
    ? pkt.getUint16(l4 + field) % 0xffff === fold(start) % 0xffff
    : fold(start + words(pkt, l4, l4 + bytes)) === 0xffff
  return right ? Sum.RIGHT : Sum.WRONG
}

/** Makes the checksum of the IP header at `ip` right. */
export function mendIp(pkt: DataView, ip: number): void {
  const header = (pkt.getUint8(ip) & 15) * 4
  pkt.setUint16(ip + 10, 0)
  pkt.setUint16(ip + 10, ~fold(words(pkt, ip, ip + header)) & 0xffff)
}

/** Makes the checksum behind the IP header right as well, partial or not, of a frame at `at` whose lengths make sense. */
export function mendL4(pkt: DataView, at: number, length: number): void {
  const ip = at + HEAD
  if (pkt.getUint16(ip - 2) === 0x86dd) {
    mendL4Of6(pkt, at, length)
    return
  }
  const header = (pkt.getUint8(ip) & 15) * 4
  const bytes = pkt.getUint16(ip + 2) - header
  const protocol = pkt.getUint8(ip + 9)
  const l4 = ip + header
  const field = protocol === TCP ? 16 : protocol === UDP ? 6 : protocol === ICMP ? 2 : -1
  if (field < 0 || bytes < field + 2 || HEAD + header + bytes > length) return
  const summed = protocol === UDP ? Math.min(bytes, pkt.getUint16(l4 + 4)) : bytes
  if ((pkt.getUint8(at) & NEEDS_CSUM) !== 0 && protocol !== ICMP) {
    pkt.setUint16(l4 + field, fold(pseudo(pkt, ip, protocol, summed)))
    return
  }
  pkt.setUint16(l4 + field, 0)
  const start = protocol === ICMP ? 0 : pseudo(pkt, ip, protocol, summed)
  const sum = ~fold(start + words(pkt, l4, l4 + summed)) & 0xffff
  pkt.setUint16(l4 + field, sum === 0 && protocol === UDP ? 0xffff : sum)
}

function mendL4Of6(pkt: DataView, at: number, length: number): void {
  const ip = at + HEAD
  const total = 40 + pkt.getUint16(ip + 4)
  if (HEAD + total > length) return
  const { next, at: l4 } = inside6(pkt, ip, total)
  const bytes = ip + total - l4
  const field = next === TCP ? 16 : next === ICMP6 ? 2 : next === UDP ? 6 : -1
  if (field < 0 || bytes < field + 2) return
  const summed = next === UDP ? Math.min(bytes, pkt.getUint16(l4 + 4)) : bytes
  const isPartial = (pkt.getUint8(at) & NEEDS_CSUM) !== 0 && next !== ICMP6
  pkt.setUint16(l4 + field, 0)
  const start = pseudo(pkt, ip, next, summed)
  const sum = isPartial ? fold(start) : ~fold(start + words(pkt, l4, l4 + summed)) & 0xffff
  pkt.setUint16(l4 + field, sum === 0 && next === UDP ? 0xffff : sum)
}
