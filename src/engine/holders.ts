/**
 * How many connections each client address has, in memory that does not grow with them: two rows of counters, each address at a
 * place of its own in either, and the lower one is believed (a count-min sketch). So an address is never taken for one with fewer, and with
 * as many strangers at both of its places for one with some more: their share of all connections is a 4096th.
 */

const BITS = 12
const PLACES = 1 << BITS

export class Holders {
  readonly #counts = new Int32Array(2 * PLACES)
  readonly #seed: number

  /** `seed` keys the places against chosen ones. */
  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /** The address has `by` connections more. */
  add(address: number, by: number): void {
    this.#counts[this.#place(address)] += by
    this.#counts[PLACES | this.#otherPlace(address)] += by
  }

  /** At most so many has it. */
  of(address: number): number {
    const counts = this.#counts
    return Math.min(counts[this.#place(address)], counts[PLACES | this.#otherPlace(address)])
  }

  #place(address: number): number {
    const h = Math.imul(address ^ this.#seed, 0xcc9e2d51)
    return Math.imul(h ^ (h >>> 15), 0x1b873593) >>> (32 - BITS)
  }

  #otherPlace(address: number): number {
    const h = Math.imul(address + this.#seed, 0x85ebca6b)
    return Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> (32 - BITS)
  }
}
