/** IPv6 header (RFC 8200) and its extension headers; offsets are from the first byte of each. */

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
