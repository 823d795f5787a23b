/**
 * Addresses of the RSs that are reached by NAT: what comes from one of them is for a client's address and not for one of ours, and is
 * known by its source. One stays when its RS has gone, whose connections go on. When there are as many as are kept here, those stay that
 * an RS has which is there, or whose connections are.
 */

import { DESTS_MAX, METHOD } from './conn-layout.ts'
import type { Dest, Dests } from './service.ts'

/** Twice as many as there are places of RSs, so that half of them at least make room. */
const KEPT = DESTS_MAX * 2

export class NatServers {
  readonly #words = new Set<number>()
  readonly #dests: Dests

  constructor(dests: Dests) {
    this.#dests = dests
  }

  has(rip: number): boolean {
    return this.#words.size > 0 && this.#words.has(rip)
  }

  /** An RS is there, or is reached another way. */
  note({ method, rip }: Pick<Dest, 'method' | 'rip'>): void {
    if (method !== METHOD.NAT) return
    if (this.#words.size >= KEPT) this.#forget()
    this.#words.add(rip)
  }

  /** Those that nothing can come from for a client's address any more. */
  #forget(): void {
    const { list, gone } = this.#dests
    const kept = new Set<number>()
    for (const dest of list) if (dest && this.#isMeant(dest)) kept.add(dest.rip)
    for (const dest of gone) if (dest && this.#isMeant(dest)) kept.add(dest.rip)
    for (const word of this.#words) if (!kept.has(word)) this.#words.delete(word)
  }

  /** It is reached by NAT, or has connections that may be of a time when it was, or another RS of its place. */
  #isMeant({ index, method }: Dest): boolean {
    const { list } = this.#dests
    if (method === METHOD.NAT && list[index] !== undefined) return true
    return this.#dests.active(index) + this.#dests.inactive(index) > 0
  }
}
