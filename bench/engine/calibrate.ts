/**
 * The machine's speed in the engine's own currency, so that a run can be compared with one of another day or machine:
 * integer work on small typed arrays (cpu), and two dependent loads somewhere in 128 MiB per step (memory), as
 * a lookup makes them. Each row says which of the two it resembles.
 */

import { performance } from 'node:perf_hooks'

export type Against = 'cpu' | 'memory'

const SMALL = 1 << 13
const HEADS = 1 << 22
const RECORDS = 1 << 21

export class Calibration {
  readonly #small = Int32Array.from({ length: SMALL }, (_, i) => Math.imul(i, 0x9e3779b1))
  readonly #view = new DataView(this.#small.buffer)
  readonly #heads = Int32Array.from(
    { length: HEADS },
    (_, i) => Math.imul(i, 0x85ebca6b) & (RECORDS - 1),
  )
  readonly #records = new Int32Array(RECORDS * 16).fill(1)
  /** ns per step, the best so far. */
  readonly best = { cpu: Number.POSITIVE_INFINITY, memory: Number.POSITIVE_INFINITY }
  #sink = 0

  /** Some milliseconds of each. */
  run(): void {
    this.best.cpu = Math.min(
      this.best.cpu,
      this.#time(1 << 19, steps => this.#cpu(steps)),
    )
    this.best.memory = Math.min(
      this.best.memory,
      this.#time(1 << 17, steps => this.#memory(steps)),
    )
  }

  #time(steps: number, work: (steps: number) => number): number {
    const from = performance.now()
    this.#sink ^= work(steps)
    return ((performance.now() - from) * 1e6) / steps
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

  #memory(steps: number): number {
    const heads = this.#heads
    const records = this.#records
    let x = 0x2545f491 ^ (this.#sink & 1)
    let sum = 0
    for (let i = 0; i < steps; i++) {
      x ^= x << 13
      x ^= x >>> 17
      x ^= x << 5
      const at = heads[x & (HEADS - 1)] << 4
      sum = (sum + records[at]) | 0
      records[at + 11] = sum
    }
    return sum
  }
}
