/** What lies between a host and the balancer: a router, or some, with an MTU, who say what they do not forward. */

import { age, isUncuttable, pieces, type Way } from './ip.ts'
import { fault, folded, get16, get32, IP_AT, ipHeader, macAt, sum } from './packet.ts'
import { Code, errorAbout, Icmp, isBlamable, PARAMETER, TIME_EXCEEDED } from './quote.ts'

export interface LinkPlan {
  mtu: number
  /** Routers on the way. */
  hops: number
  /** Per cent of lost packets about which somebody complains. */
  grumble: number
  /** They do not say the MTU (RFC 792, before RFC 1191). */
  old: boolean
}

/** What routers say of packets that get lost. */
const GRUMBLES = [
  [Icmp.UNREACHABLE, Code.NET],
  [Icmp.UNREACHABLE, Code.HOST],
  [Icmp.UNREACHABLE, Code.PROHIBITED],
  [Icmp.QUENCH, 0],
  [TIME_EXCEEDED, 0],
  [PARAMETER, 0],
] as const
/** Bytes that they quote at most: what RFC 792 asks for, RFC 4884, RFC 1812. */
const QUOTES = [28, 40, 128, 548] as const

export class Link {
  mtu: number
  readonly #plan: LinkPlan
  readonly #address: number
  #errors = 0

  constructor(plan: LinkPlan, address: number) {
    this.#plan = plan
    this.#address = address
    this.mtu = plan.mtu
  }

  get address(): number {
    return this.#address
  }

  /** What comes out behind it; `say` gets an error about what does not. */
  pass(bytes: Uint8Array, isGood: boolean, say: (error: Uint8Array) => void): Uint8Array[] {
    const { hops, old } = this.#plan
    // A router that wrote a new checksum over a wrong one would make it right.
    if (folded(sum(bytes, IP_AT, IP_AT + ipHeader(bytes))) !== 0xffff) return []
    if ((bytes[IP_AT + 8] as number) <= hops) {
      if (isGood) this.#blame(bytes, [TIME_EXCEEDED, 0], 0, say)
      return []
    }
    if (hops > 0) age(bytes, hops)
    if (get16(bytes, IP_AT + 2) <= this.mtu) return [bytes]
    if (!isUncuttable(bytes)) return pieces(bytes, this.mtu)
    const mtu = old ? 0 : this.mtu
    if (isGood) this.#blame(bytes, [Icmp.UNREACHABLE, Code.FRAG_NEEDED], mtu, say)
    return []
  }

  /** One of those that got lost; `chance` decides what is said of it, if anything is. */
  lost(bytes: Uint8Array, chance: number, say: (error: Uint8Array) => void): void {
    if (chance % 100 >= this.#plan.grumble) return
    const what = GRUMBLES[(chance >>> 8) % GRUMBLES.length] as (typeof GRUMBLES)[number]
    this.#blame(bytes, what, 0, say)
  }

  #blame(
    bytes: Uint8Array,
    what: readonly [number, number],
    mtu: number,
    say: (error: Uint8Array) => void,
  ): void {
    // Nobody complains of what may not have been said so.
    if (fault(bytes) !== undefined || !isBlamable(bytes)) return
    const way: Way = {
      dstMac: macAt(bytes, 16),
      srcMac: macAt(bytes, 10),
      src: this.#address,
      dst: get32(bytes, IP_AT + 12),
    }
    const quoted = QUOTES[this.#errors++ % QUOTES.length] as number
    say(errorAbout(bytes, way, what, mtu, quoted))
  }
}
