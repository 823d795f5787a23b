/**
 * Rates of the real servers, as LVS estimates them: every two seconds a quarter of the difference between what has just
 * been counted and the rate so far goes into the rate. So a burst is seen at once and forgotten in some ten seconds. The
 * packets know nothing of it: the same counters are read again and again.
 */

import type { TrafficInfo } from '../../api/commands.ts'

/** ms between two samples. */
export const SAMPLE_MS = 2000
const WEIGHT = 1 / 4

const FIELDS = ['conns', 'in_packets', 'out_packets', 'in_bytes', 'out_bytes'] as const
const NOTHING: TrafficInfo = { conns: 0, in_packets: 0, out_packets: 0, in_bytes: 0, out_bytes: 0 }

interface Rate {
  /** The counters of the last sample. */
  counted: TrafficInfo
  perSecond: TrafficInfo
}

export class Rates {
  #rates = new Map<string, Rate>()
  #sampledMs = Number.NEGATIVE_INFINITY

  /** Counters by name, as they are at `nowMs` of any clock that never goes back. Names that are not there are forgotten. */
  sample(counted: Iterable<[name: string, counted: TrafficInfo]>, nowMs: number): void {
    const seconds = (nowMs - this.#sampledMs) / 1000
    if (seconds <= 0) return
    const rates = new Map<string, Rate>()
    for (const [name, now] of counted) {
      const before = this.#rates.get(name)
      const perSecond = before ? next(before, now, seconds) : NOTHING
      rates.set(name, { counted: now, perSecond })
    }
    this.#rates = rates
    this.#sampledMs = nowMs
  }

  /** Per second, whole numbers; zeros for what has been sampled less than twice. */
  of(name: string): TrafficInfo {
    const perSecond = this.#rates.get(name)?.perSecond
    return perSecond ? each(field => Math.round(perSecond[field])) : NOTHING
  }
}

function next({ counted, perSecond }: Rate, now: TrafficInfo, seconds: number): TrafficInfo {
  return each(field => {
    // Set to zero in between, a counter has counted at least what it says.
    const more = now[field] < counted[field] ? now[field] : now[field] - counted[field]
    return perSecond[field] + (more / seconds - perSecond[field]) * WEIGHT
  })
}

function each(value: (field: (typeof FIELDS)[number]) => number): TrafficInfo {
  return Object.fromEntries(FIELDS.map(field => [field, value(field)])) as unknown as TrafficInfo
}
