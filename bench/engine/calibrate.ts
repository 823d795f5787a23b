/**
 * The machine's speed in the engine's own currency, so that a run can be compared with one of another day or machine:
 * integer work on small typed arrays (cpu), and two dependent loads per step, as a lookup makes them, somewhere in 10 MiB
 * (cache: what the last level holds) or in 160 MiB (memory). Each row says which of the three it resembles.
 */

import { performance } from 'node:perf_hooks'

export type Against = 'cpu' | 'cache' | 'memory'

const SMALL = 1 << 13

/** A table in the engine's shape: four heads for a record of a cache line. */
class Table {
  readonly #heads: Int32Array
  readonly #records: Int32Array

  /** `records` is a power of two. */
  constructor(records: number) {
    const to = records - 1
    this.#heads = Int32Array.from({ length: records * 4 }, (_, i) => Math.imul(i, 0x85ebca6b) & to)
    this.#records = new Int32Array(records * 16).fill(1)
  }

  /** Steps to random records. => Nothing of meaning */
  run(steps: number, seed: number): number {
    const heads = this.#heads
    const records = this.#records
    const mask = heads.length - 1
    let x = 0x2545f491 ^ (seed & 1)
    let sum = 0
    for (let i = 0; i < steps; i++) {
      x ^= x << 13
      x ^= x >>> 17
      x ^= x << 5
      const at = heads[x & mask] << 4
      sum = (sum + records[at]) | 0
      records[at + 11] = sum
    }
    return sum
  }
}

export class Calibration {
  readonly #small = Int32Array.from({ length: SMALL }, (_, i) => Math.imul(i, 0x9e3779b1))
  readonly #view = new DataView(this.#small.buffer)
  readonly #near = new Table(1 << 17)
  readonly #far = new Table(1 << 21)
  /** ns per step, the best so far. */
  readonly best: Record<Against, number> = {
    cpu: Number.POSITIVE_INFINITY,
    cache: Number.POSITIVE_INFINITY,
    memory: Number.POSITIVE_INFINITY,
  }
  #sink = 0

  /** Some milliseconds of each. */
  run(): void {
    this.#time('cpu', 1 << 19, steps => this.#cpu(steps))
    this.#time('cache', 1 << 18, steps => this.#near.run(steps, this.#sink))
    this.#time('memory', 1 << 17, steps => this.#far.run(steps, this.#sink))
  }

  #time(what: Against, steps: number, work: (steps: number) => number): void {
    const from = performance.now()
    this.#sink ^= work(steps)
    this.best[what] = Math.min(this.best[what], ((performance.now() - from) * 1e6) / steps)
  }

  #cpu(steps: number): number {
    const small = this.#small
    const view = this.#view
    let h = 1
    for (let i = 0; i < steps; i++) {
      const at = (i & (SMALL - 1)) << 2
      h = Math.imul(h ^ view.getInt32(at), 0xcc9e2d51)
      h ^= h >>> 15
      small[h & (SMALL - 1)] = (h >>> 16) + (h & 0xffff) + small[i & (SMALL - 1)]
      if ((h & 0xff) === 0) view.setUint16(at, h)
    }
    return h
  }
}
