/** The forwarding methods of an engine, by METHOD. */

import type { EngineOptions } from '../options.ts'
import type { Parts } from '../parts.ts'
import { Direct } from './direct.ts'
import { FullNat } from './fullnat.ts'
import type { Method } from './method.ts'
import { Nat } from './nat.ts'
import { Snat } from './snat.ts'

export interface Methods {
  readonly fullnat: FullNat
  readonly all: readonly Method[]
}

export function newMethods(parts: Parts, options: EngineOptions): Methods {
  const { toaMode, udp, decrementTtl } = options
  const fullnat = new FullNat(parts, toaMode, udp, decrementTtl)
  const snat = new Snat(parts, decrementTtl)
  const nat = new Nat(parts, decrementTtl)
  const direct = new Direct(parts, decrementTtl)
  return { fullnat, all: [fullnat, nat, direct, direct, snat] }
}
