/** Drops as bars: what was refused in each ten seconds of the last ten minutes, by reason. */

import { POINTS } from '../api/page.ts'

/** Seconds of a bar. They begin at whole multiples of it, so that a bar is what it was when time goes on. */
export const BAR_SEC = 10
/** Seconds that the axis has, always, ending now. */
export const SPAN_SEC = POINTS
/** Reasons with a colour of their own; the others share the last one. */
export const REASONS_MAX = 8
/** What the others are called together. */
export const OTHERS = 'all other reasons'

/** A point of the series: what was refused, per second, in the step that ended then. */
export interface Refused {
  at_ms: number
  drops: Readonly<Record<string, number>>
}

export interface ReasonBars {
  reason: string
  /** Frames in ten minutes. */
  frames: number
  /** Frames in each bar; null where nothing was counted yet. */
  bars: (number | null)[]
}

export interface DropBars {
  /** Seconds since 1970 at which each bar begins. */
  starts: number[]
  /** The worst first. */
  reasons: ReasonBars[]
  /** Seconds since 1970 from which on it was counted; null for nothing yet. */
  since: number | null
}

/** `points` oldest first; `nowMs` is the end of the axis. */
export function dropBars(points: readonly Refused[], nowMs: number): DropBars {
  const first = Math.floor((nowMs / 1000 - SPAN_SEC) / BAR_SEC) * BAR_SEC
  const count = Math.floor(nowMs / 1000 / BAR_SEC) - first / BAR_SEC + 1
  const starts = Array.from({ length: count }, (_, i) => first + i * BAR_SEC)
  const counted = new Array<boolean>(count).fill(false)
  const sums = new Map<string, number[]>()
  points.forEach(({ at_ms: atMs, drops }, i) => {
    const before = points[i - 1]?.at_ms ?? atMs - 1000
    // A step belongs where it ended, and one that ended with a bar to that bar.
    const bar = Math.floor(((atMs - 1) / 1000 - first) / BAR_SEC)
    if (bar < 0 || bar >= count) return
    counted[bar] = true
    for (const [reason, perSecond] of Object.entries(drops)) {
      if (perSecond <= 0) continue
      const bars = sums.get(reason) ?? new Array<number>(count).fill(0)
      sums.set(reason, bars)
      bars[bar] = (bars[bar] ?? 0) + (perSecond * (atMs - before)) / 1000
    }
  })
  const oldest = points.find(({ at_ms: atMs }) => atMs / 1000 >= first)
  const reasons = [...sums].map(([reason, bars]) => ({
    reason,
    frames: Math.round(bars.reduce((sum, frames) => sum + frames, 0)),
    bars: bars.map((frames, i) => (counted[i] ? Math.round(frames) : null)),
  }))
  reasons.sort((a, b) => b.frames - a.frames || a.reason.localeCompare(b.reason))
  return { starts, reasons, since: oldest ? oldest.at_ms / 1000 - 1 : null }
}

/** No more than can be told apart by colour: from the last place on they are one. */
export function coloured(reasons: readonly ReasonBars[]): ReasonBars[] {
  if (reasons.length <= REASONS_MAX) return [...reasons]
  const rest = reasons.slice(REASONS_MAX - 1)
  return [
    ...reasons.slice(0, REASONS_MAX - 1),
    {
      reason: OTHERS,
      frames: rest.reduce((sum, { frames }) => sum + frames, 0),
      bars: (rest[0]?.bars ?? []).map((bar, i) =>
        bar === null ? null : rest.reduce((sum, { bars }) => sum + (bars[i] ?? 0), 0),
      ),
    },
  ]
}

/** One upon the other, the first at the bottom. => the top of each, in the same order */
export function stacked(reasons: readonly ReasonBars[]): (number | null)[][] {
  let below: (number | null)[] = []
  return reasons.map(({ bars }) => {
    below = bars.map((bar, i) => (bar === null ? null : bar + (below[i] ?? 0)))
    return below
  })
}
