/**
 * Work that clients cause, one piece in each turn of the event loop, first come first served. However many of them want
 * something at once, timers and all else of the daemon get their turn in between, so nothing waits longer than a piece takes.
 */

export class Turns {
  #waiting: (() => void)[] = []
  #next = 0

  /** `work` must not throw. */
  add(work: () => void): void {
    this.#waiting.push(work)
    // Of several immediates that wait, Node runs all in one turn: there is never more than one.
    if (this.#waiting.length - this.#next === 1) setImmediate(() => this.#run())
  }

  /** => when its turn has come */
  next(): Promise<void> {
    return new Promise(done => this.add(done))
  }

  #run(): void {
    const work = this.#waiting[this.#next++] as () => void
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    } else setImmediate(() => this.#run())
    work()
  }
}
