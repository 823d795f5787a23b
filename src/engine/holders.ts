/**
 * How many connections each client address has in each of some groups, in memory that does not grow with them: two rows of counters, each
 * address of a group at a place of its own in either, and the lower one is believed (a count-min sketch). So an address is never taken for
 * one with fewer, and with as many strangers at both of its places for one with some more: their share of all connections is a 4096th.
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

  clear(): void {
    this.#counts.fill(0)
  }

  /** The address has `by` connections more in the group. */
  add(address: number, group: number, by: number): void {
    this.#counts[this.#place(address, group)] += by
    this.#counts[PLACES | this.#otherPlace(address, group)] += by
  }

  /** At most so many has it there. */
  of(address: number, group: number): number {
    const counts = this.#counts
    const one = counts[this.#place(address, group)]
    return Math.min(one, counts[PLACES | this.#otherPlace(address, group)])
  }

  // The group comes in behind the key, in another way in either row: what shares both places with an address is not to be computed without the seed.
  #place(address: number, group: number): number {
    let h = Math.imul(address ^ this.#seed, 0xcc9e2d51)
    h = Math.imul((h ^ (h >>> 15)) + group, 0x1b873593)
    return Math.imul(h ^ (h >>> 13), 0x85ebca6b) >>> (32 - BITS)
  }

  #otherPlace(address: number, group: number): number {
    let h = Math.imul(address + this.#seed, 0x85ebca6b)
    h = Math.imul((h ^ (h >>> 13)) + group, 0xc2b2ae35)
    return Math.imul(h ^ (h >>> 16), 0xcc9e2d51) >>> (32 - BITS)
  }
}
