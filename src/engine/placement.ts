/**
 * Where a new connection goes: which RS, from which LIP and lport, beginning with which sequence number. What that is bound
 * to, a record, is conns.ts's.
 */

import type { IsnSource } from './isn.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Random } from './random.ts'
import { ALL_SUB_POOLS, NO_LPORT } from './sa-pool.ts'
import { sayLport, sayScheduled } from './say.ts'
import type { Dest, Dests, Lips, Service } from './service.ts'
import type { Templates } from './templates.ts'
import { Chosen, type TraceRing } from './trace.ts'

/** At most this many LIPs are tried for one connection (semantics 5.4). */
const LIP_ATTEMPTS = 16
/** Per cent of connections under rr and wrr for which the LIP moves two steps, so that LIPs and RSs do not lock. */
const LIP_SKIP_PERCENT = 5

export class Placement {
  readonly #dests: Dests
  readonly #lips: Lips
  readonly #isn: IsnSource
  readonly #templates: Templates
  readonly #random: Random
  readonly #trace: TraceRing

  constructor({ dests, lips, isn, templates, random, trace }: Parts) {
    this.#dests = dests
    this.#lips = lips
    this.#isn = isn
    this.#templates = templates
    this.#random = random
    this.#trace = trace
  }

  /** A persistent service's client goes where it went before, if that RS still takes connections. */
  destFor(service: Service, p: Parsed, now: number): Dest | undefined {
    const without = this.#withoutLports(service)
    if (service.persistenceMs === 0) {
      return this.#chosen(pickOf(service, without), p, Chosen.SCHEDULER)
    }
    const network = p.saddr & service.clientMask
    const { vip, vport, candidates } = service
    const place = this.#templates.find(network, vip, vport, now)
    const known = place < 0 ? undefined : this.#dests.list[place]
    const keeps =
      known !== undefined && known.service === service && candidates.takes(known, without)
    const dest = keeps ? known : service.pick(service, without)
    // Where none has an lport nothing will be opened, and the client stays whose it is.
    if (dest === undefined) return this.#chosen(pickOf(service, without), p, Chosen.SCHEDULER)
    this.#templates.put(network, vip, vport, dest.index, (now + service.persistenceMs) | 0)
    return this.#chosen(dest, p, keeps ? Chosen.PERSISTENCE : Chosen.SCHEDULER)
  }

  /** A mask of the sub-pools of which none of the LIPs that the next connection would try has an lport. */
  #withoutLports({ lips, lipCursor }: Service): number {
    const count = lips.length
    const attempts = Math.min(count, LIP_ATTEMPTS)
    let without = ALL_SUB_POOLS
    for (let i = 1; i <= attempts && without !== 0; i++) {
      without &= this.#lips[lips[(lipCursor + i) % count]].exhausted
    }
    return without
  }

  #chosen(dest: Dest | undefined, p: Parsed, why: number): Dest | undefined {
    if (this.#trace.debug && dest !== undefined) sayScheduled(this.#trace, p, dest, why)
    return dest
  }

  /** => LIP index << 16 | lport, or NO_LPORT when all LIPs that were tried are out of lports towards this RS. */
  fetchLport(service: Service, dest: Dest): number {
    const count = service.lips.length
    const attempts = Math.min(count, LIP_ATTEMPTS)
    for (let attempt = 0; attempt < attempts; attempt++) {
      service.lipCursor = (service.lipCursor + 1) % count
      const lip = service.lips[service.lipCursor]
      const lport = this.#lips[lip].fetch(dest.rip, dest.rport)
      if (lport === NO_LPORT) continue
      // The next one begins a step further on: before this one it would leave out a LIP that was counted on.
      if (count > 1 && this.#random.below(100) < LIP_SKIP_PERCENT) service.lipCursor++
      if (this.#trace.debug) {
        const pool = this.#lips[lip]
        const left = pool.freeTowards(dest.rip, dest.rport)
        sayLport(this.#trace, pool.lip, lport, attempt, left)
      }
      return (lip << 16) | lport
    }
    return NO_LPORT
  }

  /** Towards the RS a connection starts ahead of what its lport's last one had come to, wherever the clock is. */
  firstSeq(lip: number, dest: Dest, lport: number, now: number): number {
    const pool = this.#lips[lip]
    const { rip, rport } = dest
    const isn = this.#isn.choose(pool.lip, rip, (rport << 16) | lport, now)
    const last = pool.lastSeq(rip, rport, lport)
    if (last === 0 || ((isn - last) | 0) > 0) return isn
    return (last + 1 + (this.#random.below(65_536) << 8)) | 0
  }
}

/** An RS towards which no lport is left is passed over; if that leaves none, the scheduler's next is the one that is missed. */
function pickOf(service: Service, without: number): Dest | undefined {
  const dest = service.pick(service, without)
  return dest === undefined && without !== 0 ? service.pick(service, 0) : dest
}
