/** Schedulers: which RS takes a new connection. To add one: a function and a row in SCHEDULERS. */

import type { Dest, Pick, Service } from './service.ts'

/** Round robin: the first RS behind the cursor that can. */
function rr(service: Service, without: number): Dest | undefined {
  const { candidates } = service
  let at = candidates.next(service.cursor + 1, 1, without)
  if (at < 0) at = candidates.next(0, 1, without)
  if (at < 0) return undefined
  service.cursor = at
  return service.dests[at]
}

/**
 * Weighted round robin as LVS has done it since 1998: whenever the cursor passes the head of the list the current
 * weight drops by the weights' gcd (and wraps to their maximum), and only an RS of at least that weight is picked.
 * Over a cycle each RS gets connections in proportion to its weight, spread and not in runs.
 */
function wrr(service: Service, without: number): Dest | undefined {
  const { candidates, cursor } = service
  let at = cursor < 0 ? -1 : candidates.next(cursor + 1, service.currentWeight, without)
  if (at < 0) {
    if (!startRound(service, without)) return undefined
    at = candidates.next(0, service.currentWeight, without)
  }
  service.cursor = at
  return service.dests[at]
}

function startRound(service: Service, without: number): boolean {
  const max = service.candidates.max(without)
  if (max === 0) return false
  service.currentWeight -= service.candidates.divisor(without)
  // Weights may have become less since the last round.
  if (service.currentWeight <= 0 || service.currentWeight > max) service.currentWeight = max
  return true
}

interface Scheduler {
  pick: Pick
  /** What it does, in a few words behind its name. */
  says: string
}

/** By name. Everything that speaks of schedulers, from the config's schema to the help, goes by these rows. */
export const SCHEDULERS = {
  rr: { pick: rr, says: 'one real server after the other' },
  wrr: { pick: wrr, says: 'each as often as its weight says' },
} as const satisfies Record<string, Scheduler>
export type SchedulerName = keyof typeof SCHEDULERS

/** What the scheduler is called that picks like this. */
export function schedulerName(pick: Pick): SchedulerName {
  const found = Object.entries(SCHEDULERS).find(([, { pick: other }]) => other === pick)
  return (found as [SchedulerName, Scheduler])[0]
}
