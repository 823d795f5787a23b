/**
 * Match services: of packets that are for nobody here, and go out by another arm (semantics 8.4). Of several that fit it is the narrowest:
 * the one with fewer sources, then with fewer destinations, then one that names the arm they come in on.
 */

import { isSingleHost, PROTO } from '../wire/ipv4.ts'
import { type Arm, armTowards, isOurs } from './arm.ts'
import { KEY } from './conn-layout.ts'
import { Family } from './family.ts'
import type { Match } from './match.ts'
import type { Parsed } from './parsed.ts'
import type { Service } from './service.ts'

const { TCP: KEY_TCP, IPV6 } = KEY
const { IPV4 } = Family

/** The narrowest first. */
export class Matches {
  readonly #arms: readonly Arm[]
  readonly all: Service[] = []

  constructor(arms: readonly Arm[]) {
    this.#arms = arms
  }

  add(service: Service): void {
    this.all.push(service)
    this.all.sort((a, b) => compare(a.match as Match, b.match as Match))
  }

  remove(service: Service): void {
    this.all.splice(this.all.indexOf(service), 1)
  }

  named(protocol: number, name: string): Service | undefined {
    return this.all.find(service => service.protocol === protocol && service.match?.name === name)
  }

  /** The service of a packet of no other one, which came in on `arm`. */
  find(p: Parsed, arm: Arm): Service | undefined {
    const { all } = this
    if (all.length === 0 || p.key >= IPV6) return undefined
    const { saddr, daddr } = p
    const protocol = p.key === KEY_TCP ? PROTO.TCP : PROTO.UDP
    let out = -2
    for (let i = 0; i < all.length; i++) {
      const service = all[i]
      const match = service.match as Match
      if (service.protocol !== protocol) continue
      if (match.inArm >= 0 && match.inArm !== arm.index) continue
      if (!isWithin(saddr, match.sourceFirst, match.sourceLast)) continue
      if (!isWithin(daddr, match.destinationFirst, match.destinationLast)) continue
      if (out === -2) out = this.#armOut(daddr, arm)
      if (out === match.outArm) return service
    }
    return undefined
  }

  /** Some packets to the address may be of one of them: it is nobody's here, and on the way out. */
  leads(daddr: number, arm: Arm): boolean {
    return this.all.length > 0 && this.#armOut(daddr, arm) >= 0
  }

  /** Index of the arm by which a packet of `arm` goes on; -1 if it does not. */
  #armOut(daddr: number, arm: Arm): number {
    if (!isSingleHost(daddr) || isOurs(this.#arms, IPV4, daddr)) return -1
    const out = armTowards(this.#arms, daddr)
    return out === undefined || out === arm ? -1 : out.index
  }
}

function isWithin(address: number, first: number, last: number): boolean {
  return address >>> 0 >= first >>> 0 && address >>> 0 <= last >>> 0
}

function compare(a: Match, b: Match): number {
  return (
    size(a.sourceFirst, a.sourceLast) - size(b.sourceFirst, b.sourceLast) ||
    size(a.destinationFirst, a.destinationLast) - size(b.destinationFirst, b.destinationLast) ||
    Number(a.inArm < 0) - Number(b.inArm < 0) ||
    (a.name < b.name ? -1 : 1)
  )
}

function size(first: number, last: number): number {
  return (last >>> 0) - (first >>> 0)
}
