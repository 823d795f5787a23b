/**
 * How far apart the two clocks are. What goes in leaves later than it came, and so does what goes out: with d the difference of
 * the two times of one segment (inner minus outer),
 *
 *   in   d = offset + delay  >= offset        out  d = offset - delay  <= offset
 *
 * so the offset lies between the largest d of one direction and the smallest of the other, which the fastest segments draw
 * together. A drift of the clocks bends both bounds alike and is taken out first.
 */

import type { Packets } from './packets.ts'
import type { Way } from './ways.ts'

export interface Clock {
  /** Inner clock minus outer clock at the outer capture's first packet, ns. */
  offsetNs: number
  /** The offset is right within this; null if segments of one direction only could be compared. */
  boundNs: number | null
  /** By how much the inner clock runs faster, parts per million; 0 if that cannot be told from none. */
  driftPpm: number
  /** Segments that were compared. */
  segments: number
  /** Both captures were made with one clock. */
  isOne: boolean
}

export interface Delays {
  /** The fastest segment in and the fastest out, together: what the way there and back takes at least, ns. */
  bothNs: number | null
  /** Above the fastest of the direction, or with one clock in all, ns. */
  in: Quantiles | null
  out: Quantiles | null
}

export interface Quantiles {
  count: number
  p50: number
  p90: number
  p99: number
  max: number
}

/** Time differences of one direction, by the outer capture's time. */
class Samples {
  readonly at: number[] = []
  readonly d: number[] = []

  sorted(drift: number): Float64Array {
    return Float64Array.from(this.d, (d, k) => d - drift * this.at[k]).sort()
  }
}

/** Windows in which the bounds are looked at to find a drift. */
const WINDOWS = 24
/** No clock that anybody uses is worse. */
const DRIFT_MAX = 500e-6
/** Parts of the samples that may be mistaken for one another: a copy for its retransmission. */
const OUTLIERS = 0.001

export class Clocks {
  readonly #in = new Samples()
  readonly #out = new Samples()
  readonly #isOne: boolean
  /** Of the captures' bases, ns. */
  readonly #basesNs: number
  #drift = 0
  #relativeNs = 0
  clock: Clock

  constructor(outer: Packets, inner: Packets, isOne: boolean) {
    this.#isOne = isOne
    this.#basesNs = Number(inner.baseNs - outer.baseNs)
    if (isOne) this.#relativeNs = -this.#basesNs
    this.clock = { offsetNs: 0, boundNs: isOne ? 0 : null, driftPpm: 0, segments: 0, isOne }
  }

  /** Takes in the matched segments of a way. */
  add({ direction, entry, exit, entryRows }: Way): void {
    const samples = direction === 'in' ? this.#in : this.#out
    for (const i of entryRows) {
      const j = entry.match[i]
      if (j < 0) continue
      const [outerNs, innerNs] =
        direction === 'in' ? [entry.at[i], exit.at[j]] : [exit.at[j], entry.at[i]]
      samples.at.push(outerNs)
      samples.d.push(innerNs - outerNs)
    }
  }

  /** Makes the clock from everything that was added. */
  settle(): void {
    const segments = this.#in.d.length + this.#out.d.length
    this.clock = { ...this.clock, segments }
    if (this.#isOne || segments === 0) return
    this.#drift = this.#findDrift()
    const { upper, lower } = this.#bounds(
      this.#in.sorted(this.#drift),
      this.#out.sorted(this.#drift),
    )
    this.#relativeNs =
      upper === undefined ? (lower ?? 0) : lower === undefined ? upper : (upper + lower) / 2
    this.clock = {
      ...this.clock,
      offsetNs: this.#relativeNs + this.#basesNs,
      boundNs: upper === undefined || lower === undefined ? null : Math.max(0, (upper - lower) / 2),
      driftPpm: this.#drift * 1e6,
    }
  }

  /** The captures were given in the wrong order: everything leaves before it comes. */
  get isTurned(): boolean {
    if (this.#in.d.length === 0 || this.#out.d.length === 0) return false
    const median = (sorted: Float64Array) => sorted[sorted.length >> 1]
    return median(this.#in.sorted(this.#drift)) < median(this.#out.sorted(this.#drift))
  }

  /** A time of one capture says something of the other. */
  get isKnown(): boolean {
    return this.#isOne || this.clock.segments > 0
  }

  /** ns of the exit's capture at which something of the entry's capture happened. */
  toExit(way: Way, entryNs: number): number {
    return way.direction === 'in' ? this.toInner(entryNs) : this.toOuter(entryNs)
  }

  /** ns after the inner capture's base at which something of the outer capture happened. */
  toInner(outerNs: number): number {
    return outerNs * (1 + this.#drift) + this.#relativeNs
  }

  /** ns after the outer capture's base at which something of the inner capture happened. */
  toOuter(innerNs: number): number {
    return (innerNs - this.#relativeNs) / (1 + this.#drift)
  }

  delays(): Delays {
    const [inSorted, outSorted] = [this.#in.sorted(this.#drift), this.#out.sorted(this.#drift)]
    const { upper, lower } = this.#bounds(inSorted, outSorted)
    const fromIn = this.#isOne ? this.#relativeNs : (upper ?? 0)
    const fromOut = this.#isOne ? this.#relativeNs : (lower ?? 0)
    return {
      bothNs: upper === undefined || lower === undefined ? null : upper - lower,
      in: quantiles(inSorted, d => d - fromIn, false),
      out: quantiles(outSorted, d => fromOut - d, true),
    }
  }

  #bounds(
    inSorted: Float64Array,
    outSorted: Float64Array,
  ): { upper: number | undefined; lower: number | undefined } {
    let [upper, lower] = [inSorted.at(0), outSorted.at(-1)]
    // Contradicting bounds come of a few segments that were matched wrongly: without the outermost of each.
    if (upper !== undefined && lower !== undefined && upper < lower) {
      upper = inSorted[Math.ceil((inSorted.length - 1) * OUTLIERS)]
      lower = outSorted[Math.floor((outSorted.length - 1) * (1 - OUTLIERS))]
    }
    return { upper, lower }
  }

  /** Slope of the middle between the bounds, by Theil and Sen, if no constant offset fits. */
  #findDrift(): number {
    const [most, least] = [this.#out.sorted(0).at(-1), this.#in.sorted(0).at(0)]
    if (most === undefined || least === undefined || most <= least) return 0
    const spanNs = Math.max(this.#in.at.at(-1) ?? 0, this.#out.at.at(-1) ?? 0)
    if (spanNs < 1e9) return 0
    const uppers = windows(this.#in, spanNs, Math.min)
    const lowers = windows(this.#out, spanNs, Math.max)
    const middles: [at: number, middle: number][] = []
    for (let w = 0; w < WINDOWS; w++) {
      const [upper, lower] = [uppers[w], lowers[w]]
      if (upper === undefined || lower === undefined) continue
      middles.push([((w + 0.5) * spanNs) / WINDOWS, (upper + lower) / 2])
    }
    if (middles.length < 4) return 0
    const slopes = middles.flatMap(([t, m], k) =>
      middles.slice(k + 1).map(([u, n]) => (n - m) / (u - t)),
    )
    const slope = median(slopes)
    return Math.abs(slope) <= DRIFT_MAX ? slope : 0
  }
}

function windows(
  { at, d }: Samples,
  spanNs: number,
  better: (a: number, b: number) => number,
): (number | undefined)[] {
  const found: (number | undefined)[] = Array(WINDOWS).fill(undefined)
  for (const [k, t] of at.entries()) {
    const w = Math.min(WINDOWS - 1, Math.max(0, Math.floor((t / spanNs) * WINDOWS)))
    found[w] = better(found[w] ?? d[k], d[k])
  }
  return found
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

/** Of sorted values; `isReversed` if `of` turns their order round. */
function quantiles(
  sorted: Float64Array,
  of: (d: number) => number,
  isReversed: boolean,
): Quantiles | null {
  if (sorted.length === 0) return null
  const at = (part: number) => {
    const k = Math.round((sorted.length - 1) * part)
    return Math.max(0, of(sorted[isReversed ? sorted.length - 1 - k : k]))
  }
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}
