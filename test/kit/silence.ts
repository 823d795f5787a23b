/** How long an event loop has nothing to say to anybody. */

import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'

const PERIOD_MS = 2

/**
 * Watches the event loop of this process from now on. What counts is the time that its thread was busy between two turns of
 * its timers, not what the machine did meanwhile for others: that is true on a busy machine too.
 */
export class Silence {
  #longestMs = 0
  #busy = busyMs()
  #at = performance.now()

  constructor(t: TestContext) {
    const timer = setInterval(() => this.#tick(), PERIOD_MS)
    t.after(() => clearInterval(timer))
  }

  /** Since it began, or since it was asked before. */
  longestMs(): number {
    this.#tick()
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  #tick(): void {
    const [busy, at] = [busyMs(), performance.now()]
    this.#longestMs = Math.max(this.#longestMs, Math.min(busy - this.#busy, at - this.#at))
    this.#busy = busy
    this.#at = at
  }
}

/** ms that the main thread has had a processor. */
function busyMs(): number {
  return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e6
}
