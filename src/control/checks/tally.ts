/**
 * How the connections of an RS began lately: failed or established, and which of the two counts. An RS is judged by its
 * failures only if they are more than what it established in the same time, or if it establishes none any more: a
 * client can make connections fail (by a SYN that RSs drop), and must not take out one that serves everybody else.
 */

/** Parts of the time that is looked back on; what is older than all of it goes a part at a time. */
const PARTS = 32
/** Silence means something if this many would have been established at the pace before; by chance it is e^-20. */
const MISSED = 20

interface Part {
  from: number
  failed: number
  done: number
}

export class Tally {
  #parts: Part[] = []
  /** Failures since the last look that found one established, and when that was. */
  #inARow = 0
  #lastDone = Number.NEGATIVE_INFINITY

  /** How many have failed and how many were established since the last call; they count for `withinMs`. */
  add(failed: number, done: number, now: number, withinMs: number): void {
    this.#parts = this.#parts.filter(({ from }) => now - from <= withinMs)
    if (done > 0) {
      this.#inARow = 0
      this.#lastDone = now
    } else this.#inARow += failed
    if (failed + done === 0) return
    const last = this.#parts.at(-1)
    if (last !== undefined && now - last.from < withinMs / PARTS) {
      last.failed += failed
      last.done += done
    } else this.#parts.push({ from: now, failed, done })
  }

  get failed(): number {
    return this.#parts.reduce((sum, { failed }) => sum + failed, 0)
  }

  get done(): number {
    return this.#parts.reduce((sum, { done }) => sum + done, 0)
  }

  /** The RS is to blame: at least `failures` failed, and they weigh more than what was established. */
  blames(failures: number, now: number, withinMs: number): boolean {
    const { failed, done } = this
    if (failed < failures) return false
    if (failed > done) return true
    return this.#inARow >= failures && done * (now - this.#lastDone) >= MISSED * withinMs
  }

  clear(): void {
    this.#parts = []
    this.#inARow = 0
  }
}
