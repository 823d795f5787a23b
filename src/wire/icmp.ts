/** ICMP (RFC 792); offsets are from its first byte. */

export const ICMP = { TYPE: 0, CODE: 1, CHECKSUM: 2, ID: 4, SEQUENCE: 6, HEADER: 8 } as const

export const ICMP_TYPE = { ECHO_REPLY: 0, UNREACHABLE: 3, ECHO: 8, TIME_EXCEEDED: 11 } as const
