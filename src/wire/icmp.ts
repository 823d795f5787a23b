/** ICMP (RFC 792); offsets are from its first byte. */

import { fold, sumWords } from './checksum.ts'

export const ICMP = {
  TYPE: 0,
  CODE: 1,
  CHECKSUM: 2,
  ID: 4,
  SEQUENCE: 6,
  MTU: 6,
  HEADER: 8,
} as const

export const ICMP_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const

/** Codes of UNREACHABLE (RFC 792; FRAG_NEEDED as RFC 1191 has it, with the MTU in the header; PROHIBITED of RFC 1812 5.2.7.1). */
export const UNREACHABLE = { HOST: 1, PORT: 3, FRAG_NEEDED: 4, PROHIBITED: 13 } as const

/** Types that quote the packet they are about, as bits. */
export const ICMP_ERRORS =
  (1 << ICMP_TYPE.UNREACHABLE) |
  (1 << ICMP_TYPE.SOURCE_QUENCH) |
  (1 << ICMP_TYPE.REDIRECT) |
  (1 << ICMP_TYPE.TIME_EXCEEDED) |
  (1 << ICMP_TYPE.PARAMETER_PROBLEM)

/** Whether it quotes the packet that it is about. */
export function isIcmpError(type: number): boolean {
  return type < 32 && ((1 << type) & ICMP_ERRORS) !== 0
}

/** An error goes on to whoever sent the packet that it quotes: any but a redirect, which is about the way on one wire. */
export function isTranslated(type: number): boolean {
  return isIcmpError(type) && type !== ICMP_TYPE.REDIRECT
}

/** A ping, or what answers it. */
export function isEcho(type: number): boolean {
  return type === ICMP_TYPE.ECHO || type === ICMP_TYPE.ECHO_REPLY
}

/** What is quoted at least of that packet, behind its IP header. */
export const QUOTED_BYTES = 8

/** No IPv4 link has a smaller MTU (RFC 791). */
export const MTU_LEAST = 68

/** Computes and stores the checksum over `bytes` bytes from the ICMP header on. */
export function writeIcmpChecksum(pkt: DataView, icmp: number, bytes: number): void {
  pkt.setUint16(icmp + ICMP.CHECKSUM, 0)
  pkt.setUint16(icmp + ICMP.CHECKSUM, ~fold(sumWords(pkt, icmp, bytes)))
}

export function isIcmpIntact(pkt: DataView, icmp: number, bytes: number): boolean {
  return fold(sumWords(pkt, icmp, bytes)) === 0xffff
}
