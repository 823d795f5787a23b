/** Where packets of IPv6 leave, and from which address of ours: arm.ts has the same of IPv4. */

import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { Family } from './family.ts'

const { IPV6 } = Family

/** The arm whose longest route leads to an address, or undefined. Allocates nothing: every SYN asks. */
export function armTowards6(
  arms: readonly Arm[],
  a: number,
  b: number,
  c: number,
  d: number,
): Arm | undefined {
  let best: Arm | undefined
  let bestLength = -1
  for (const arm of arms) {
    const route = arm.routes6.to(a, b, c, d)
    if (route === undefined || route.prefixLength <= bestLength) continue
    best = arm
    bestLength = route.prefixLength
  }
  return best
}

/** The arm and next hop that lead to the address of a word. */
export function routeOut6(
  arms: readonly Arm[],
  book: AddressBook,
  word: number,
): { arm: Arm; nextHop: number } | undefined {
  const [a, b, c, d] = book.cells(word)
  const arm = armTowards6(arms, a, b, c, d)
  const gateway = arm?.routes6.to(a, b, c, d)?.gateway ?? 0
  return arm && { arm, nextHop: gateway === 0 ? word : gateway }
}

/**
 * Source address for what the appliance itself sends to an address by IPv6, as semantics 6.7 has it of IPv4: the most recently added one
 * whose prefix holds it, else the one added first; NO_WORD if the arm has none. Allocates nothing.
 */
export function sourceFor6(
  arm: Arm,
  book: AddressBook,
  a: number,
  b: number,
  c: number,
  d: number,
): number {
  let first = 0
  const { addresses } = arm
  for (let i = addresses.length - 1; i >= 0; i--) {
    const { family, address, prefixLength } = addresses[i]
    if (family !== IPV6) continue
    if (book.isWithin(address, prefixLength, a, b, c, d)) return address
    first = address
  }
  return first
}
