/** UDP header (RFC 768); offsets are from its first byte. */

export const UDP = { SPORT: 0, DPORT: 2, LENGTH: 4, CHECKSUM: 6, HEADER: 8 } as const
