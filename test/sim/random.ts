/** All chance of a simulation: numbers of a seed, and numbers of a key, which stay the same whatever else is left out. */

/** A hash of four int32. => uint32 */
export function mix(a: number, b = 0, c = 0, d = 0): number {
  let h = Math.imul(a ^ 0x9e37_79b9, 0x85eb_ca6b)
  h = Math.imul((h ^ (h >>> 13) ^ b) | 0, 0xc2b2_ae35)
  h = Math.imul((h ^ (h >>> 16) ^ c) | 0, 0x27d4_eb2f)
  h = Math.imul((h ^ (h >>> 15) ^ d) | 0, 0x1656_67b1)
  h = Math.imul((h ^ (h >>> 13)) | 0, 0x85eb_ca6b)
  return (h ^ (h >>> 16)) >>> 0
}

/** A sequence of numbers that its seed decides. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** => uint32 */
  next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0
    return mix(this.#state, 0x51ed)
  }

  /** => 0 .. n-1 */
  below(n: number): number {
    return this.next() % n
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(percent: number): boolean {
    return this.below(1000) < percent * 10
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}
