/** Which edges of the state machine were just taken: differences between what was counted then and now. */

import type { EdgeInfo } from '../control/commands.ts'
import { causeText } from './balancer-states.ts'
import { edgeKey } from './graph.ts'

/** All that leads from one state to another. */
export interface EdgeCount {
  from: string
  to: string
  count: number
  /** Since the look before; 0 at the first one. */
  taken: number
  /** What took it last, `FIN from RS`, and a sentence on it. */
  cause: string
  last: string | null
}

export class EdgeCounts {
  /** Counts at the last look, by pair of states and cause; null before the first one. */
  #before: Map<string, number> | null = null
  /** Of each pair of states, the one that was taken last. */
  readonly #latest = new Map<string, EdgeInfo>()

  /** One more look. => by edgeKey, edges that were taken at least once */
  add(edges: readonly EdgeInfo[]): Map<string, EdgeCount> {
    const counts = new Map<string, EdgeCount>()
    const now = new Map<string, number>()
    // Of several causes the one that was taken most often is shown, unless one was seen to be taken later.
    const most = new Map<string, number>()
    for (const edge of edges) {
      if (edge.from === edge.to || edge.count === 0) continue
      const pair = edgeKey(edge)
      const own = `${pair} ${edge.direction} ${edge.event}`
      const before = this.#before?.get(own) ?? 0
      // A daemon that was started anew counts from 0.
      const since = edge.count >= before ? edge.count - before : edge.count
      const taken = this.#before ? since : 0
      now.set(own, edge.count)
      const all = counts.get(pair)
      const latest = this.#latest.get(pair)
      const same = latest?.direction === edge.direction && latest.event === edge.event
      if (taken > (most.get(pair) ?? 0) || !latest || same) this.#latest.set(pair, edge)
      most.set(pair, Math.max(taken, most.get(pair) ?? 0))
      const shown = this.#latest.get(pair) as EdgeInfo
      counts.set(pair, {
        from: edge.from,
        to: edge.to,
        count: (all?.count ?? 0) + edge.count,
        taken: (all?.taken ?? 0) + taken,
        cause: causeText(shown.direction, shown.event),
        last: shown.last,
      })
    }
    this.#before = now
    return counts
  }
}
