/**
 * Weights in a row, and above each pair of them the greater one and their greatest common divisor, up to those of all:
 * what is asked of thousands of RSs costs some steps and not a walk. A closed place has weight 0.
 *
 *   1 is the root, the children of i are 2i and 2i + 1, the weights lie from #size on
 */

export class WeightTree {
  /** A power of two. */
  readonly #size: number
  readonly #max: Int32Array
  readonly #gcd: Int32Array

  constructor(weights: readonly number[]) {
    const size = 1 << (32 - Math.clz32(Math.max(1, weights.length) - 1))
    this.#size = size
    this.#max = new Int32Array(2 * size)
    this.#gcd = new Int32Array(2 * size)
    this.#max.set(weights, size)
    this.#gcd.set(weights, size)
    for (let i = size - 1; i > 0; i--) this.#join(i)
  }

  get max(): number {
    return this.#max[1]
  }

  /** Of the weights that are not 0; 0 if all are. */
  get gcd(): number {
    return this.#gcd[1]
  }

  set(at: number, weight: number): void {
    let i = this.#size + at
    if (this.#max[i] === weight) return
    this.#max[i] = weight
    this.#gcd[i] = weight
    for (i >>= 1; i > 0; i >>= 1) if (!this.#join(i)) return
  }

  /** The first place from `from` (0 to the number of weights) on whose weight is at least `least` (1 or more), or -1. */
  next(from: number, least: number): number {
    const max = this.#max
    const size = this.#size
    if (from >= size || max[1] < least) return -1
    let i = size + from
    while (max[i] < least) {
      // On to the next subtree on the right: up as long as this one is a right child.
      while ((i & 1) === 1) i >>= 1
      if (i === 0) return -1
      i++
    }
    while (i < size) {
      i <<= 1
      if (max[i] < least) i++
    }
    return i - size
  }

  /** => whether that changed anything */
  #join(i: number): boolean {
    const left = i << 1
    const max = this.#max
    const greater = Math.max(max[left], max[left + 1])
    const divisor = gcd(this.#gcd[left], this.#gcd[left + 1])
    if (max[i] === greater && this.#gcd[i] === divisor) return false
    max[i] = greater
    this.#gcd[i] = divisor
    return true
  }
}

/** 0 divides nothing: gcd(a, 0) is a. */
export function gcd(a: number, b: number): number {
  while (b !== 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}
