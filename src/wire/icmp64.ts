/**
 * ICMP errors of one family as errors of the other (RFC 7915 4.2 and 5.2). A *kind* is type << 16 | code << 8 | pointer, the last for
 * parameter problems alone; NO_KIND is an error that has no counterpart there.
 */

import { ICMP_TYPE, UNREACHABLE } from './icmp.ts'
import { ICMPV6_TYPE, UNREACHABLE6 } from './icmpv6.ts'

export const NO_KIND = -1

/** Where a byte of one header is in the other, -1 for nowhere: figures 3 and 6. */
const POINTER6 = [0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1, 8, 8, 8, 8, 24, 24, 24, 24] as const
const POINTER4 = [0, 1, -1, -1, 2, 2, 9, 8] as const
/** Codes of unreachable over IPv6, by those of IPv4; 2 and 4 are errors of another type. */
const { NO_ROUTE, PROHIBITED, ADDRESS, PORT } = UNREACHABLE6
const CODES6 = [
  NO_ROUTE,
  NO_ROUTE,
  -1,
  PORT,
  -1,
  NO_ROUTE,
  NO_ROUTE,
  NO_ROUTE,
  NO_ROUTE,
  PROHIBITED,
  PROHIBITED,
  NO_ROUTE,
  NO_ROUTE,
  PROHIBITED,
  -1,
  PROHIBITED,
] as const
/** Where IPv6 has the number of what is inside, of which a host does not speak. */
const NEXT_AT = 6
const PROTOCOL_UNREACHABLE = 2
const HOST_PROHIBITED = 10
/** Codes of parameter problems: over IPv4 the pointer says where, or lengths do not fit; over IPv6 a value, or an unknown next header. */
const [AT_POINTER, BAD_LENGTH] = [0, 2]
const UNKNOWN_NEXT = 1
/** Common MTUs, by which an error of a router is read that says none (RFC 1191 7). */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296] as const

/** The kind of an error of ICMPv6 that says what this one of ICMP says. */
export function icmpv6Kind(type: number, code: number, pointer: number): number {
  const { UNREACHABLE: GONE, TOO_BIG, TIME_EXCEEDED, PARAMETER_PROBLEM } = ICMPV6_TYPE
  if (type === ICMP_TYPE.TIME_EXCEEDED) return kind(TIME_EXCEEDED, code, 0)
  if (type === ICMP_TYPE.UNREACHABLE) {
    if (code === UNREACHABLE.FRAG_NEEDED) return kind(TOO_BIG, 0, 0)
    if (code === PROTOCOL_UNREACHABLE) return kind(PARAMETER_PROBLEM, UNKNOWN_NEXT, NEXT_AT)
    return kind(GONE, CODES6[code] ?? -1, 0)
  }
  if (type !== ICMP_TYPE.PARAMETER_PROBLEM) return NO_KIND
  if (code !== AT_POINTER && code !== BAD_LENGTH) return NO_KIND
  return kind(PARAMETER_PROBLEM, 0, POINTER6[pointer] ?? -1)
}

/** The kind of an error of ICMP that says what this one of ICMPv6 says. */
export function icmpKind(type: number, code: number, pointer: number): number {
  const { UNREACHABLE: GONE, TIME_EXCEEDED, PARAMETER_PROBLEM } = ICMP_TYPE
  if (type === ICMPV6_TYPE.TIME_EXCEEDED) return kind(TIME_EXCEEDED, code, 0)
  if (type === ICMPV6_TYPE.TOO_BIG) return kind(GONE, UNREACHABLE.FRAG_NEEDED, 0)
  if (type === ICMPV6_TYPE.UNREACHABLE) {
    if (code === PORT) return kind(GONE, UNREACHABLE.PORT, 0)
    if (code === PROHIBITED) return kind(GONE, HOST_PROHIBITED, 0)
    return code <= ADDRESS ? kind(GONE, UNREACHABLE.HOST, 0) : NO_KIND
  }
  if (type !== ICMPV6_TYPE.PARAMETER_PROBLEM) return NO_KIND
  if (code === UNKNOWN_NEXT) return kind(GONE, PROTOCOL_UNREACHABLE, 0)
  return code === 0 ? kind(PARAMETER_PROBLEM, 0, pointer4(pointer)) : NO_KIND
}

/** What a router that says no MTU can have had, of a packet of `bytes` bytes that was too large for it. */
export function plateauBelow(bytes: number): number {
  return PLATEAUS.find(mtu => mtu < bytes) ?? 68
}

/** Behind the first eight bytes there are addresses, of which the first byte is named. */
function pointer4(pointer: number): number {
  if (pointer < POINTER4.length) return POINTER4[pointer] ?? -1
  if (pointer < 24) return 12
  return pointer < 40 ? 16 : -1
}

function kind(type: number, code: number, pointer: number): number {
  return code < 0 || pointer < 0 ? NO_KIND : (type << 16) | (code << 8) | pointer
}
