/** A service without an engine, for schedulers; and the schedulers as they were before there were trees. */

import type { Asker } from '../../src/engine/asker.ts'
import { isRegular } from '../../src/engine/candidates.ts'
import { METHOD } from '../../src/engine/conn-layout.ts'
import { Limits } from '../../src/engine/limits.ts'
import { subPoolOf } from '../../src/engine/sa-pool.ts'
import type { SchedulerName } from '../../src/engine/schedule.ts'
import { type Dest, Dests, type Service } from '../../src/engine/service.ts'
import { newService, scheduleBy } from '../../src/engine/setup-parts.ts'

const PLACES = 16_384
const NOBODY: Asker = { client: 0, port: 0, id: 0 }
/** What is counted of the RSs of each. */
const COUNTS = new WeakMap<Service, Dests>()

export function scheduled(
  scheduler: SchedulerName,
  weights: readonly number[],
  protocol = 6,
): Service {
  const service = newService({ protocol, family: 0, vip: 1, vport: 80 })
  const dests = new Dests(
    new ArrayBuffer(Dests.bytesFor(PLACES)),
    PLACES,
    new ArrayBuffer(Limits.bytesFor(PLACES)),
  )
  COUNTS.set(service, dests)
  scheduleBy(service, scheduler, dests)
  for (const [index, weight] of weights.entries()) {
    const dest = destOf(service, index, weight)
    service.dests.push(dest)
    dests.put(dest)
  }
  return service
}

export function pick(service: Service, without = 0, asker = NOBODY): Dest | undefined {
  return service.pick(service, without, asker)
}

/** What counts the connections of its RSs. */
export function countsOf(service: Service): Dests {
  return COUNTS.get(service) as Dests
}

export function destOf(service: Service, index: number, weight: number): Dest {
  return {
    index,
    service,
    family: 0,
    rip: index,
    rport: 80,
    hashKey: index,
    weight,
    upper: -1,
    lower: 0,
    overloaded: false,
    backup: false,
    method: METHOD.FULLNAT,
    rank: -1,
  }
}

/** As Setup does it. */
export function weigh(dest: Dest, weight: number): void {
  const regular = isRegular(dest)
  dest.weight = weight
  dest.service.candidates.weighed(dest, regular)
}

/** As Dests does it. */
export function load(dest: Dest, overloaded: boolean): void {
  dest.overloaded = overloaded
  dest.service.candidates.loaded(dest)
}

/** What the schedulers shall do, one RS after the other. */
export class Reference {
  cursor = -1
  #currentWeight = 0
  readonly #service: Service

  constructor(service: Service) {
    this.#service = service
  }

  pick(without: number): Dest | undefined {
    const { scheduler } = this.#service
    if (scheduler === 'rr') return this.#rr(without)
    return scheduler === 'wrr' ? this.#wrr(without) : this.#cheapest(without, scheduler)
  }

  /** As the books say: fewest connections, and so on; the first of those that are equal. */
  #cheapest(without: number, scheduler: string): Dest | undefined {
    let found: Dest | undefined
    for (const dest of this.#service.dests) {
      if (!this.#isOpen(dest, without)) continue
      if (found === undefined || this.#isCheaper(dest, found, scheduler)) found = dest
    }
    return found
  }

  #isCheaper(a: Dest, b: Dest, scheduler: string): boolean {
    const counts = countsOf(this.#service)
    const [activeA, activeB] = [counts.active(a.index), counts.active(b.index)]
    const [inactiveA, inactiveB] = [counts.inactive(a.index), counts.inactive(b.index)]
    const [loadA, loadB] = [activeA * 256 + inactiveA, activeB * 256 + inactiveB]
    if (scheduler === 'fo') return a.weight > b.weight
    if (scheduler === 'lc') return loadA < loadB
    if (scheduler === 'wlc') return loadA * b.weight < loadB * a.weight
    const isIdle = scheduler === 'nq' && (activeA === 0 || activeB === 0)
    if (isIdle && activeA !== activeB) return activeA === 0
    if (isIdle) return inactiveA < inactiveB
    // Delays that are equal are told apart by the others, spread over the weight.
    const delays = (activeA + 1) * b.weight - (activeB + 1) * a.weight
    return delays === 0 ? inactiveA * b.weight < inactiveB * a.weight : delays < 0
  }

  /** The list has changed. */
  startOver(): void {
    this.cursor = -1
    this.#currentWeight = 0
  }

  #isOpen(dest: Dest, without: number): boolean {
    const { dests } = this.#service
    if (dest.weight === 0 || dest.overloaded) return false
    if (dest.backup && dests.some(other => !other.backup && other.weight > 0)) return false
    return ((without >> subPoolOf(dest.rip, dest.rport)) & 1) === 0
  }

  #rr(without: number): Dest | undefined {
    const { dests } = this.#service
    for (let step = 0; step < dests.length; step++) {
      this.cursor = (this.cursor + 1) % dests.length
      const dest = dests[this.cursor]
      if (this.#isOpen(dest, without)) return dest
    }
    return undefined
  }

  #wrr(without: number): Dest | undefined {
    const { dests } = this.#service
    if (dests.length === 0) return undefined
    const from = this.cursor
    for (;;) {
      this.cursor = (this.cursor + 1) % dests.length
      if (this.cursor === 0 && !this.#startRound(without)) {
        this.cursor = from
        return undefined
      }
      const dest = dests[this.cursor]
      if (dest.weight >= this.#currentWeight && this.#isOpen(dest, without)) return dest
    }
  }

  #startRound(without: number): boolean {
    const open = this.#service.dests.filter(dest => this.#isOpen(dest, without))
    const max = Math.max(0, ...open.map(({ weight }) => weight))
    if (max === 0) return false
    this.#currentWeight -= open.map(({ weight }) => weight).reduce(gcd, 0)
    if (this.#currentWeight <= 0 || this.#currentWeight > max) this.#currentWeight = max
    return true
  }
}

export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
