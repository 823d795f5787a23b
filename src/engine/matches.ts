/**
 * Match services: of packets that are for nobody here, and go out by another arm (semantics 8.4). Of several that fit it is the narrowest:
 * the one with fewer sources, then with fewer destinations, then one that names the arm they come in on.
 */

import { isSingleHost, PROTO } from '../wire/ipv4.ts'
import { isSingleHost6 } from '../wire/ipv6.ts'
import type { Ipv6 } from '../wire/ipv6-address.ts'
import { type Arm, armTowards, isOurs } from './arm.ts'
import { KEY, PROTOCOL_BITS, PROTOCOL_NUMBERS } from './conn-layout.ts'
import { Family } from './family.ts'
import type { Match } from './match.ts'
import type { Parsed } from './parsed.ts'
import { armTowards6 } from './route-out6.ts'
import type { Service } from './service.ts'

const { IPV6 } = KEY
const { IPV4, IPV6: SIX } = Family
const NOT_ASKED = -2

/** The narrowest first. */
export class Matches {
  readonly #arms: readonly Arm[]
  readonly all: Service[] = []
  /** Some takes pings, or did: those of its hosts go on. */
  hasPings = false
  /** Of these some are of IPv6. */
  #anySix = false

  constructor(arms: readonly Arm[]) {
    this.#arms = arms
  }

  add(service: Service): void {
    this.all.push(service)
    this.all.sort((a, b) => compare(a.match as Match, b.match as Match))
    this.#anySix ||= service.family === SIX
    this.hasPings ||= service.protocol === PROTO.ICMP
  }

  remove(service: Service): void {
    this.all.splice(this.all.indexOf(service), 1)
    this.#anySix = this.all.some(({ family }) => family === SIX)
  }

  named(protocol: number, name: string): Service | undefined {
    return this.all.find(service => service.protocol === protocol && service.match?.name === name)
  }

  /** The service of a packet of no other one, which came in on `arm`. */
  find(p: Parsed, arm: Arm): Service | undefined {
    const { all } = this
    const isSix = p.key >= IPV6
    if (all.length === 0 || (isSix && !this.#anySix)) return undefined
    const protocol = PROTOCOL_NUMBERS[p.key & PROTOCOL_BITS]
    let out = NOT_ASKED
    for (let i = 0; i < all.length; i++) {
      const service = all[i]
      const match = service.match as Match
      if (service.protocol !== protocol || (service.family === SIX) !== isSix) continue
      if (match.inArm >= 0 && match.inArm !== arm.index) continue
      if (!(isSix ? fits6(p, match) : fits(p, match))) continue
      if (out === NOT_ASKED) out = isSix ? this.#armOut6(p, arm) : this.#armOut(p.daddr, arm)
      if (out === match.outArm) return service
    }
    return undefined
  }

  /** Some packets to where p is for may be of one of them: that is nobody's here, and on the way out. */
  leads(p: Parsed, arm: Arm, family: number): boolean {
    if (this.all.length === 0) return false
    if (family === SIX) return this.#anySix && this.#armOut6(p, arm) >= 0
    return this.#armOut(p.daddr, arm) >= 0
  }

  /** Index of the arm by which a packet of `arm` goes on; -1 if it does not. */
  #armOut(daddr: number, arm: Arm): number {
    if (!isSingleHost(daddr) || isOurs(this.#arms, IPV4, daddr)) return -1
    const out = armTowards(this.#arms, daddr)
    return out === undefined || out === arm ? -1 : out.index
  }

  /** The same over IPv6, where what is nobody's here has a digest below 0 (outside.ts). */
  #armOut6({ daddr, target }: Parsed, arm: Arm): number {
    if (daddr >= 0) return -1
    const a = target[0]
    const b = target[1]
    const c = target[2]
    const d = target[3]
    if (!isSingleHost6(a, b, c, d)) return -1
    const out = armTowards6(this.#arms, a, b, c, d)
    return out === undefined || out === arm ? -1 : out.index
  }
}

function fits({ saddr, daddr }: Parsed, match: Match): boolean {
  return (
    isWithin(saddr, match.sourceFirst, match.sourceLast) &&
    isWithin(daddr, match.destinationFirst, match.destinationLast)
  )
}

function isWithin(address: number, first: number, last: number): boolean {
  return address >>> 0 >= first >>> 0 && address >>> 0 <= last >>> 0
}

function fits6({ source, target }: Parsed, { six }: Match): boolean {
  if (six === undefined) return false
  return (
    isAtLeast(source, six.source[0]) &&
    isAtLeast(six.source[1], source) &&
    isAtLeast(target, six.destination[0]) &&
    isAtLeast(six.destination[1], target)
  )
}

/** Of two addresses of IPv6. */
function isAtLeast(address: Ipv6 | Int32Array, least: Ipv6 | Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    const by = (address[i] >>> 0) - (least[i] >>> 0)
    if (by !== 0) return by > 0
  }
  return true
}

function compare(a: Match, b: Match): number {
  return (
    size(a, 'source') - size(b, 'source') ||
    size(a, 'destination') - size(b, 'destination') ||
    Number(a.inArm < 0) - Number(b.inArm < 0) ||
    (a.name < b.name ? -1 : 1)
  )
}

/** Nearly: a double tells all prefixes from one another. */
function size(match: Match, of: 'source' | 'destination'): number {
  if (match.six === undefined) return (match[`${of}Last`] >>> 0) - (match[`${of}First`] >>> 0)
  const [first, last] = match.six[of]
  let all = 0
  for (let i = 0; i < 4; i++) all = all * 2 ** 32 + ((last[i] >>> 0) - (first[i] >>> 0))
  return all
}
