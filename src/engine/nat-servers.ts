/**
 * Addresses of the RSs that are reached by NAT: what comes from one of them is for a client's address and not for one of ours, and is
 * known by its source. One stays when its RS has gone, whose connections go on; there are at most so many as are kept here.
 */

import { METHOD } from './conn-layout.ts'
import type { Dest } from './service.ts'

/** As many again as there are places of RSs: behind that all that have gone are forgotten. */
const KEPT = 1 << 16

export class NatServers {
  readonly #words = new Set<number>()

  has(rip: number): boolean {
    return this.#words.size > 0 && this.#words.has(rip)
  }

  /** An RS is there, or is reached another way. */
  note({ method, rip }: Pick<Dest, 'method' | 'rip'>): void {
    if (method !== METHOD.NAT) return
    if (this.#words.size >= KEPT) this.#words.clear()
    this.#words.add(rip)
  }
}
