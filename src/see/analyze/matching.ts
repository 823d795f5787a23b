/**
 * Which row of one side is which row of the other. Rows are sorted by what does not change on the way, and equal runs are
 * matched: first by everything down to the IP ID, then by less and less. What has the same key more often on one side than on
 * the other is decided by time, so that must wait until the clocks are known.
 */

import { FLAG } from '../../wire/tcp.ts'
import { findDuplicates } from './duplicates.ts'
import { lowerBound } from './sorted.ts'
import type { Column, Way } from './ways.ts'

/** => the time by the exit's clock at which something of the entry's clock happened, both in ns after their bases */
export type ToExit = (way: Way, entryNs: number) => number

const OPENS_OR_ENDS = FLAG.SYN | FLAG.FIN | FLAG.RST
/** ECE and CWR may be changed by any router on the way. */
const FLAGS = 0x3f

/** Everything that is equal and unambiguous, and what left twice. */
export function matchEqual(way: Way): void {
  findDuplicates(way, keyColumns(way, true))
  for (const withId of [true, false]) {
    const columns = keyColumns(way, withId)
    runs(unmatched(way), columns, (is, js) => {
      if (is.length === js.length) for (const [k, i] of is.entries()) marry(way, i, js[k])
    })
  }
}

/** What is left, with the time to decide. `slackNs`: how much earlier than its cause something may seem to happen. */
export function matchByTime(way: Way, toExit: ToExit, slackNs: number): void {
  const assign = (is: number[], js: number[]) => assignByTime(way, is, js, toExit, slackNs)
  for (const withId of [true, false]) runs(unmatched(way), keyColumns(way, withId), assign)
  const { seq, payload, opens } = columnsOf(way)
  const changed = unmatched(way)
  const takesNumbers = (flags: number, bytes: number) => bytes > 0 || (flags & OPENS_OR_ENDS) !== 0
  changed.is = changed.is.filter(i => takesNumbers(way.entry.flags[i], way.entry.payload[i]))
  changed.js = changed.js.filter(j => takesNumbers(way.exit.flags[j], way.exit.payload[j]))
  // Flags, ack or window were changed on the way; a segment of the same numbers it is all the same.
  runs(changed, [seq, payload, opens], assign)
  matchById(way, toExit, slackNs)
}

/** The same IP ID at the same time and the same payload: whatever else was changed. */
function matchById(way: Way, toExit: ToExit, slackNs: number): void {
  const { payload, id, hash } = columnsOf(way)
  const left = unmatched(way)
  left.is = left.is.filter(i => way.entry.ipId[i] !== 0)
  left.js = left.js.filter(j => way.exit.ipId[j] !== 0)
  const limit = slackNs + 1e9
  runs(left, [id, payload, hash], (is, js) => {
    const near = is.filter(i =>
      js.some(j => Math.abs(way.exit.at[j] - toExit(way, way.entry.at[i])) < limit),
    )
    assignByTime(way, near, js, toExit, slackNs)
  })
}

/** Rows of both sides, in the order of time. */
export interface Left {
  is: number[]
  js: number[]
}

export function unmatched(way: Way): Left {
  const { entry, exit, entryRows, exitRows, duplicated, seenTwice } = way
  return {
    is: entryRows.filter(i => entry.match[i] < 0 && !seenTwice.has(i)),
    js: exitRows.filter(j => exit.match[j] < 0 && !duplicated.has(j)),
  }
}

function columnsOf(
  way: Way,
): Record<'seq' | 'ack' | 'payload' | 'flags' | 'opens' | 'id' | 'hash', Column> {
  const { entry, exit, seqDelta, ackDelta } = way
  const base = entry.seq[way.entryRows[0] ?? 0]
  const ackBase = entry.ack[way.entryRows[0] ?? 0]
  const acked = (flags: number, ack: number) => (flags & FLAG.ACK ? (ack - ackBase) | 0 : 0)
  return {
    seq: { entry: i => (entry.seq[i] - base) | 0, exit: j => (exit.seq[j] - seqDelta - base) | 0 },
    ack: {
      entry: i => acked(entry.flags[i], entry.ack[i]),
      exit: j => acked(exit.flags[j], (exit.ack[j] - ackDelta) | 0),
    },
    payload: { entry: i => entry.payload[i], exit: j => exit.payload[j] },
    flags: { entry: i => entry.flags[i] & FLAGS, exit: j => exit.flags[j] & FLAGS },
    opens: { entry: i => entry.flags[i] & OPENS_OR_ENDS, exit: j => exit.flags[j] & OPENS_OR_ENDS },
    id: { entry: i => entry.ipId[i], exit: j => exit.ipId[j] },
    hash: { entry: i => entry.hash[i], exit: j => exit.hash[j] },
  }
}

function keyColumns(way: Way, withId: boolean): Column[] {
  const { seq, payload, flags, ack, id } = columnsOf(way)
  return withId ? [seq, payload, flags, ack, id] : [seq, payload, flags, ack]
}

/** Calls `each` with the rows of either side that have equal keys, in the order of time; with none of a side, not at all. */
function runs(
  { is, js }: Left,
  columns: readonly Column[],
  each: (is: number[], js: number[]) => void,
): void {
  if (is.length === 0 || js.length === 0) return
  // Rows are numbered in the order of time, so that sorting, which is stable, keeps it within a key.
  const a = is.toSorted((p, q) => order(columns, c => c.entry(p) - c.entry(q)))
  const b = js.toSorted((p, q) => order(columns, c => c.exit(p) - c.exit(q)))
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const way = order(columns, c => c.entry(a[i]) - c.exit(b[j]))
    if (way < 0) i++
    else if (way > 0) j++
    else {
      const [fromI, fromJ] = [i, j]
      while (i < a.length && order(columns, c => c.entry(a[i]) - c.entry(a[fromI])) === 0) i++
      while (j < b.length && order(columns, c => c.exit(b[j]) - c.exit(b[fromJ])) === 0) j++
      each(a.slice(fromI, i), b.slice(fromJ, j))
    }
  }
}

function order(columns: readonly Column[], difference: (column: Column) => number): number {
  for (const column of columns) {
    const by = difference(column)
    if (by !== 0) return by
  }
  return 0
}

/**
 * Copies of one segment on both sides, in the order of time. As many as on the other side: one by one. If some got lost, each
 * that left is the latest before it that came and is still free, from the last one backwards: a copy that is sent anew comes
 * long after. If there are more than came, each that came is the first behind it.
 */
export function assignByTime(
  way: Way,
  is: readonly number[],
  js: readonly number[],
  toExit: ToExit,
  slackNs: number,
): void {
  for (const [i, j] of couples(way, is, js, toExit, slackNs)) marry(way, i, j)
}

export function couples(
  way: Way,
  is: readonly number[],
  js: readonly number[],
  toExit: ToExit,
  slackNs: number,
): [i: number, j: number][] {
  if (is.length === js.length) return is.map((i, k) => [i, js[k]])
  const arrivals = is.map(i => toExit(way, way.entry.at[i]) - slackNs)
  const found: [number, number][] = []
  if (is.length > js.length) {
    for (let k = js.length - 1, free = is.length; k >= 0 && free > 0; k--) {
      const at = Math.min(free, lowerBound(arrivals, way.exit.at[js[k]] + 1)) - 1
      if (at < 0) continue
      found.push([is[at], js[k]])
      free = at
    }
    return found
  }
  for (let k = 0, j = 0; k < is.length; k++, j++) {
    while (j < js.length && way.exit.at[js[j]] < arrivals[k]) j++
    if (j < js.length) found.push([is[k], js[j]])
  }
  return found
}

function marry({ entry, exit }: Way, i: number, j: number): void {
  entry.match[i] = j
  exit.match[j] = i
}
