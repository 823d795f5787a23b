/** Steps that some packets take in place of the last ones of Engine.input. */

import type { Drafts } from './draft.ts'
import { Nat64, type Nat64Steps } from './nat64.ts'
import { OnePacket, type OnePacketSteps } from './one-packet.ts'
import type { Opening } from './opening.ts'
import type { EngineOptions } from './options.ts'
import type { Parts } from './parts.ts'
import { type PingSteps, Pings } from './pings.ts'
import { type WaySteps, Ways } from './ways.ts'

export class Detours {
  readonly onePacket: OnePacket
  readonly nat64: Nat64
  readonly ways: Ways
  readonly pings: Pings

  constructor(
    parts: Parts,
    drafts: Drafts,
    opening: Opening,
    steps: Omit<OnePacketSteps, 'nat64' | 'ways'> &
      Nat64Steps &
      WaySteps &
      Omit<PingSteps, 'ways' | 'opening'>,
    options: EngineOptions,
  ) {
    const { decrementTtl } = options
    const nat64 = new Nat64(parts, steps, decrementTtl)
    const ways = new Ways(parts, steps, options)
    this.nat64 = nat64
    this.ways = ways
    this.pings = new Pings(parts, { setup: steps.setup, reuse: steps.reuse, opening, ways })
    this.onePacket = new OnePacket(parts, drafts, opening, { ...steps, nat64, ways }, decrementTtl)
  }
}
