/** How RSs are reached in a world, and over which families: all but FullNAT over IPv4, which is what a world has that says nothing. */

export interface Way {
  readonly by: 'fullnat' | 'nat' | 'dr' | 'tunnel' | 'snat'
  /** By arm, whether it speaks IPv6. */
  readonly six: readonly [boolean, boolean]
}

const SIX = [true, true] as const
const FOUR = [false, false] as const

export const WAYS = {
  ipv6: { by: 'fullnat', six: SIX },
  nat64: { by: 'fullnat', six: [true, false] },
  nat: { by: 'nat', six: FOUR },
  nat6: { by: 'nat', six: SIX },
  dr: { by: 'dr', six: FOUR },
  dr6: { by: 'dr', six: SIX },
  tunnel: { by: 'tunnel', six: FOUR },
  tunnel6: { by: 'tunnel', six: SIX },
  snat: { by: 'snat', six: FOUR },
  snat6: { by: 'snat', six: SIX },
} as const satisfies Record<string, Way>

export type WayName = keyof typeof WAYS
export const WAY_NAMES = Object.keys(WAYS) as WayName[]
const USUAL: Way = { by: 'fullnat', six: FOUR }

export function wayOf({ way }: { way?: WayName }): Way {
  return way === undefined ? USUAL : WAYS[way]
}

/** RSs answer clients past the balancer, from the VIP: nothing that they say is seen, and nothing can be held against it. */
export function isDirect({ by }: Way): boolean {
  return by === 'dr' || by === 'tunnel'
}

/** RSs see their clients as these are. */
export function isAsIs({ by }: Way): boolean {
  return by === 'nat' || by === 'dr' || by === 'tunnel'
}

/** Servers are outside, and who calls them is where RSs are elsewhere. */
export function isOut({ by }: Way): boolean {
  return by === 'snat'
}

/** Servers listen where clients call them. */
export function keepsPort(way: Way): boolean {
  return isDirect(way) || isOut(way)
}
