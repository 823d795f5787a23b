/** What a file knows of the times in which it was written, and what it therefore does not know. */

import type { WhoisGap } from '../../api/commands.ts'

/** A daemon that wrote into the file. */
export interface Run {
  /** ms since 1970; of what came before, if anything, all was forgotten. */
  begunMs: number
  /** When it was last heard of. */
  seenMs: number
  /** Its connections are all there: it was stopped, or lives and is asked itself. */
  whole: boolean
  /** Records that it lost. */
  lost: number
}

/** What `runs`, in the order of time, do not know of the time from `fromMs` to `toMs`; both ends belong to it. */
export function gapsOf(runs: readonly Run[], fromMs: number, toMs: number): WhoisGap[] {
  const gaps: WhoisGap[] = []
  let knownMs: number | null = null
  for (const { begunMs, seenMs, whole, lost } of runs) {
    if (fromMs < begunMs && (knownMs === null || toMs > knownMs))
      gaps.push({ why: 'unknown', from_ms: knownMs, to_ms: begunMs, records: 0 })
    const touches = fromMs <= seenMs && toMs >= begunMs
    if (touches && !whole)
      gaps.push({ why: 'unfinished', from_ms: begunMs, to_ms: seenMs, records: 0 })
    if (touches && lost > 0)
      gaps.push({ why: 'lost', from_ms: begunMs, to_ms: seenMs, records: lost })
    knownMs = Math.max(knownMs ?? seenMs, seenMs)
  }
  if (knownMs === null || toMs > knownMs)
    gaps.push({ why: 'unknown', from_ms: knownMs, to_ms: toMs, records: 0 })
  return gaps
}
