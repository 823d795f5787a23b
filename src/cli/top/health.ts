/** What an operator would want to be told without asking, the worst first. */

import type { CountersInfo } from '../../control/commands.ts'
import { linkWords } from '../../see/link-state.ts'
import type { Moment } from './moment.ts'

/** Parts of a table that are in use when it is time to think of a larger one. */
const NEARLY_FULL = 0.8
/** Seconds of lports left that are worth a word. */
const SOON_SEC = 600

export function healthOf(moment: Omit<Moment, 'problems'>, counters: CountersInfo): string[] {
  return [
    ...downArms(counters),
    ...services(moment),
    ...shortages(moment),
    ...lports(moment),
    ...drops(moment),
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
  const idle = list.flatMap(({ service, usable, realServers }) =>
    usable ? realServers.filter(rs => !rs.usable).map(({ rs }) => ({ service, rs })) : [],
  )
  return [
    ...dead.map(({ service }) => `${service} has no real server for new connections`),
    ...idle.map(({ service, rs }) => `${service}: RS ${rs} takes no new connections`),
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

function drops({ drops: list }: Omit<Moment, 'problems'>): string[] {
  const now = list.filter(({ perSecond }) => perSecond > 0)
  now.sort((a, b) => b.perSecond - a.perSecond)
  return now.map(({ reason, perSecond }) => `${Math.ceil(perSecond)} drops/s: ${reason}`)
}

function neighbours({ neighbours: states }: CountersInfo): string[] {
  const unresolved = (states.none ?? 0) + (states.send ?? 0)
  return unresolved > 0 ? [`neighbours not resolved: ${unresolved}; see dpip neigh show`] : []
}
