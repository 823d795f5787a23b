/**
 * Pings of hosts inside, by match services of ICMP (semantics 8.4): the path of Engine.input for an echo request, and for the reply to
 * one. Which is of which connection, its identifier says (echo-tuple.ts): a reply that nobody has asked for is of none.
 */

import { ICMP, isEcho, isIcmpIntact } from '../wire/icmp.ts'
import { isEcho6, isIcmpv6Intact } from '../wire/icmpv6.ts'
import { type Arm, isOurs } from './arm.ts'
import { CELL, familyOfKey, KEY, RECORD } from './conn-layout.ts'
import { Drop, HAND_OVER } from './counters.ts'
import { echoPorts, isEchoRequest } from './echo-tuple.ts'
import { armOf } from './family.ts'
import { MAY_OPEN, type Opening, serviceOf } from './opening.ts'
import { ownerOf } from './owner.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Reuse } from './reuse.ts'
import { sayLookup } from './say.ts'
import { DestCell } from './service.ts'
import type { Setup } from './setup.ts'
import type { Ways } from './ways.ts'

/** No verdict: it is no ping of a host inside, and nothing but p has changed. */
export const NO_PING = -3000

const { of: recordOf, dest: destOf, clientArm: clientArmOf } = RECORD

/** Those of the packet's path that it takes too. */
export interface PingSteps {
  readonly setup: Setup
  readonly reuse: Reuse
  readonly opening: Opening
  readonly ways: Ways
}

export class Pings {
  readonly #parts: Parts
  readonly #steps: PingSteps

  constructor(parts: Parts, steps: PingSteps) {
    this.#parts = parts
    this.#steps = steps
  }

  /** ICMP that quotes nothing of ours in `slot`, over IPv6 or not. => As Engine.input, or NO_PING */
  input(slot: number, p: Parsed, arm: Arm, isSix: boolean, now: number): number {
    const { setup, reuse, opening, ways } = this.#steps
    const { frames, table, trace } = this.#parts
    if (!setup.services.matches.hasPings || !this.#isEcho(p, isSix)) return NO_PING
    const isRequest = isEchoRequest(frames.pkt, p.l4)
    becomeEcho(p, frames.pkt, isSix ? KEY.ICMP | KEY.IPV6 : KEY.ICMP)
    let t = table.index.of(p)
    // An identifier of 0 looks the same in both directions.
    if (t >= 0 && (t & 1) === (isRequest ? 1 : 0)) return NO_PING
    const isNew = t < 0
    if (isNew) {
      const elsewhere = this.#elsewhere(p, isRequest)
      if (elsewhere !== 0) return elsewhere
    }
    const service = isNew && isRequest ? serviceOf(setup.services, p, arm) : undefined
    if (isNew && service === undefined) return NO_PING
    if (trace.debug) sayLookup(trace, p, !isNew)
    if (!this.#isIntact(p, isSix)) return -Drop.ICMP_CHECKSUM
    if (service !== undefined) {
      const verdict = opening.judge(p, arm, slot, service, t, now)
      if (verdict !== MAY_OPEN) return verdict
      t = reuse.open(t, p, service, arm, now)
      if (t < 0) return opening.refuse(p, arm, slot, service, t)
    }
    if (arm.index !== this.#armOf(t)) return -Drop.IP_SOURCE
    return ways.input(slot, p, t, isNew, now)
  }

  #isEcho(p: Parsed, isSix: boolean): boolean {
    if (p.ipTotal - p.ipHeader < ICMP.HEADER) return false
    const type = this.#parts.frames.pkt.getUint8(p.l4 + ICMP.TYPE)
    return isSix ? isEcho6(type) : isEcho(type)
  }

  /** Of no connection here. => Whose it is, as a verdict, if that is another worker; else 0 */
  #elsewhere(p: Parsed, isRequest: boolean): number {
    const { peers, arms, frames } = this.#parts
    if (peers === null) return 0
    // A ping to ourselves is answered by whoever has got it.
    if (isRequest && isOurs(arms, familyOfKey(p.key), p.daddr)) return NO_PING
    const owner = ownerOf(p, peers, this.#steps.setup, frames.pkt)
    return owner === peers.self ? 0 : HAND_OVER - owner
  }

  #isIntact({ ip, l4, ipTotal, ipHeader }: Parsed, isSix: boolean): boolean {
    const { pkt } = this.#parts.frames
    const bytes = ipTotal - ipHeader
    return isSix ? isIcmpv6Intact(pkt, ip, l4, bytes) : isIcmpIntact(pkt, l4, bytes)
  }

  /** Index of the arm that packets of tuple t come in on. */
  #armOf(t: number): number {
    const { table, dests } = this.#parts
    const binding = table.cells[recordOf(t) | CELL.BINDING]
    if ((t & 1) === 0) return clientArmOf(binding)
    return armOf(dests.cells[(destOf(binding) << 4) | DestCell.LINK])
  }
}

/** p, of whose echo no more than the addresses is known, gets its tuple and size: a packet by itself, of which nothing is left to be summed. */
function becomeEcho(p: Parsed, pkt: DataView, key: number): void {
  p.key = key
  p.ports = echoPorts(pkt, p.l4)
  p.l4Header = ICMP.HEADER
  p.payload = p.ipTotal - p.ipHeader - ICMP.HEADER
  p.flags = 0
  p.event = 0
  p.partial = 0
  p.gsoSize = 0
  p.segments = 1
  p.largest = p.ipTotal
  p.wireBytes = p.ipTotal
}
