import type { Ipv6 } from '../wire/ipv6-address.ts'

/** What packets have to be like. Ranges include both of their ends; all of it is any. */
export interface Match {
  /** By which control knows it. */
  readonly name: string
  /** Of IPv4. */
  readonly sourceFirst: number
  readonly sourceLast: number
  readonly destinationFirst: number
  readonly destinationLast: number
  /** Of IPv6, in place of those; left out for IPv4. */
  readonly six?: MatchRanges6
  /** Index of the arm they come in on, or ANY_ARM. */
  readonly inArm: number
  /** Of the one that leads to where they are for. */
  readonly outArm: number
}

export interface MatchRanges6 {
  readonly source: readonly [first: Ipv6, last: Ipv6]
  readonly destination: readonly [first: Ipv6, last: Ipv6]
}
