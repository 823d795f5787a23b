/** Seeded chance: the same seed is the same run, on every machine. */

export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** mulberry32. => A whole number 0..bound - 1 */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * bound)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** A number at which lengths and counts like to go wrong, below 65,536. */
  edge(): number {
    const near = [0, 1, 2, 4, 5, 8, 20, 60, 127, 128, 255, 256, 576, 1480, 1500, 32_768, 65_535]
    return (this.pick(near) + this.below(3) - 1) & 0xffff
  }
}
