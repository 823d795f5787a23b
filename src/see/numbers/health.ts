/** What an operator would want to be told without asking, the worst first. */

import type { CountersInfo } from '../../api/commands.ts'
import { linkWords } from '../../api/link-state.ts'
import type { DropRow, Moment } from './rows.ts'

/** Parts of a table that are in use when it is time to think of a larger one. */
const NEARLY_FULL = 0.8
/** Seconds of lports left that are worth a word. */
const SOON_SEC = 600

/** `drops` are those of the last seconds, so that one now and then does not come and go. */
export function healthOf(
  moment: Omit<Moment, 'problems'>,
  counters: CountersInfo,
  drops: readonly DropRow[],
): string[] {
  return [
    ...downArms(counters),
    ...services(moment),
    ...shortages(moment),
    ...lports(moment),
    ...dropsOf(drops),
    ...neighbours(counters),
  ]
}

function downArms({ arms }: CountersInfo): string[] {
  return arms
    .filter(({ up, orphaned }) => !up || orphaned)
    .map(arm => `arm ${arm.name} is ${arm.up ? 'up' : 'down'}: ${linkWords(arm)}`)
}

function services({ services: list }: Omit<Moment, 'problems'>): string[] {
  const dead = list.filter(({ usable }) => !usable)
  // One of weight 0 was drained on purpose.
  const failing = list.flatMap(({ service, realServers }) =>
    realServers.flatMap(({ rs, reason }) => (reason === null ? [] : [{ service, rs, reason }])),
  )
  return [
    ...dead.map(({ service }) => `${service} has no real server for new connections`),
    ...failing.map(({ service, rs, reason }) => `${service}: RS ${rs} is out: ${reason}`),
  ]
}

function shortages({ conns, frames }: Omit<Moment, 'problems'>): string[] {
  const problems: string[] = []
  if (conns.used > conns.capacity * NEARLY_FULL)
    problems.push(`connection table: ${conns.used} of ${conns.capacity} places are in use`)
  if (frames.free < frames.slots * (1 - NEARLY_FULL))
    problems.push(`frames: only ${frames.free} of ${frames.slots} slots are free`)
  return problems
}

function lports({ lips }: Omit<Moment, 'problems'>): string[] {
  return lips.flatMap(({ lip, room, used, missesPerSecond, exhaustedInSec }) => {
    if (missesPerSecond > 0) return [`LIP ${lip} is out of lports: add LIPs to its services`]
    if (exhaustedInSec !== null && exhaustedInSec < SOON_SEC && used > room)
      return [`LIP ${lip} is out of lports in ${Math.round(exhaustedInSec)} s`]
    return used > (used + room) * NEARLY_FULL ? [`LIP ${lip}: ${room} lports are left`] : []
  })
}

function dropsOf(list: readonly DropRow[]): string[] {
  const now = list.filter(({ perSecond }) => perSecond > 0)
  now.sort((a, b) => b.perSecond - a.perSecond)
  return now.map(({ reason, perSecond }) =>
    perSecond < 1 ? `under 1 drop/s: ${reason}` : `${Math.round(perSecond)} drops/s: ${reason}`,
  )
}

function neighbours({ neighbours: states }: CountersInfo): string[] {
  const unresolved = (states.none ?? 0) + (states.send ?? 0)
  return unresolved > 0 ? [`neighbours not resolved: ${unresolved}; see dpip neigh show`] : []
}
