/**
 * Datagrams that did not become whole in time: who sent one is told, if its first fragment has come, which says who that was (RFC 1122 3.3.2,
 * RFC 8200 4.5: time exceeded, code 1).
 */

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
    p.largest = p.ipTotal
    if (this.#icmp.late(slot, p, arm, kind === Kind.FRAGMENT6) < 0) return false
    arm.send(slot)
    return true
  }
}
