/**
 * What translation made of a segment's TCP options: TOA put in front, a timestamp or a forged TOA overwritten with NOPs, a smaller
 * MSS, moved SACK edges. Anything else is `options`, with both lists in words.
 */

import { OPT, optionLength } from '../../wire/tcp.ts'
import {
  hexText,
  isToaOption,
  optionsText,
  sackText,
  timestampText,
} from '../frame/options-text.ts'
import { clientText } from '../frame/uoa-values.ts'
import type { Change } from './moment.ts'

/** Options at [from, end); only [from, there) was captured. */
export interface Options {
  pkt: DataView
  from: number
  end: number
  there: number
}

/** Options that were cut off are compared as far as both go. */
export function optionChanges(a: Options, b: Options): Change[] {
  const changes: Change[] = []
  let from = b.from
  const toa = toaAdded(a, b)
  if (toa > 0) {
    changes.push({ what: 'toa_added', before: '', after: clientText(b.pkt, from, toa) })
    from += toa
  }
  const rest = { ...b, from }
  const whole = a.there === a.end && b.there === b.end
  if (whole && a.end - a.from !== b.end - from) return [...changes, listChange(a, rest)]
  const bytes = Math.min(a.there - a.from, b.there - from)
  const inPlace = changesInPlace(a, rest, bytes)
  if (inPlace === undefined) changes.push(listChange(a, rest))
  else changes.push(...inPlace)
  return changes
}

/**
 * Bytes of a TOA in front that was not there before, or 0. A list that begins with one is not a longer list, unless the one before
 * began with the same.
 */
function toaAdded(a: Options, b: Options): number {
  const { pkt, from } = b
  if (b.there - from < 2) return 0
  const bytes = pkt.getUint8(from + 1)
  if (!isToaOption(pkt.getUint8(from), bytes) || b.there - from < bytes) return 0
  if (b.end - from === a.end - a.from + bytes) return bytes
  return isSame(a.pkt, a.from, pkt, from, Math.min(bytes, a.there - a.from)) ? 0 : bytes
}

/** => undefined if something changed that is none of ours. */
function changesInPlace(a: Options, b: Options, bytes: number): Change[] | undefined {
  const changes: Change[] = []
  const end = a.from + bytes
  for (let at = a.from, length = 0; at < end; at += length) {
    length = optionLength(a.pkt, at, end)
    const to = b.from + at - a.from
    if (length === 0 && isCut(a, at, end)) return changes
    // Behind an EOL or in garbage: nothing there has a name.
    if (length === 0) return isSame(a.pkt, at, b.pkt, to, end - at) ? changes : undefined
    if (isSame(a.pkt, at, b.pkt, to, length)) continue
    const change = changeOf(a.pkt, at, b.pkt, to, length)
    if (change === undefined) return undefined
    changes.push(change)
  }
  return changes
}

/** An option that goes on where nothing was captured, and still inside the header. */
function isCut(a: Options, at: number, end: number): boolean {
  if (end === a.end || a.pkt.getUint8(at) === OPT.EOL) return false
  return at + 1 === end || at + a.pkt.getUint8(at + 1) > end
}

/** What became of one whole option whose bytes differ. */
function changeOf(
  a: DataView,
  at: number,
  b: DataView,
  to: number,
  bytes: number,
): Change | undefined {
  const kind = a.getUint8(at)
  if (isNops(b, to, bytes)) {
    const after = `${bytes} NOPs`
    if (kind === OPT.TIMESTAMP && bytes === 10)
      return { what: 'timestamp_removed', before: timestampText(a, at), after }
    if (kind !== OPT.TOA) return undefined
    const before = isToaOption(kind, bytes) ? clientText(a, at, bytes) : hexText(a, at, at + bytes)
    return { what: 'toa_voided', before, after }
  }
  if (a.getUint16(at) !== b.getUint16(to)) return undefined
  if (kind === OPT.MSS && bytes === 4)
    return { what: 'mss', before: `${a.getUint16(at + 2)}`, after: `${b.getUint16(to + 2)}` }
  return kind === OPT.SACK && bytes % 8 === 2 ? sackChange(a, at, b, to, bytes) : undefined
}

/** All edges of an option move by the same. */
function sackChange(
  a: DataView,
  at: number,
  b: DataView,
  to: number,
  bytes: number,
): Change | undefined {
  const delta = (b.getInt32(to + 2) - a.getInt32(at + 2)) | 0
  for (let edge = 6; edge < bytes; edge += 4) {
    if (((b.getInt32(to + edge) - a.getInt32(at + edge)) | 0) !== delta) return undefined
  }
  return { what: 'sack', before: sackText(a, at, bytes), after: sackText(b, to, bytes), delta }
}

function listChange(a: Options, b: Options): Change {
  const text = ({ pkt, from, there, end }: Options) => optionsText(pkt, from, there, end) || 'none'
  return { what: 'options', before: text(a), after: text(b) }
}

function isNops(pkt: DataView, at: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (pkt.getUint8(at + i) !== OPT.NOP) return false
  return true
}

function isSame(a: DataView, at: number, b: DataView, to: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (a.getUint8(at + i) !== b.getUint8(to + i)) return false
  return true
}
