/** Steps that some packets take in place of the last ones of Engine.input. */

import type { Drafts } from './draft.ts'
import { Nat64, type Nat64Steps } from './nat64.ts'
import { OnePacket, type OnePacketSteps } from './one-packet.ts'
import type { Opening } from './opening.ts'
import type { Parts } from './parts.ts'

export class Detours {
  readonly onePacket: OnePacket
  readonly nat64: Nat64

  constructor(
    parts: Parts,
    drafts: Drafts,
    opening: Opening,
    steps: Omit<OnePacketSteps, 'nat64'> & Nat64Steps,
    decrementsTtl: boolean,
  ) {
    const nat64 = new Nat64(parts, steps, decrementsTtl)
    this.nat64 = nat64
    const all = { ...steps, nat64 }
    this.onePacket = new OnePacket(parts, drafts, opening, all, decrementsTtl)
  }
}
