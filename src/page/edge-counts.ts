/** Which edges of the state machine were just taken: differences between what was counted then and now. */

import type { EdgeInfo } from '../api/commands.ts'
import { edgeKey } from './graph.ts'
import { RATE_SEC } from './smooth.ts'

/** All that leads from one state to another. */
export interface EdgeCount {
  from: string
  to: string
  count: number
  /** Since the look before; 0 at the first one. */
  taken: number
  /** The mean of the last seconds; null at the first look. */
  perSecond: number | null
  /** The segment that took it last, in words. */
  last: string | null
  /** ms since 1970. */
  lastMs: number
}

/** Counts at one look, by pair of states. */
interface Look {
  atMs: number
  counts: Map<string, number>
}

export class EdgeCounts {
  /** Those of the last RATE_SEC seconds, and the one before these; the oldest first. */
  readonly #looks: Look[] = []

  /** One more look. => by edgeKey, edges that were taken at least once */
  add(edges: readonly EdgeInfo[], atMs: number): Map<string, EdgeCount> {
    const counts = new Map<string, EdgeCount>()
    for (const { from, to, count, last, last_ms: lastMs } of edges) {
      if (from === to || count === 0) continue
      const key = edgeKey({ from, to })
      const unknown = { from, to, count: 0, taken: 0, perSecond: null, last, lastMs: -1 }
      const all = counts.get(key) ?? unknown
      counts.set(key, all)
      all.count += count
      // Of several segments that lead the same way, the last one is shown.
      if ((lastMs ?? 0) <= all.lastMs) continue
      Object.assign(all, { last, lastMs: lastMs ?? 0 })
    }
    const looks = this.#looks
    while (looks.length > 1 && (looks[1] as Look).atMs <= atMs - RATE_SEC * 1000) looks.shift()
    const [long, before] = [looks[0], looks.at(-1)]
    for (const [key, edge] of counts) {
      if (before) edge.taken = grown(edge.count, before.counts.get(key))
      if (long && atMs > long.atMs)
        edge.perSecond = grown(edge.count, long.counts.get(key)) / ((atMs - long.atMs) / 1000)
    }
    looks.push({ atMs, counts: new Map([...counts].map(([key, { count }]) => [key, count])) })
    return counts
  }
}

function grown(count: number, before = 0): number {
  // A daemon that was started anew counts from 0.
  return count >= before ? count - before : count
}
