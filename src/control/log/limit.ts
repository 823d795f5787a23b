/**
 * How many lines a second the log takes, and how many it did not take. Debug lines share one limit,
 * because a flood of them is one packet's story many times over; every other kind of line has the limit of its own, so
 * that a noisy one does not cover up the rest.
 */

import type { LogRate } from '../../config/log.ts'
import { counted } from '../../see/text/counted.ts'

const WINDOW_MS = 1000

/** What was held back since the last account, by kind. */
export type Held = ReadonlyMap<string, number>

export class LogLimit {
  readonly #rate: LogRate
  readonly #clock: () => number
  #windowStart = 0
  #debug = 0
  readonly #kinds = new Map<string, number>()
  #held = new Map<string, number>()

  /** `clock` gives ms that never go back. */
  constructor(rate: LogRate, clock: () => number = () => performance.now()) {
    this.#rate = rate
    this.#clock = clock
  }

  /** => whether one more line of `kind` may be written; if not it is counted. */
  admits(debug: boolean, kind: string): boolean {
    const limit = debug ? this.#rate.debug : this.#rate.kind
    if (limit === 0 || this.#count(debug, kind) <= limit) return true
    this.#held.set(kind, (this.#held.get(kind) ?? 0) + 1)
    return false
  }

  /** What was held back, once. */
  takeHeld(): Held {
    const held = this.#held
    if (held.size > 0) this.#held = new Map()
    return held
  }

  #count(debug: boolean, kind: string): number {
    const now = this.#clock()
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now
      this.#debug = 0
      this.#kinds.clear()
    }
    if (debug) return ++this.#debug
    const count = (this.#kinds.get(kind) ?? 0) + 1
    this.#kinds.set(kind, count)
    return count
  }
}

/** `120 lines held back: 100 lookup, 20 state`, the most of a kind first. */
export function heldText(held: Held): string {
  const kinds = [...held].sort(([, a], [, b]) => b - a)
  const sum = kinds.reduce((total, [, count]) => total + count, 0)
  return `${counted(sum, 'line')} held back: ${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}`
}
