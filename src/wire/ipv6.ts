/** IPv6 header (RFC 8200) and its extension headers; offsets are from the first byte of each. */

import { sumWords } from './checksum.ts'

export const IPV6 = {
  /** Version (4 bits), traffic class (8), flow label (20). */
  VERSION_CLASS_FLOW: 0,
  /** Bytes behind the header. */
  PAYLOAD_LENGTH: 4,
  NEXT: 6,
  HOP_LIMIT: 7,
  SRC: 8,
  DST: 24,
  HEADER: 40,
} as const

/** Next headers: those of extension headers, and what is not known of IPv4 (PROTO of ipv4.ts) by the same number. */
export const NEXT = {
  HOP_BY_HOP: 0,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  NONE: 59,
  DESTINATION: 60,
} as const

/** An extension header says what follows it, and its length: in 8 bytes, the first ones not counted. */
export const EXTENSION = { NEXT: 0, LENGTH: 1, UNIT: 8 } as const

/** The fragment header: 8 bytes without a length. Offset in units of 8 bytes << 3, and a bit where more follow. */
export const FRAGMENT6 = { OFFSET: 2, ID: 4, HEADER: 8, OFFSET_BITS: 0xfff8, MORE: 1 } as const

/** How many extension headers anybody reads over: honest packets have one or two. */
export const EXTENSIONS_MAX = 8

/** No link of IPv6 has a smaller MTU (RFC 8200 section 5). */
export const MTU6_LEAST = 1280

/** Bytes of an address. */
export const ADDRESS6_BYTES = 16

/**
 * Bytes of extension headers that the engine passes over at most: what journals keep of a frame has room for them (HEADERS_MAX of engine/frames.ts). RFC 7112 and RFC 8504 5.3 leave it to who reads them.
 */
export const EXTENSION_BYTES_MOST = 64

/** An extension header that is passed over unread: all are as long as their second byte says. */
export function isExtension(next: number): boolean {
  return next === NEXT.HOP_BY_HOP || next === NEXT.DESTINATION || next === NEXT.ROUTING
}

/** Bytes of the extension header at `at`, of those that isExtension() names. */
export function extensionBytes(pkt: DataView, at: number): number {
  return (pkt.getUint8(at + EXTENSION.LENGTH) + 1) * EXTENSION.UNIT
}

/** The packet at `ip`, which is whole, has the header of a fragment among its extension headers. */
export function hasFragmentHeader(pkt: DataView, ip: number): boolean {
  let next = pkt.getUint8(ip + IPV6.NEXT)
  for (let at = ip + IPV6.HEADER; isExtension(next); ) {
    next = pkt.getUint8(at)
    at += extensionBytes(pkt, at)
  }
  return next === NEXT.FRAGMENT
}

/**
 * Bytes of the header of a packet that is quoted at `ip`, with that of a fragment if there is one: what somebody has forwarded in fragments.
 * Other extension headers are not gone into.
 */
export function quotedHeader6(pkt: DataView, ip: number): number {
  const isFragment = pkt.getUint8(ip + IPV6.NEXT) === NEXT.FRAGMENT
  return isFragment ? IPV6.HEADER + FRAGMENT6.HEADER : IPV6.HEADER
}

/** The number of what is behind that header. */
export function quotedNext6(pkt: DataView, ip: number): number {
  const next = pkt.getUint8(ip + IPV6.NEXT)
  return next === NEXT.FRAGMENT ? pkt.getUint8(ip + IPV6.HEADER) : next
}

/** What is quoted is not the first fragment of its packet: of a later one nobody knows the ports. */
export function isLaterFragment6(pkt: DataView, ip: number): boolean {
  if (pkt.getUint8(ip + IPV6.NEXT) !== NEXT.FRAGMENT) return false
  return (pkt.getUint16(ip + IPV6.HEADER + FRAGMENT6.OFFSET) & FRAGMENT6.OFFSET_BITS) !== 0
}

/** Unfolded sum of the pseudo header (RFC 8200 8.1) of the packet at `ip`, addresses as they stand there. */
export function pseudoSum6(pkt: DataView, ip: number, next: number, bytes: number): number {
  return sumWords(pkt, ip + IPV6.SRC, 2 * ADDRESS6_BYTES) + next + bytes
}

/** Writes version, traffic class 0, flow label 0, length, next header and hop limit; the addresses are the caller's. */
export function writeIpv6(
  pkt: DataView,
  ip: number,
  next: number,
  payload: number,
  hops: number,
): void {
  pkt.setInt32(ip, 0x6000_0000)
  pkt.setInt32(ip + IPV6.PAYLOAD_LENGTH, (payload << 16) | (next << 8) | hops)
}

/** The four words of the address at `at` come into `into`. */
export function readAddress6(pkt: DataView, at: number, into: Int32Array): void {
  for (let i = 0; i < 4; i++) into[i] = pkt.getInt32(at + 4 * i)
}

/** Writes the address whose words are in four cells from `from` on. */
export function writeAddress6(pkt: DataView, at: number, cells: Int32Array, from: number): void {
  for (let i = 0; i < 4; i++) pkt.setInt32(at + 4 * i, cells[from + i])
}

/** May be the address of a client: of a single host and not of a single link, and neither unspecified, loopback nor one of IPv4 (RFC 4291). */
export function isSingleHost6(a: number, b: number, c: number, d: number): boolean {
  if (a >>> 24 === 0xff || isLinkLocal(a)) return false
  if (a !== 0 || b !== 0) return true
  return c === 0 ? d >>> 0 > 1 : c !== 0xffff
}

/** fe80::/10, by the first word. */
export function isLinkLocal(a: number): boolean {
  return a >>> 22 === 0x3fa
}
