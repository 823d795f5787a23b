/** Which edges of the state machine were just taken: differences between what was counted then and now. */

import type { EdgeInfo } from '../api/commands.ts'
import { edgeKey } from './graph.ts'

/** All that leads from one state to another. */
export interface EdgeCount {
  from: string
  to: string
  count: number
  /** Since the look before; 0 at the first one. */
  taken: number
  /** The segment that took it last, in words. */
  last: string | null
  /** ms since 1970. */
  lastMs: number
}

export class EdgeCounts {
  /** Counts at the last look, by pair of states; null before the first one. */
  #before: Map<string, number> | null = null

  /** One more look. => by edgeKey, edges that were taken at least once */
  add(edges: readonly EdgeInfo[]): Map<string, EdgeCount> {
    const counts = new Map<string, EdgeCount>()
    for (const { from, to, count, last, last_ms: lastMs } of edges) {
      if (from === to || count === 0) continue
      const key = edgeKey({ from, to })
      const all = counts.get(key) ?? { from, to, count: 0, taken: 0, last, lastMs: -1 }
      counts.set(key, all)
      all.count += count
      // Of several segments that lead the same way, the last one is shown.
      if ((lastMs ?? 0) <= all.lastMs) continue
      Object.assign(all, { last, lastMs: lastMs ?? 0 })
    }
    for (const [key, edge] of counts) edge.taken = this.#taken(key, edge.count)
    this.#before = new Map([...counts].map(([key, { count }]) => [key, count]))
    return counts
  }

  #taken(key: string, count: number): number {
    if (!this.#before) return 0
    const before = this.#before.get(key) ?? 0
    // A daemon that was started anew counts from 0.
    return count >= before ? count - before : count
  }
}
