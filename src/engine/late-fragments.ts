/**
 * Datagrams that did not become whole in time: who sent one is told, if its first fragment has come, which says who that was (RFC 1122 3.3.2,
 * RFC 8200 4.5: time exceeded, code 1). About errors there are none (RFC 1122 3.2.2, RFC 4443 2.4).
 */

import { isIcmpError } from '../wire/icmp.ts'
import { isIcmpv6Error } from '../wire/icmpv6.ts'
import { IPV4, PROTO } from '../wire/ipv4.ts'
import { extensionBytes, FRAGMENT6, isExtension, NEXT } from '../wire/ipv6.ts'
import type { Arm } from './arm.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import { Kind, Parsed } from './parsed.ts'
import type { Parsed6 } from './parsed6.ts'
import type { Parts } from './parts.ts'

export class LateFragments {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #icmp: Icmp
  readonly #parsed = new Parsed()
  readonly #parsed6: Parsed6

  constructor({ frames, arms }: Parts, icmp: Icmp, parsed6: Parsed6) {
    this.#frames = frames
    this.#arms = arms
    this.#icmp = icmp
    this.#parsed6 = parsed6
  }

  /** The slot has the first fragment as the arm of this index got it. => true if it has become the error to its sender, in the arm's outbox */
  returns(slot: number, index: number): boolean {
    const p = this.#parsed
    const arm = this.#arms[index]
    let kind = p.decode(this.#frames, slot, arm)
    if (kind === Kind.IPV6) kind = this.#parsed6.decode(p, slot)
    if (kind !== Kind.FRAGMENT && kind !== Kind.FRAGMENT6) return false
    const isSix = kind === Kind.FRAGMENT6
    if (isSix ? this.#isError6(p) : this.#isError(p)) return false
    p.largest = p.ipTotal
    if (this.#icmp.late(slot, p, arm, isSix) < 0) return false
    arm.send(slot)
    return true
  }

  #isError({ ip, l4 }: Parsed): boolean {
    const { pkt } = this.#frames
    return pkt.getUint8(ip + IPV4.PROTOCOL) === PROTO.ICMP && isIcmpError(pkt.getUint8(l4))
  }

  /** Behind the header at l4 there may be others. */
  #isError6({ ip, ipTotal, l4 }: Parsed): boolean {
    const { pkt } = this.#frames
    const end = ip + ipTotal
    let next = pkt.getUint8(l4)
    let at = l4 + FRAGMENT6.HEADER
    while (isExtension(next) && at + 8 <= end) {
      next = pkt.getUint8(at)
      at += extensionBytes(pkt, at)
    }
    return next === NEXT.ICMPV6 && at < end && isIcmpv6Error(pkt.getUint8(at))
  }
}
