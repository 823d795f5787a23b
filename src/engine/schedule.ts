/** Schedulers: which RS takes a new connection. To add one: a function and a row in SCHEDULERS. */

import type { Dest, Service } from './service.ts'

/** => An RS with weight > 0 that is not full, or undefined if there is none. Moves the service's cursor. */
export type Pick = (service: Service) => Dest | undefined

/** It may take one more connection. */
export function isOpen({ weight, overloaded }: Dest): boolean {
  return weight > 0 && !overloaded
}

/** Round robin: the first valid RS behind the cursor. */
function rr(service: Service): Dest | undefined {
  const { dests } = service
  for (let step = 0; step < dests.length; step++) {
    service.cursor = (service.cursor + 1) % dests.length
    const dest = dests[service.cursor]
    if (isOpen(dest)) return dest
  }
  return undefined
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}

/**
 * Weighted round robin as LVS has done it since 1998: whenever the cursor passes the head of the list the current
 * weight drops by the weights' gcd (and wraps to their maximum), and only an RS of at least that weight is picked.
 * Over a cycle each RS gets connections in proportion to its weight, spread and not in runs.
 */
function wrr(service: Service): Dest | undefined {
  const { dests } = service
  if (dests.length === 0) return undefined
  const from = service.cursor
  for (;;) {
    service.cursor = (service.cursor + 1) % dests.length
    if (service.cursor === 0 && !startRound(service)) {
      service.cursor = from
      return undefined
    }
    const dest = dests[service.cursor]
    if (dest.weight >= service.currentWeight && isOpen(dest)) return dest
  }
}

/** Once per round, so that the walk over all weights costs a pick no more with ten thousand RSs than with ten. */
function startRound(service: Service): boolean {
  let max = 0
  let divisor = 0
  for (const dest of service.dests) {
    if (!isOpen(dest)) continue
    const { weight } = dest
    if (weight > max) max = weight
    divisor = gcd(weight, divisor)
  }
  if (max === 0) return false
  service.currentWeight -= divisor
  // Weights may have become less since the last round.
  if (service.currentWeight <= 0 || service.currentWeight > max) service.currentWeight = max
  return true
}

export const SCHEDULERS = { rr, wrr } as const
export type SchedulerName = keyof typeof SCHEDULERS

/** What the scheduler is called that picks like this. */
export function schedulerName(pick: Pick): SchedulerName {
  const found = Object.entries(SCHEDULERS).find(([, other]) => other === pick)
  return (found as [SchedulerName, Pick])[0]
}
