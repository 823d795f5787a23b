/**
 * Families of addresses. In the engine an address is one int32 *word* beside its family: of IPv4 the address itself, of
 * IPv6 the number that the address book (address-book.ts) has given it. So records, keys and hashes have one shape.
 *
 * A *link* is an arm and a family on it, in one int32: what a neighbour is known by beside its word.
 */

export const Family = { IPV4: 0, IPV6: 1 } as const

/** Bits of a link that hold the arm (ARMS_MAX of conn-layout.ts); the family stands above them. */
const LINK_ARM = 0xf
const FAMILY_SHIFT = 4

export function linkOf(arm: number, family: number): number {
  return arm | (family << FAMILY_SHIFT)
}

export function armOf(link: number): number {
  return link & LINK_ARM
}

export function familyOf(link: number): number {
  return (link >> FAMILY_SHIFT) & 1
}
