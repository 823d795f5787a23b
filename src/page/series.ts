/** The last ten minutes, a point a second, for the charts. */

import { POINTS, type SeriesInfo, type StepInfo } from '../api/page.ts'

export class Series {
  #points: StepInfo[] = []

  /** Begins anew with what the daemon remembers; what it has told since stays. */
  load(info: SeriesInfo): void {
    const { length } = info.conns
    const since = this.#points.filter(point => point.at_ms > info.at_ms)
    this.#points = info.conns.map((conns, i) => ({
      at_ms: info.at_ms - (length - 1 - i) * info.step_ms,
      drops: Object.fromEntries(
        Object.entries(info.drops).map(([reason, values]) => [reason, values[i] ?? 0]),
      ),
      conns,
      packets: info.packets[i] ?? 0,
      bytes: info.bytes[i] ?? 0,
    }))
    this.#points.push(...since)
    this.#cut()
  }

  /** Points that are not newer than the last one are known already. */
  add(point: StepInfo): void {
    const last = this.#points.at(-1)
    if (last && point.at_ms <= last.at_ms) return
    this.#points.push(point)
    this.#cut()
  }

  /** The oldest first. */
  points(): readonly StepInfo[] {
    return this.#points
  }

  /** Seconds since 1970, as uPlot has them. */
  times(): number[] {
    return this.#points.map(point => point.at_ms / 1000)
  }

  of(what: 'conns' | 'packets' | 'bytes'): number[] {
    return this.#points.map(point => point[what])
  }

  #cut(): void {
    if (this.#points.length > POINTS) this.#points.splice(0, this.#points.length - POINTS)
  }
}
