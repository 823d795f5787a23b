/**
 * What each of a row costs, and above each pair the lesser, up to the least of all: the cheapest of thousands of RSs is known, and
 * a change of one costs some steps. What is not to be had costs Infinity.
 *
 *   1 is the root, the children of i are 2i and 2i + 1, the costs lie from #size on
 */

export class LoadTree {
  /** A power of two. */
  readonly #size: number
  readonly #costs: Float64Array

  constructor(costs: readonly number[]) {
    const size = 1 << (32 - Math.clz32(Math.max(1, costs.length) - 1))
    this.#size = size
    this.#costs = new Float64Array(2 * size).fill(Number.POSITIVE_INFINITY)
    this.#costs.set(costs, size)
    for (let i = size - 1; i > 0; i--) {
      this.#costs[i] = Math.min(this.#costs[i << 1], this.#costs[(i << 1) | 1])
    }
  }

  get least(): number {
    return this.#costs[1]
  }

  set(at: number, cost: number): void {
    const costs = this.#costs
    let i = this.#size + at
    if (costs[i] === cost) return
    costs[i] = cost
    for (i >>= 1; i > 0; i >>= 1) {
      const lesser = Math.min(costs[i << 1], costs[(i << 1) | 1])
      if (costs[i] === lesser) return
      costs[i] = lesser
    }
  }

  /** The first place that costs the least. */
  first(): number {
    const costs = this.#costs
    const least = costs[1]
    let i = 1
    while (i < this.#size) {
      i <<= 1
      if (costs[i] !== least) i++
    }
    return i - this.#size
  }
}
