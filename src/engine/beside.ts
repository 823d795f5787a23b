/** What is of no tuple of TCP or UDP: neighbours, pings, fragments, and tags that nobody has taken off. */

import type { Arm } from './arm.ts'
import { ArpInput } from './arp-input.ts'
import { Claims } from './claims.ts'
import { Drop, HAND_OVER } from './counters.ts'
import { Family } from './family.ts'
import type { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import { Icmpv6Input } from './icmpv6-input.ts'
import { LateFragments } from './late-fragments.ts'
import type { NdOutput } from './nd-output.ts'
import type { Neighs } from './neigh.ts'
import { Kind, type Parsed } from './parsed.ts'
import type { Parsed6 } from './parsed6.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peers.ts'
import { NO_PING, type Pings } from './pings.ts'
import type { Reassembly } from './reassembly.ts'
import { popPriority } from './vlan.ts'

const { IPV4, IPV6 } = Family

/** No verdict: the slot has another frame, or the same without its tag, to be judged from the beginning. */
export const AGAIN = -2000

/** The steps that it asks. */
export interface BesideSteps {
  readonly neighs: Neighs
  readonly nd: NdOutput
  readonly icmp: Icmp
  readonly reassembly: Reassembly
  readonly parsed6: Parsed6
}

export class Beside {
  readonly claims: Claims
  /** Set before the first frame: it takes steps that are made later. */
  pings: Pings | null = null
  readonly #frames: Frames
  readonly #peers: Peers | null
  readonly #fragmentation: Fragmentation
  readonly #icmp: Icmp
  readonly #reassembly: Reassembly
  readonly #arp: ArpInput
  readonly #icmpv6: Icmpv6Input

  constructor(parts: Parts, steps: BesideSteps, fragmentation: Fragmentation) {
    const { neighs, nd } = steps
    const claims = new Claims(parts)
    this.claims = claims
    this.#frames = parts.frames
    this.#peers = parts.peers
    this.#fragmentation = fragmentation
    this.#icmp = steps.icmp
    this.#reassembly = steps.reassembly
    this.#arp = new ArpInput(parts, neighs, claims)
    this.#icmpv6 = new Icmpv6Input(parts, neighs, nd, claims)
    const late = new LateFragments(parts, steps.icmp, steps.parsed6)
    steps.reassembly.late = (slot, arm) => late.returns(slot, arm)
  }

  /** `kind` is one of Kind below TCP, or minus a drop reason. => As Engine.input, or AGAIN */
  input(kind: number, p: Parsed, arm: Arm, slot: number, now: number): number {
    if (kind === Kind.ARP) return this.#arp.input(arm, slot, now)
    if (kind === Kind.ICMP || kind === Kind.ICMPV6) {
      const verdict = this.pings?.input(slot, p, arm, kind === Kind.ICMPV6, now) ?? NO_PING
      if (verdict !== NO_PING) return verdict
    }
    if (kind === Kind.ICMP) return this.#fragmentation.leave(slot, this.#echo(slot, p, arm))
    if (kind === Kind.ICMPV6) return this.#fragmentation.leave(slot, this.#echo6(slot, p, arm, now))
    if (kind === Kind.FRAGMENT) return this.#fragment(p, arm, slot, now, IPV4)
    if (kind === Kind.FRAGMENT6) return this.#fragment(p, arm, slot, now, IPV6)
    if (kind === Kind.VLAN) return popPriority(this.#frames, slot) ? AGAIN : -Drop.ETH_VLAN
    return kind
  }

  /** What quotes nothing but a header of a tunnel, or nothing of ours. */
  #echo(slot: number, p: Parsed, arm: Arm): number {
    const { tunnels } = this.#icmp
    return tunnels.isAbout(p) ? tunnels.input(slot, p, arm) : this.#icmp.input(slot, p, arm)
  }

  /** The same over IPv6, with neighbour discovery. */
  #echo6(slot: number, p: Parsed, arm: Arm, now: number): number {
    const { tunnels } = this.#icmp
    if (tunnels.isAbout6(p)) return tunnels.input6(slot, p, arm)
    return this.#icmpv6.input(slot, p, arm, now)
  }

  /** One worker puts datagrams together: which one they belong to may be said in another of their fragments. */
  #fragment(p: Parsed, arm: Arm, slot: number, now: number, family: number): number {
    // One that was put together has none inside (RFC 8200 4.5).
    if (this.#frames.fragment[slot] !== 0) return -Drop.IP_EXTENSION
    if (this.#peers !== null && this.#peers.self !== 0) return HAND_OVER
    const verdict = this.#reassembly.add(slot, p, arm, now, family)
    return verdict === 0 ? AGAIN : verdict
  }
}
