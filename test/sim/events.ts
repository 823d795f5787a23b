/** What is to happen, by time; of one time in the order in which it was said. A heap. */

export interface Due {
  readonly at: number
  readonly order: number
  run: () => void
}

const NOTHING = () => {}

export class Events {
  readonly #heap: Due[] = []
  #orders = 0
  /** ms of the virtual clock. */
  now = 0

  get waiting(): number {
    return this.#heap.length
  }

  /** => what cancel() takes */
  after(ms: number, run: () => void): Due {
    const due = { at: this.now + Math.max(0, Math.trunc(ms)), order: this.#orders++, run }
    const heap = this.#heap
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const up = (at - 1) >> 1
      const above = heap[up] as Due
      if (!isBefore(due, above)) break
      heap[at] = above
      at = up
    }
    heap[at] = due
    return due
  }

  cancel(due: Due | undefined): void {
    if (due !== undefined) due.run = NOTHING
  }

  /** Runs the next one if it is not behind `end`. => false if there is none */
  step(end: number): boolean {
    const [first] = this.#heap
    if (first === undefined || first.at > end) return false
    this.#pop()
    this.now = Math.max(this.now, first.at)
    first.run()
    return true
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++
      if (!isBefore(heap[child] as Due, last)) break
      heap[at] = heap[child] as Due
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
