/** UDP header (RFC 768); offsets are from its first byte. */

export const UDP = { SPORT: 0, DPORT: 2, LENGTH: 4, CHECKSUM: 6, HEADER: 8 } as const

/** A checksum as the field of UDP has it: 0 would be none, and is written as 0xffff, which is the same number (RFC 768). */
export function udpSum(sum: number): number {
  return sum === 0 ? 0xffff : sum
}
