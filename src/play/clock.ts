/** The playground's time: what is due happens in its order, and nobody waits for it. */

interface Due {
  at: number
  run: () => void
}

/** More than any scenario needs. */
const DUE_MOST = 20_000

export class Clock {
  /** ms since the scenario began. */
  now = 0
  /** In the order of time; of the same time in the order in which they were asked for. */
  readonly #due: Due[] = []

  /** => what takes it back */
  after(ms: number, run: () => void): () => void {
    if (this.#due.length >= DUE_MOST) throw new RangeError('too much is due at once')
    const due = { at: this.now + ms, run }
    let place = this.#due.length
    while (place > 0 && (this.#due[place - 1] as Due).at > due.at) place--
    this.#due.splice(place, 0, due)
    return () => {
      const found = this.#due.indexOf(due)
      if (found >= 0) this.#due.splice(found, 1)
    }
  }

  /** What is due first and not behind `until`. */
  next(until: number): Due | undefined {
    const [first] = this.#due
    return first !== undefined && first.at <= until ? this.#due.shift() : undefined
  }
}
