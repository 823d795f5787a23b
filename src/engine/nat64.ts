/**
 * The way on of a packet whose connection has a client that speaks IPv6 and an RS that speaks IPv4 (NAT64, semantics 1.10): as in
 * Engine.input, with a header that is 20 bytes shorter behind us, or longer, so that what fits is another question.
 *
 * A packet to the RS has DF, for its sender has said that nobody may cut it; but one of up to 1280 bytes must pass every link of
 * IPv6, and is cut where the RS's arm is narrower than that (RFC 7915 5.1). One to the client that came in fragments, or without DF, leaves
 * in fragments where it does not fit whole (RFC 7915 4.1). Of all others their sender is told.
 */

import { IP_DF, IPV4 } from '../wire/ipv4.ts'
import { IPV6, MTU6_LEAST } from '../wire/ipv6.ts'
import type { Arm } from './arm.ts'
import { Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import type { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Proxied } from './proxied.ts'
import type { UoaAlone } from './uoa-alone.ts'
import type { FullNat } from './xmit/fullnat.ts'
import { mayBeCut } from './xmit/headers64.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: HEADER4 } = IPV4
const { HEADER: HEADER6 } = IPV6
const LEAST = MTU6_LEAST
const { FRAGMENT } = IPV4
const DF = IP_DF

/** The steps that it takes. */
export interface Nat64Steps {
  readonly icmp: Icmp
  readonly fullnat: FullNat
  readonly egress: Egress
  readonly fragmentation: Fragmentation
  readonly uoa: UoaAlone
  readonly proxied: Proxied
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
    const { icmp, fullnat, egress, fragmentation, uoa, proxied } = this.#steps
    const outward = (t & 1) === 1
    if (!outward && p.ipHeader !== HEADER6) return -Drop.NAT64_EXTENSION
    if (this.#decrementsTtl && p.ttl <= 1) return icmp.expired(slot, p, arm)
    const by = (outward ? HEADER6 : HEADER4) - p.ipHeader
    // IPv4 says no more than this. Of fragments that come to more no MTU would say so.
    if (!outward && p.ipTotal + by > 0xffff) return -Drop.IP_TOO_BIG
    const isTooBig = p.largest + by > out.mtu
    const came = this.#frames.fragment[slot]
    if (isTooBig && !this.#isCut(p, came, outward)) return icmp.unfit64(slot, p, t, arm, out, by)
    const refused = proxied.isDue(t >> 1) ? proxied.prepare(slot, p, t, out, dest, now) : 0
    if (refused !== 0) return refused
    const failed = fullnat.translate64(slot, p, t, out.mtu)
    if (failed !== 0) uoa.notAdded(failed, t >> 1, out, dest, now)
    const isInPieces = isTooBig || came !== 0
    if (isInPieces) this.#prepareCut(slot, p, came, outward)
    const verdict = outward
      ? egress.toClient(p.eth, out, t >> 1)
      : egress.toRs(slot, p.eth, out, dest, now)
    return isInPieces ? fragmentation.leave(slot, verdict) : verdict
  }

  /** The packet, which is too large, may leave in fragments. */
  #isCut(p: Parsed, came: number, outward: boolean): boolean {
    if (!outward) return p.largest <= LEAST || came !== 0
    if (came !== 0) return true
    return p.gsoSize === 0 && (this.#frames.pkt.getUint16(p.ip + FRAGMENT) & DF) === 0
  }

  /** It has its new header, and is to be cut as far as it does not fit: over IPv6 into fragments that every link carries. */
  #prepareCut(slot: number, p: Parsed, came: number, outward: boolean): void {
    const { pkt, fragment } = this.#frames
    if (!outward) {
      if (came !== 0) fragment[slot] = came - HEADER6 + HEADER4
      mayBeCut(pkt, p.ip)
      return
    }
    fragment[slot] = came === 0 ? LEAST : came - HEADER4 + HEADER6
    if (p.partial === 1) this.#steps.fragmentation.completeChecksum(slot)
  }
}
