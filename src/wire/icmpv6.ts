/** ICMPv6 (RFC 4443), neighbour discovery (RFC 4861) and MLD (RFC 2710, RFC 3810); offsets are from its first byte. */

import { fold, sumWords } from './checksum.ts'
import { NEXT, pseudoSum6 } from './ipv6.ts'

export const ICMPV6 = {
  TYPE: 0,
  CODE: 1,
  CHECKSUM: 2,
  /** Of an echo. */
  ID: 4,
  SEQUENCE: 6,
  /** Of a packet too big (4 bytes). */
  MTU: 4,
  /** Of a parameter problem (4 bytes): the offset of what is wrong. */
  POINTER: 4,
  HEADER: 8,
} as const

/** Errors have types below 128. */
export const ICMPV6_TYPE = {
  UNREACHABLE: 1,
  TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO: 128,
  ECHO_REPLY: 129,
  MLD_QUERY: 130,
  MLD_REPORT: 131,
  MLD_DONE: 132,
  ROUTER_SOLICIT: 133,
  ROUTER_ADVERT: 134,
  NEIGHBOUR_SOLICIT: 135,
  NEIGHBOUR_ADVERT: 136,
  REDIRECT: 137,
  MLD2_REPORT: 143,
} as const

/** Codes of UNREACHABLE. */
export const UNREACHABLE6 = { NO_ROUTE: 0, PROHIBITED: 1, ADDRESS: 3, PORT: 4 } as const

/** Neighbour solicitation and advertisement: flags (of the latter), target, then options. */
export const ND = { FLAGS: 4, TARGET: 8, OPTIONS: 24 } as const
/** Bits of an advertisement's first byte of flags. */
export const ND_FLAG = { ROUTER: 0x80, SOLICITED: 0x40, OVERRIDE: 0x20 } as const

/** Options of neighbour discovery: type, length in 8 bytes with these two counted. */
export const ND_OPTION = {
  SOURCE_LINK: 1,
  TARGET_LINK: 2,
  PREFIX: 3,
  REDIRECTED: 4,
  MTU: 5,
} as const

/** Types from here on inform; those below it are errors (RFC 4443 2.1). */
export const ICMPV6_INFORMS = 128

/** A ping, or what answers it. */
export function isEcho6(type: number): boolean {
  return type === ICMPV6_TYPE.ECHO || type === ICMPV6_TYPE.ECHO_REPLY
}

/** Whether it quotes the packet that it is about. */
export function isIcmpv6Error(type: number): boolean {
  return type < ICMPV6_INFORMS
}

/** Hop limit of what speaks of neighbours: none of it has come through a router (RFC 4861 11.2). */
export const ND_HOPS = 255
/** An option of a link-layer address of Ethernet. */
export const ND_LINK_BYTES = 8

/** Computes and stores the checksum of the ICMPv6 packet of `bytes` bytes at `icmp`, behind the IPv6 header at `ip`. */
export function writeIcmpv6Checksum(pkt: DataView, ip: number, icmp: number, bytes: number): void {
  pkt.setUint16(icmp + ICMPV6.CHECKSUM, 0)
  const sum = pseudoSum6(pkt, ip, NEXT.ICMPV6, bytes) + sumWords(pkt, icmp, bytes)
  pkt.setUint16(icmp + ICMPV6.CHECKSUM, ~fold(sum))
}

export function isIcmpv6Intact(pkt: DataView, ip: number, icmp: number, bytes: number): boolean {
  return fold(pseudoSum6(pkt, ip, NEXT.ICMPV6, bytes) + sumWords(pkt, icmp, bytes)) === 0xffff
}

/** What findNdOption says of options that are none. */
export const ND_SPOILT = -2

/**
 * => where the link-layer address is of the first option of this type in [at, end), -1 without one, or ND_SPOILT: an option of length 0, or one that
 * is longer than the packet (RFC 4861 4.6)
 */
export function findNdOption(pkt: DataView, at: number, end: number, type: number): number {
  let found = -1
  while (at < end) {
    const bytes = at + 2 > end ? 0 : pkt.getUint8(at + 1) << 3
    if (bytes === 0 || at + bytes > end) return ND_SPOILT
    if (found < 0 && pkt.getUint8(at) === type && bytes === ND_LINK_BYTES) found = at + 2
    at += bytes
  }
  return found
}
