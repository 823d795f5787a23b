/**
 * A thread in the place of one that has ended: its engine goes on with the connections and neighbours that lie in the worker's
 * memory, and with what is counted there. To be done in a bare engine, before it is given anything.
 */

import type { Change } from '../../config/changes.ts'
import { forgetConns } from '../../engine/adopt.ts'
import { Event, Gauge } from '../../engine/counters.ts'
import { LIP_CELLS, LipCell } from '../../engine/sa-pool.ts'
import type { Exchange } from '../../io/exchange.ts'
import { applyChange, type Built } from './apply.ts'
import type { Inheritance } from './protocol.ts'

/** Doubles of an RS's place that are statistics, in front of its cells. */
const STATS = 5

/** Sets up `changes`, and around them what the former has left; `gone` of it is put back and taken away again. */
export function succeed(
  built: Built,
  changes: readonly Change[],
  { gone }: Inheritance,
  exchange: Exchange | null,
  now: number,
): void {
  const { engine, share } = built
  const { dests, counters, trace, templates, neighs } = engine
  templates.free(share.index)
  exchange?.recover(engine)
  trace.lost = counters.gauges[Gauge.TRACE_LOST] as number
  neighs.adopt(now)
  // Setting up begins all of these anew.
  const stats = dests.stats.slice()
  const lips = share.lipCounts.slice()
  const conns = Int32Array.from(
    { length: dests.capacity },
    (_, place) => dests.active(place) + dests.inactive(place),
  )
  forgetConns(dests)
  for (const change of changes) applyChange(built, change, now)
  for (const steps of gone) {
    try {
      for (const change of steps) applyChange(built, change, now)
    } catch {
      // No way leads to it any more: its connections are cleared.
    }
  }
  for (let place = 0; place < dests.list.length; place++) {
    dests.stats.set(stats.subarray(place << 3, (place << 3) + STATS), place << 3)
    const dest = dests.list[place]
    // Of all workers together they were counted by the former, and are counted again.
    if (dest !== undefined && dest.upper >= 0)
      dests.limits.leaveFormer(dest, conns[place] as number)
  }
  for (let at = LipCell.MISSES; at < lips.length; at += LIP_CELLS)
    share.lipCounts[at] = lips[at] as number
  counters.count(Event.WORKER_RESTARTS)
}
