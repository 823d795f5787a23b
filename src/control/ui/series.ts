/**
 * What was counted in each of the last seconds, so that a page that is opened or loaded again has a past. The packets know
 * nothing of it: the counters in shared memory are read.
 */

import { POINTS, type SeriesInfo, type StepInfo } from '../../api/page.ts'
import type { Readings } from '../readings/readings.ts'

export const STEP_MS = 1000

/** Of all workers since the start; none of it ever goes back. */
export interface Counted {
  /** By reason. */
  drops: Record<string, number>
  /** Connections that were opened. */
  conns: number
  /** That came in, on all arms. */
  packets: number
  bytes: number
}

/** How one counter grew. */
class Line {
  readonly #points = new Float64Array(POINTS)
  #counted = 0

  /** The counter's value now, `steps` steps after the last call; `step` is the number of the first of them. */
  grow(counted: number, step: number, steps: number): void {
    const each = (counted - this.#counted) / steps
    this.#counted = counted
    for (let i = 0; i < steps; i++) this.#points[(step + i) % POINTS] = each
  }

  /** The last `count` ones before step number `end`. */
  points(end: number, count: number): number[] {
    const at = (i: number) => this.#points[(end - count + i) % POINTS] as number
    return Array.from({ length: count }, (_, i) => at(i))
  }
}

export class Series {
  readonly #drops = new Map<string, Line>()
  readonly #conns = new Line()
  readonly #packets = new Line()
  readonly #bytes = new Line()
  #steps = 0
  #sampledMs: number | undefined
  #atMs = 0

  /**
   * To be called about every STEP_MS; `nowMs` is of a clock that never goes back, `atMs` the time of day. What was counted
   * before the first call belongs to no step.
   */
  sample({ drops, conns, packets, bytes }: Counted, nowMs: number, atMs: number): void {
    const first = this.#sampledMs === undefined
    const elapsed = nowMs - (this.#sampledMs ?? nowMs)
    // What came while the process stood still is spread over that time, but no further back than is kept.
    const steps = Math.min(POINTS, Math.max(1, Math.round(elapsed / STEP_MS)))
    const grow = (line: Line, counted: number) => line.grow(counted, this.#steps, steps)
    for (const [reason, count] of Object.entries(drops)) {
      const line = this.#drops.get(reason) ?? new Line()
      this.#drops.set(reason, line)
      grow(line, count)
    }
    grow(this.#conns, conns)
    grow(this.#packets, packets)
    grow(this.#bytes, bytes)
    this.#sampledMs = nowMs
    this.#atMs = atMs
    // The first one is overwritten.
    if (!first) this.#steps += steps
  }

  /** null as long as no step has ended. */
  last(): StepInfo | null {
    if (this.#steps === 0) return null
    const point = (line: Line) => line.points(this.#steps, 1)[0] as number
    const drops: Record<string, number> = {}
    for (const [reason, line] of this.#drops) if (point(line) > 0) drops[reason] = point(line)
    return {
      at_ms: this.#atMs,
      drops,
      conns: point(this.#conns),
      packets: point(this.#packets),
      bytes: point(this.#bytes),
    }
  }

  info(): SeriesInfo {
    const count = Math.min(POINTS, this.#steps)
    const points = (line: Line) => line.points(this.#steps, count)
    const drops: Record<string, number[]> = {}
    for (const [reason, line] of this.#drops) {
      const list = points(line)
      if (list.some(Boolean)) drops[reason] = list
    }
    return {
      step_ms: STEP_MS,
      at_ms: this.#atMs,
      drops,
      conns: points(this.#conns),
      packets: points(this.#packets),
      bytes: points(this.#bytes),
    }
  }
}

/** `arms` is how many there are. */
export function countedBy(readings: Readings, arms: number): Counted {
  const of = Array.from({ length: arms }, (_, arm) => readings.arm(arm))
  return {
    drops: readings.drops(),
    conns: readings.events().conns_opened ?? 0,
    packets: of.reduce((sum, arm) => sum + arm.rx_packets, 0),
    bytes: of.reduce((sum, arm) => sum + arm.rx_bytes, 0),
  }
}
