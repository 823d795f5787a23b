/**
 * The way on of a packet whose connection has a client that speaks IPv6 and an RS that speaks IPv4 (NAT64, semantics 1.10): as in
 * Engine.input, with a header that is 20 bytes shorter behind us, or longer, so that what fits is another question.
 *
 * A packet to the RS has DF, for its sender has said that nobody may cut it; but one of up to 1280 bytes must pass every link of
 * IPv6, and is cut where the RS's arm is narrower than that (RFC 7915 5.1). One to the client that does not fit there is not cut:
 * its RS is told, which has to know it with DF or without.
 */

import { IPV4 } from '../wire/ipv4.ts'
import { IPV6, MTU6_LEAST } from '../wire/ipv6.ts'
import type { Arm } from './arm.ts'
import { Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import type { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { UoaAlone } from './uoa-alone.ts'
import type { FullNat } from './xmit/fullnat.ts'
import { mayBeCut } from './xmit/headers64.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: HEADER4 } = IPV4
const { HEADER: HEADER6 } = IPV6
const LEAST = MTU6_LEAST

/** The steps that it takes. */
export interface Nat64Steps {
  readonly icmp: Icmp
  readonly fullnat: FullNat
  readonly egress: Egress
  readonly fragmentation: Fragmentation
  readonly uoa: UoaAlone
}

export class Nat64 {
  readonly #frames: Frames
  readonly #steps: Nat64Steps
  readonly #decrementsTtl: boolean

  constructor({ frames }: Parts, steps: Nat64Steps, decrementsTtl: boolean) {
    this.#frames = frames
    this.#steps = steps
    this.#decrementsTtl = decrementsTtl
  }

  /** The packet of tuple t in `slot`, which `arm` received, is to leave on `out`; `dest` is its RS. => As Engine.input */
  forward(
    slot: number,
    p: Parsed,
    t: number,
    arm: Arm,
    out: Arm,
    dest: number,
    now: number,
  ): number {
    const { icmp, fullnat, egress, fragmentation, uoa } = this.#steps
    const outward = (t & 1) === 1
    if (!outward && p.ipHeader !== HEADER6) return -Drop.NAT64_EXTENSION
    if (this.#decrementsTtl && p.ttl <= 1) return icmp.expired(slot, p, arm)
    const by = (outward ? HEADER6 : HEADER4) - p.ipHeader
    const isTooBig = p.largest + by > out.mtu || (!outward && p.ipTotal + by > 0xffff)
    if (isTooBig && (outward || p.largest > LEAST)) return icmp.unfit64(slot, p, t, arm, out, by)
    const { fragment, pkt } = this.#frames
    const came = fragment[slot]
    // Together again it fits, and over IPv6 nothing is cut on the way.
    if (outward) fragment[slot] = 0
    const failed = fullnat.translate64(slot, p, t, out.mtu)
    if (failed !== 0) uoa.notAdded(failed, t >> 1, out, dest, now)
    if (outward) return egress.toClient(p.eth, out, t >> 1)
    if (isTooBig || came !== 0) mayBeCut(pkt, p.ip)
    const verdict = egress.toRs(slot, p.eth, out, dest, now)
    return isTooBig || came !== 0 ? fragmentation.leave(slot, verdict) : verdict
  }
}
