/**
 * Connections that RSs with a limit have in all workers together, so that a limit holds exactly, whichever worker a connection
 * comes to. Nobody touches it for an RS without one.
 *
 * A cell of shared memory for each place, from which everybody reads and into which everybody writes with one atomic step:
 *
 *   bit 30      full: `upper` was reached, and since then there were never fewer than `lower`
 *   bits 0..29  connections
 *
 * What a worker has is in the number from when its RS gets a limit (enter) until it loses it or is taken away (leave); so workers that
 * learn of a change one after the other come to the same in the end. Life-cycle of one connection: take() ... give(). What it has put there it
 * knows by itself, so that what an exception left uncounted elsewhere can be taken out.
 */

const FULL = 1 << 30
const CONNS = FULL - 1

/** What is asked of an RS here. */
export interface Limited {
  readonly index: number
  upper: number
  lower: number
}

export class Limits {
  readonly #cells: Int32Array
  /** This worker's part of each number. */
  readonly #own: Int32Array

  static bytesFor(places: number): number {
    return places * 4
  }

  /** `memory`, bytesFor(places), is that of all workers; zeroes are nobody's connections. */
  constructor(memory: ArrayBufferLike) {
    this.#cells = new Int32Array(memory)
    this.#own = new Int32Array(this.#cells.length)
  }

  isFull(place: number): boolean {
    return (Atomics.load(this.#cells, place) & FULL) !== 0
  }

  /** Of all workers. */
  conns(place: number): number {
    return Atomics.load(this.#cells, place) & CONNS
  }

  /** Counts a connection more. => false, and nothing counted, if it is full */
  take(dest: Limited): boolean {
    const cells = this.#cells
    for (let was = Atomics.load(cells, dest.index); ; ) {
      if ((was & FULL) !== 0) return false
      if ((was & CONNS) >= dest.upper) {
        // Another worker, which has not heard yet that it may have fewer now, has taken the mark away.
        this.enter(dest, 0)
        return false
      }
      const found = Atomics.compareExchange(cells, dest.index, was, after(was, 1, dest))
      if (found === was) {
        this.#own[dest.index]++
        return true
      }
      was = found
    }
  }

  /** A connection is gone. */
  give(dest: Limited): void {
    this.enter(dest, -1)
  }

  /** So many connections of this worker count from now on; 0 if only the limits have changed. */
  enter(dest: Limited, conns: number): void {
    this.#own[dest.index] += conns
    this.#add(dest, conns)
  }

  /** None of this worker counts any more. */
  leave(dest: Limited): void {
    this.enter(dest, -this.#own[dest.index])
  }

  /** So many of another thread, which has ended, do no longer. */
  leaveFormer(dest: Limited, conns: number): void {
    this.#add(dest, -conns)
  }

  /** It was full when an image of its worker was taken, and is again unless its connections say otherwise. */
  restoreFull(dest: Limited): void {
    Atomics.or(this.#cells, dest.index, FULL)
    this.enter(dest, 0)
  }

  #add(dest: Limited, conns: number): void {
    const cells = this.#cells
    for (let was = Atomics.load(cells, dest.index); ; ) {
      const found = Atomics.compareExchange(cells, dest.index, was, after(was, conns, dest))
      if (found === was) return
      was = found
    }
  }
}

/** What a cell becomes when its connections change `by` so many. */
function after(was: number, by: number, { upper, lower }: Limited): number {
  const conns = (was & CONNS) + by
  if (conns >= upper) return conns | FULL
  return conns < (lower === 0 ? upper : lower) ? conns : conns | (was & FULL)
}
