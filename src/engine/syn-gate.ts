/**
 * Which SYNs of a service are answered by a cookie: all, none, or all while more than so many come in a second that have no connection.
 * By itself it begins with the SYN that is one too many, and ends when there were CALM seconds, one behind the other, with less than
 * half as many. Each worker does so for itself, with its part of the number.
 */

import type { SynGate } from './rates.ts'
import type { Service } from './service.ts'

/** Of a service. */
export const SynProxyMode = { OFF: 0, ON: 1, AUTO: 2 } as const

/** Cells, doubles: one of SynProxyMode; SYNs in a second; 1 while cookies are given; */
const MODE = 0
const ABOVE = 1
const ACTIVE = 2
/** ms of the long clock at which the second began, SYNs in it so far, calm seconds so far, and ms at which a cookie was given last. */
const SINCE = 3
const COUNT = 4
const CALM = 5
const GIVEN = 6
const CELLS = 7

const SECOND_MS = 1000
const CALM_SECONDS = 10

/** What a tick, or a SYN, has changed. */
export const Turned = { NOT: 0, ON: 1, OFF: 2 } as const

/** The gate for a service that had `known`; null for one that has given no cookies and will not. */
export function gateFor(known: SynGate | null, mode: number, above: number): SynGate | null {
  if (known === null) {
    if (mode === SynProxyMode.OFF) return null
    known = new Float64Array(CELLS)
    known[SINCE] = Number.NEGATIVE_INFINITY
    known[GIVEN] = Number.NEGATIVE_INFINITY
  }
  if (known[MODE] !== mode) known[ACTIVE] = mode === SynProxyMode.ON ? 1 : 0
  known[MODE] = mode
  known[ABOVE] = above
  return known
}

export function isActive(gate: SynGate | null): boolean {
  return gate !== null && gate[ACTIVE] === 1
}

/** A cookie of the service may be under way at `ms` of the long clock, for one is good for `good` ms. */
export function mayBeGiven(gate: SynGate, ms: number, good: number): boolean {
  return gate[MODE] !== SynProxyMode.OFF || ms - gate[GIVEN] < good
}

export function given(gate: SynGate, ms: number): void {
  gate[GIVEN] = ms
}

/** SYNs of the second so far. */
export function synsOf(gate: SynGate): number {
  return gate[COUNT]
}

/** A SYN without connection, behind passTime(). => one of Turned */
export function countSyn(gate: SynGate): number {
  if (gate[MODE] !== SynProxyMode.AUTO) return Turned.NOT
  gate[COUNT]++
  if (gate[ACTIVE] === 1 || gate[COUNT] <= gate[ABOVE]) return Turned.NOT
  gate[ACTIVE] = 1
  gate[CALM] = 0
  return Turned.ON
}

/** It is `ms` of the long clock; to be told with each SYN, and several times a second. => one of Turned */
export function passTime(gate: SynGate, ms: number): number {
  const passed = ms - gate[SINCE]
  if (passed < SECOND_MS) return Turned.NOT
  const isCalm = gate[COUNT] * 2 < gate[ABOVE]
  gate[SINCE] = passed < 2 * SECOND_MS ? gate[SINCE] + SECOND_MS : ms
  gate[COUNT] = 0
  if (gate[MODE] !== SynProxyMode.AUTO || gate[ACTIVE] === 0) return Turned.NOT
  gate[CALM] = isCalm ? gate[CALM] + 1 : 0
  if (gate[CALM] < CALM_SECONDS) return Turned.NOT
  gate[ACTIVE] = 0
  return Turned.OFF
}

/** Services that have one, for the ticks. */
export class SynGates {
  readonly #services = new Set<Service>()

  put(service: Service, mode: number, above: number): void {
    service.syn = gateFor(service.syn, mode, above)
    this.restore(service)
  }

  restore(service: Service): void {
    if (service.syn !== null) this.#services.add(service)
  }

  remove(service: Service): void {
    this.#services.delete(service)
  }

  [Symbol.iterator](): Iterator<Service> {
    return this.#services.values()
  }

  get isEmpty(): boolean {
    return this.#services.size === 0
  }
}
