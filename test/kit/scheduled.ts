/** A service without an engine, for schedulers; and the schedulers as they were before there were trees. */

import { Candidates, isRegular } from '../../src/engine/candidates.ts'
import { subPoolOf } from '../../src/engine/sa-pool.ts'
import { SCHEDULERS, type SchedulerName } from '../../src/engine/schedule.ts'
import type { Dest, Service } from '../../src/engine/service.ts'

export function scheduled(scheduler: SchedulerName, weights: readonly number[]): Service {
  const dests: Dest[] = []
  const made: Service = {
    protocol: 6,
    family: 0,
    vip: 1,
    vport: 80,
    pick: SCHEDULERS[scheduler].pick,
    dests,
    candidates: new Candidates(dests),
    lips: [],
    lipArms: 0,
    establishedMs: 0,
    persistenceMs: 0,
    clientMask: -1,
    clientPrefix: 32,
    cursor: -1,
    currentWeight: 0,
    lipCursors: [-1],
    reject: false,
    onePacket: false,
    onlyArm: -1,
  }
  for (const [index, weight] of weights.entries()) dests.push(destOf(made, index, weight))
  return made
}

export function destOf(service: Service, index: number, weight: number): Dest {
  return {
    index,
    service,
    family: 0,
    rip: index,
    rport: 80,
    weight,
    upper: -1,
    lower: 0,
    overloaded: false,
    backup: false,
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
    return this.#service.pick === SCHEDULERS.rr.pick ? this.#rr(without) : this.#wrr(without)
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
