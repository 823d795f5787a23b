/** The forwarding methods of an engine, by METHOD. */

import { METHOD } from '../conn-layout.ts'
import type { EngineOptions } from '../options.ts'
import type { Parts } from '../parts.ts'
import { FullNat } from './fullnat.ts'
import type { Method } from './method.ts'
import { Snat } from './snat.ts'

export interface Methods {
  readonly fullnat: FullNat
  /** Of any conn that FullNAT does not forward. */
  readonly snat: Snat
  readonly all: readonly Method[]
}

export function newMethods(parts: Parts, options: EngineOptions): Methods {
  const { toaMode, udp, decrementTtl } = options
  const fullnat = new FullNat(parts, toaMode, udp, decrementTtl)
  const snat = new Snat(parts, decrementTtl)
  const all: Method[] = Array.from({ length: METHOD.SNAT }, () => fullnat)
  return { fullnat, snat, all: [...all, snat] }
}
