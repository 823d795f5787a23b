/** What `tapvs replay` says. */

import type { Difference } from '../../control/replay/player.ts'
import type { WhatIf } from '../../control/replay/what-if.ts'
import { counted } from '../../see/text/counted.ts'
import { clockOf, instant, instantText } from '../../see/text/times.ts'

/** `412 KiB` */
export function sizeText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 1024)} KiB`
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

export function differenceText(difference: Difference): string {
  const { worker, us, what, recorded, replayed } = difference
  return `${what}\n  at        ${instantText(us)}, worker ${worker}\n  recorded  ${recorded}\n  replayed  ${replayed}\n`
}

export function whatIfText({ frames, groups, servers, leftOut }: WhatIf): string {
  const { older, gone, other } = leftOut
  const left = `left out: ${counted(older, 'frame')} of older connections, ${gone} of connections that are not there, ${other} others`
  const differ = groups.reduce((sum, group) => sum + group.frames, 0)
  let text = `${differ === 0 ? `all ${frames} verdicts are the same` : `${differ} of ${frames} verdicts differ`}\n${left}\n`
  for (const { frames: count, recorded, here, first } of groups) {
    text += `\n${count}  ${recorded} => ${here}\n    first, frame ${first.number} at ${instantText(first.us)}: ${first.text}\n`
  }
  if (servers.length === 0) return text
  text += '\nconnections              recorded       here\n'
  for (const { rs, recorded, here } of servers) {
    text += `${rs.padEnd(21)} ${String(recorded).padStart(11)} ${String(here).padStart(10)}\n`
  }
  return text
}

export interface Point {
  /** µs since 1970; compared with a record's time. */
  us?: number
  /** Seconds behind the first record. */
  seconds?: number
  /** Number of a frame that is still played. */
  frame?: number
}

/**
 * Where a replay stops: an ISO 8601 time, HH:MM[:SS[.mmm]] of the day on which the journal begins (both local, if they do not say
 * otherwise), +SECONDS behind its begin, or the number of a frame; undefined if it is none of these.
 */
export function pointOf(text: string, begun: string): Point | undefined {
  const plus = /^\+(\d+(?:\.\d+)?)$/.exec(text)
  if (plus) return { seconds: Number(plus[1]) }
  if (/^\d+$/.test(text)) return { frame: Number(text) }
  const told = clockOf(text, Date.parse(begun)) ?? instant(text)
  return told === null ? undefined : { us: told.us }
}

/** Whether a record at `us`, behind `frame` frames, is behind the point; `first` is the time of the first record. */
export function isBehind(point: Point, us: number, frame: number, first: number): boolean {
  if (point.frame !== undefined) return frame >= point.frame
  if (point.seconds !== undefined) return us > first + point.seconds * 1e6
  return us > (point.us ?? 0)
}
