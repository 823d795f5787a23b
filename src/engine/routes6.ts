/** Routes of an arm over IPv6, as arm.ts has those of IPv4: longest prefix first, equal lengths in the order of addition, the first match wins. */

import { type Ipv6, ipv6Mask } from '../wire/ipv6-address.ts'

export interface Route6 {
  /** What is behind the prefix is clear. */
  network: Ipv6
  prefixLength: number
  /** Word of the next hop, NO_WORD when the network is on-link. */
  gateway: number
}

export class Routes6 {
  readonly #routes: Route6[] = []

  add(route: Route6): void {
    const at = this.#routes.findIndex(other => other.prefixLength < route.prefixLength)
    this.#routes.splice(at < 0 ? this.#routes.length : at, 0, route)
  }

  remove(network: Ipv6, prefixLength: number): void {
    const at = this.#routes.findIndex(
      route =>
        route.prefixLength === prefixLength &&
        route.network.every((cell, i) => cell === network[i]),
    )
    if (at >= 0) this.#routes.splice(at, 1)
  }

  /** The longest route to an address, or undefined. */
  to(a: number, b: number, c: number, d: number): Route6 | undefined {
    for (const route of this.#routes) {
      const { network, prefixLength } = route
      if (holds(network, prefixLength, a, b, c, d)) return route
    }
    return undefined
  }

  save(): Route6[] {
    return this.#routes.map(route => ({ ...route }))
  }

  /** Into one that has none. */
  restore(routes: readonly Route6[]): void {
    this.#routes.push(...routes)
  }
}

function holds(network: Ipv6, length: number, a: number, b: number, c: number, d: number): boolean {
  if (((network[0] ^ a) & ipv6Mask(length, 0)) !== 0) return false
  if (length > 32 && ((network[1] ^ b) & ipv6Mask(length, 1)) !== 0) return false
  if (length > 64 && ((network[2] ^ c) & ipv6Mask(length, 2)) !== 0) return false
  return length <= 96 || ((network[3] ^ d) & ipv6Mask(length, 3)) === 0
}
