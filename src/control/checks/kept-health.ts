/**
 * What the checks think of real servers that are not simply up, in memory that outlives the daemon (keeper/kept-json.ts): after a crash
 * one that had failed gets no new connections until it is seen to be good, and one in its slow start goes on with that.
 */

import * as z from 'zod'
import type { Keeping } from '../keeper/keeping.ts'
import { KeptJson, openKeptJson } from '../keeper/kept-json.ts'
import type { RsHealth } from '../readings/listings.ts'
import type { HealthState } from './health.ts'

const NAME = 'health'
const LAYOUT = 1
/** More real servers than a config may have, and the longest that is said of one. */
const MOST = 65_536
const REASON_MOST = 500

/** Of one real server; times are of the epoch, in ms. */
const kept = z.strictObject({
  inhibited: z.boolean(),
  weight: z.int().min(0).max(65_535),
  reason: z.string().max(REASON_MOST),
  passes: z.boolean(),
  outUntil: z.number().nullable(),
  slowSince: z.number().nullable(),
})
const schema = z.strictObject({
  layout: z.literal(LAYOUT),
  servers: z.array(z.tuple([z.string().max(500), kept])).max(MOST),
})

/** What was thought of one. */
export interface Verdict {
  told: RsHealth
  /** Why it gets no new connections, '' if it does. */
  reason: string
  state: HealthState
}

export class KeptHealth {
  readonly #json: KeptJson | null
  readonly #clock: () => number
  readonly #servers = new Map<string, z.output<typeof kept>>()
  #waits = false
  /** Called when something was written. */
  onWritten = () => {}

  /** Of memory of KEPT_JSON_BYTES, null for none; `clock` is ms of the epoch. What makes no sense is nothing. */
  constructor(memory: ArrayBuffer | null, clock: () => number = Date.now) {
    this.#json = memory && new KeptJson(memory)
    this.#clock = clock
    try {
      const { success, data } = schema.safeParse(this.#json?.read())
      if (success) for (const [name, one] of data.servers) this.#servers.set(name, one)
    } catch {
      // Nothing of it is whole: all are as good as new.
    }
  }

  /** What is left of the weights, by the name of the real server. */
  *told(): Generator<[string, RsHealth]> {
    for (const [name, { inhibited, weight }] of this.#servers) yield [name, { inhibited, weight }]
  }

  of(name: string): Verdict | undefined {
    const one = this.#servers.get(name)
    if (one === undefined) return undefined
    const { inhibited, weight, reason, passes, outUntil, slowSince } = one
    const now = this.#clock()
    const outMs = outUntil === null ? null : Math.max(0, outUntil - now)
    const slowMs = slowSince === null ? null : Math.max(0, now - slowSince)
    return { told: { inhibited, weight }, reason, state: { passes, outMs, slowMs } }
  }

  /** `verdict` null: it is up, and nothing has to be known. Written with all that is said in the same turn. */
  set(name: string, verdict: Verdict | null): void {
    if (verdict === null && !this.#servers.has(name)) return
    if (verdict === null) this.#servers.delete(name)
    else {
      const { told, reason, state } = verdict
      const { passes, outMs, slowMs } = state
      const now = this.#clock()
      this.#servers.set(name, {
        ...told,
        reason: reason.slice(0, REASON_MOST),
        passes,
        outUntil: outMs === null ? null : now + outMs,
        slowSince: slowMs === null ? null : now - slowMs,
      })
    }
    if (this.#waits) return
    this.#waits = true
    setImmediate(() => this.#write())
  }

  #write(): void {
    this.#waits = false
    this.#json?.write({ layout: LAYOUT, servers: [...this.#servers] })
    this.onWritten()
  }
}

/** Of an earlier daemon, or a new one; without a keeper it is forgotten. */
export function openKeptHealth(keeping: Keeping): KeptHealth {
  return new KeptHealth(keeping.kept ? openKeptJson(keeping, NAME).memory : null)
}
