/**
 * An arm: one Ethernet port of the appliance, its MAC, the addresses it answers for and the routes that lead out of
 * it. Addresses are per arm: the VIP is not known on the internal arm, nor the LIP on the external one
 * (semantics 1.7, 6.3).
 */

import { inPrefix, prefixMask } from '../wire/address.ts'
import { Family } from './family.ts'
import { type Route6, Routes6 } from './routes6.ts'
import type { Vlans } from './vlan.ts'

const { IPV4 } = Family

/** Of IPv4. */
export interface Route {
  network: number
  prefixLength: number
  /** Next hop; 0 when the network is on-link. */
  gateway: number
}

export interface ArmAddress {
  family: number
  /** A word: family.ts. */
  address: number
  prefixLength: number
}

/** What an arm is, and what has been set up on it, in order. */
/** Before any time of the clock, however little one waits. */
const NEVER = -1e6

export interface ArmImage {
  macHi: number
  macLo: number
  mtu: number
  addresses: ArmAddress[]
  routes: Route[]
  routes6: Route6[]
  reported: number
}

export class Arm {
  readonly index: number
  /** ms of the long clock when a router was last told our groups. */
  reported = NEVER
  macHi: number
  macLo: number
  /** Largest IP packet in bytes. */
  mtu: number
  /** Slots to send, in order; the loop writes them out after each burst and empties the list. */
  readonly outbox: Int32Array
  outboxCount = 0
  /** Arms that share its device, or null if none does. Set once, before the first frame. */
  vlans: Vlans | null = null
  readonly #addresses: ArmAddress[] = []
  /** Words, by family. */
  readonly #owned: readonly Set<number>[] = [new Set(), new Set()]
  readonly #routes: Route[] = []
  readonly routes6 = new Routes6()

  constructor(index: number, macHi: number, macLo: number, mtu: number, outboxSlots: number) {
    this.index = index
    this.macHi = macHi
    this.macLo = macLo
    this.mtu = mtu
    this.outbox = new Int32Array(outboxSlots)
  }

  /** Its device has become another one. */
  setDevice(macHi: number, macLo: number, mtu: number): void {
    this.macHi = macHi
    this.macLo = macLo
    this.mtu = mtu
  }

  get addresses(): readonly ArmAddress[] {
    return this.#addresses
  }

  /** Appends the slot to the outbox, whose owner it is from now on. Every slot is in one list at most, so it fits. */
  send(slot: number): void {
    this.outbox[this.outboxCount++] = slot
  }

  /** Adds an address; one of IPv4 that is shorter than /32 brings its on-link route, as in DPVS (semantics 6.6). */
  addAddress(family: number, address: number, prefixLength: number): void {
    this.#addresses.push({ family, address, prefixLength })
    this.#owned[family].add(address)
    if (family === IPV4 && prefixLength < 32) {
      this.addRoute({ network: address & prefixMask(prefixLength), prefixLength, gateway: 0 })
    }
  }

  /** The on-link route of a shorter prefix is a route of its own by now. */
  removeAddress(family: number, address: number, prefixLength: number): void {
    const isOne = (other: ArmAddress) => other.family === family && other.address === address
    const at = this.#addresses.findIndex(
      other => isOne(other) && other.prefixLength === prefixLength,
    )
    if (at >= 0) this.#addresses.splice(at, 1)
    if (!this.#addresses.some(isOne)) this.#owned[family].delete(address)
  }

  removeRoute(network: number, prefixLength: number): void {
    const at = this.#routes.findIndex(
      route => route.network === network && route.prefixLength === prefixLength,
    )
    if (at >= 0) this.#routes.splice(at, 1)
  }

  /** Routes are kept longest prefix first, equal lengths in the order of addition; the first match wins (semantics 6.5). */
  addRoute(route: Route): void {
    const at = this.#routes.findIndex(other => other.prefixLength < route.prefixLength)
    this.#routes.splice(at < 0 ? this.#routes.length : at, 0, route)
  }

  save(): ArmImage {
    const { macHi, macLo, mtu, reported } = this
    return {
      reported,
      macHi,
      macLo,
      mtu,
      addresses: this.#addresses.map(address => ({ ...address })),
      routes: this.#routes.map(route => ({ ...route })),
      routes6: this.routes6.save(),
    }
  }

  /** Its device, which may be another than the config's; and addresses and routes, into an arm that has none. */
  restore({ macHi, macLo, mtu, addresses, routes, routes6, reported = NEVER }: ArmImage): void {
    this.setDevice(macHi, macLo, mtu)
    this.#addresses.push(...addresses)
    for (const { family, address } of addresses) this.#owned[family].add(address)
    this.#routes.push(...routes)
    this.routes6.restore(routes6)
    this.reported = reported
  }

  /** It answers for the address. */
  owns(family: number, word: number): boolean {
    return this.#owned[family].has(word)
  }

  /** The longest route to `address` out of this arm, or undefined. */
  routeTo(address: number): Route | undefined {
    for (const route of this.#routes) {
      if (inPrefix(address, route.network, route.prefixLength)) return route
    }
    return undefined
  }

  /**
   * Source address for what the appliance itself sends to `target` by IPv4 (semantics 6.7): the most recently added address whose
   * prefix contains the target, else the one added first; 0 if the arm has none.
   */
  sourceFor(target: number): number {
    let first = 0
    for (let i = this.#addresses.length - 1; i >= 0; i--) {
      const { family, address, prefixLength } = this.#addresses[i]
      if (family !== IPV4) continue
      if (inPrefix(target, address, prefixLength)) return address
      first = address
    }
    return first
  }
}

/** An address of the appliance, on whichever arm. */
export function isOurs(arms: readonly Arm[], family: number, word: number): boolean {
  for (const arm of arms) if (arm.owns(family, word)) return true
  return false
}

/** The arm whose longest route leads to `address`, or undefined. Allocates nothing: every SYN asks. */
export function armTowards(arms: readonly Arm[], address: number): Arm | undefined {
  let best: Arm | undefined
  let bestLength = -1
  for (const arm of arms) {
    const route = arm.routeTo(address)
    if (route === undefined || route.prefixLength <= bestLength) continue
    best = arm
    bestLength = route.prefixLength
  }
  return best
}

/** The arm and next hop that lead to `address`. */
export function routeOut(
  arms: readonly Arm[],
  address: number,
): { arm: Arm; nextHop: number } | undefined {
  const arm = armTowards(arms, address)
  const gateway = arm?.routeTo(address)?.gateway ?? 0
  return arm && { arm, nextHop: gateway === 0 ? address : gateway }
}
