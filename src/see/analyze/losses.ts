/**
 * What is on one side only, after everything that can be matched is. Payload is compared byte by byte of the stream, and not
 * segment by segment: one frame of 64 KiB on a side with offloads is forty-five segments on the other, and nothing is lost.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Clocks } from './clock.ts'
import { couples, type ToExit, unmatched } from './matching.ts'
import type { Packets } from './packets.ts'
import { lowerBound } from './sorted.ts'
import type { Way } from './ways.ts'

export interface Differences {
  /** Rows of the entry that never left. */
  lost: Lost[]
  /** Rows of the exit that never came. */
  added: Added[]
  /** Rows of the exit that left a second time. */
  duplicated: number[]
  /**
   * Segments that were there and were not captured: of the exit, what the receiver acknowledges though it never came; of the
   * entry, payload that left, because no balancer invents any.
   */
  missed: { entry: number; exit: number }
  /** Rows outside the time of the other capture, or at its very ends: nothing can be said of them. */
  outside: { entry: number; exit: number }
  /** Rows that left as several, and that left together with others. */
  split: number
  joined: number
  /** Rows that were overtaken on the way. */
  reordered: number
}

export interface Lost {
  row: number
  /** Payload bytes that never left; fewer than the row's if the rest of it did. */
  bytes: number
}

export interface Added {
  row: number
  kind: 'reset' | 'handshake' | 'ack'
}

/**
 * `slackNs`: how much earlier than its cause something may seem to happen. `back` is the other direction. Without a clock nothing
 * is known to be within the time of both captures.
 */
export function differences(way: Way, back: Way, clocks: Clocks, slackNs: number): Differences {
  const toExit: ToExit = (of, ns) => clocks.toExit(of, ns)
  const found: Differences = {
    lost: [],
    added: [],
    duplicated: [...way.duplicated],
    missed: { entry: 0, exit: 0 },
    outside: { entry: 0, exit: 0 },
    split: 0,
    joined: 0,
    reordered: 0,
  }
  const left = unmatched(way)
  const { entry, exit } = way
  const missing =
    left.is.length + left.js.length === 0 ? undefined : sweep(way, left, toExit, slackNs, found)
  for (const i of left.is) {
    const bytes = missing?.entry.get(i) ?? 0
    if (entry.payload[i] > 0 && bytes === 0) continue
    const at = toExit(way, entry.at[i])
    if (!clocks.isKnown || at > exit.lastNs - slackNs || at < slackNs) found.outside.entry++
    else found.lost.push({ row: i, bytes })
  }
  if (found.lost.length > 0) {
    const acknowledged = new Acknowledged(way, back)
    const lost = found.lost.filter(({ row }) => !acknowledged.has(row))
    found.missed.exit = found.lost.length - lost.length
    found.lost = lost
  }
  const extra = left.js.filter(j => exit.payload[j] === 0 || (missing?.exit.get(j) ?? 0) > 0)
  const [from, to] = [toExit(way, 0), toExit(way, entry.lastNs)]
  for (const j of extra) {
    if (!clocks.isKnown || exit.at[j] < from + slackNs || exit.at[j] > to - slackNs)
      found.outside.exit++
    else if (exit.payload[j] > 0) found.missed.entry++
    else found.added.push({ row: j, kind: kindOf(exit, j) })
  }
  found.reordered = overtaken(way)
  return found
}

function kindOf({ flags }: Packets, j: number): Added['kind'] {
  if (flags[j] & FLAG.RST) return 'reset'
  return flags[j] & FLAG.SYN ? 'handshake' : 'ack'
}

/** What the receiver says it has, though no copy of it was seen to leave. */
class Acknowledged {
  readonly #way: Way
  readonly #base: number
  /** Where the stream that left has pieces, not overlapping, in order. */
  readonly #from: number[] = []
  readonly #to: number[] = []
  #upTo = Number.NEGATIVE_INFINITY

  constructor(way: Way, back: Way) {
    const { entry, exit, seqDelta } = way
    this.#way = way
    this.#base = entry.seq[way.entryRows[0]]
    for (const row of back.entryRows) {
      if ((exit.flags[row] & (FLAG.ACK | FLAG.RST)) !== FLAG.ACK) continue
      this.#upTo = Math.max(this.#upTo, (exit.ack[row] - seqDelta - this.#base) | 0)
    }
    const pieces = way.exitRows.map(row => this.#piece(exit, row, seqDelta))
    for (const { from, to } of pieces.sort((a, b) => a.from - b.from)) {
      const last = this.#to.length - 1
      if (last >= 0 && from <= this.#to[last]) this.#to[last] = Math.max(this.#to[last], to)
      else if (to > from) {
        this.#from.push(from)
        this.#to.push(to)
      }
    }
  }

  has(row: number): boolean {
    const { from, to } = this.#piece(this.#way.entry, row, 0)
    if (to === from || to > this.#upTo) return false
    const next = lowerBound(this.#to, from + 1)
    return next === this.#from.length || this.#from[next] >= to
  }

  /** Sequence numbers that a row takes. */
  #piece(packets: Packets, row: number, delta: number): Piece {
    const from = (packets.seq[row] - delta - this.#base) | 0
    const flags = packets.flags[row]
    const more = (flags & FLAG.SYN ? 1 : 0) + (flags & FLAG.FIN ? 1 : 0)
    return { from, to: from + packets.payload[row] + more }
  }
}

interface Piece {
  from: number
  to: number
}

/**
 * Goes along the stream and looks at each piece of it: how many copies came, how many left. => bytes of each row that have no
 * partner. Rows that have one become matched with it.
 */
function sweep(
  way: Way,
  { is, js }: { is: readonly number[]; js: readonly number[] },
  toExit: ToExit,
  slackNs: number,
  found: Differences,
): { entry: Map<number, number>; exit: Map<number, number> } {
  const { entry, exit, seqDelta } = way
  const base = entry.seq[way.entryRows[0] ?? 0]
  const place = (packets: Packets, row: number, delta: number): Piece => {
    const syn = packets.flags[row] & FLAG.SYN ? 1 : 0
    const from = (packets.seq[row] + syn - delta - base) | 0
    return { from, to: from + packets.payload[row] }
  }
  const carries = (packets: Packets) => (row: number) => packets.payload[row] > 0
  const xs = new Line(is.filter(carries(entry)), row => place(entry, row, 0))
  const ys = new Line(js.filter(carries(exit)), row => place(exit, row, seqDelta))
  const partners = { entry: new Map<number, Set<number>>(), exit: new Map<number, Set<number>>() }
  for (let at = Math.min(xs.start, ys.start); at < Number.POSITIVE_INFINITY; ) {
    xs.moveTo(at)
    ys.moveTo(at)
    const next = Math.min(xs.nextChange(at), ys.nextChange(at))
    const bytes = next - at
    const met = couples(way, xs.here, ys.here, toExit, slackNs)
    for (const [i, j] of met) {
      partner(partners.entry, i, j)
      partner(partners.exit, j, i)
    }
    // The exception: every row here has its partner.
    if (met.length < xs.here.length)
      xs.lack(
        met.map(([i]) => i),
        bytes,
      )
    if (met.length < ys.here.length)
      ys.lack(
        met.map(([, j]) => j),
        bytes,
      )
    at = next
  }
  for (const [i, set] of partners.entry) {
    entry.match[i] = Math.min(...set)
    if (set.size > 1) found.split++
  }
  for (const [j, set] of partners.exit) {
    exit.match[j] = Math.min(...set)
    if (set.size > 1) found.joined += set.size
  }
  return { entry: xs.missing, exit: ys.missing }
}

function partner(of: Map<number, Set<number>>, row: number, other: number): void {
  const set = of.get(row)
  if (set) set.add(other)
  else of.set(row, new Set([other]))
}

/** The rows of one side along the stream. */
class Line {
  /** Rows at the current place, in the order of time. */
  here: number[] = []
  /** Bytes of rows without a partner. */
  readonly missing = new Map<number, number>()
  readonly #rows: number[]
  readonly #pieces = new Map<number, Piece>()
  #next = 0

  constructor(rows: number[], place: (row: number) => Piece) {
    for (const row of rows) this.#pieces.set(row, place(row))
    this.#rows = rows.toSorted((a, b) => this.#piece(a).from - this.#piece(b).from || a - b)
  }

  get start(): number {
    return this.#rows.length === 0 ? Number.POSITIVE_INFINITY : this.#piece(this.#rows[0]).from
  }

  moveTo(at: number): void {
    const before = this.here.length
    this.here = this.here.filter(row => this.#piece(row).to > at)
    const kept = this.here.length
    while (this.#next < this.#rows.length && this.#piece(this.#rows[this.#next]).from <= at)
      this.here.push(this.#rows[this.#next++])
    if (kept > 0 && before > 0) this.here.sort((a, b) => a - b)
  }

  /** Where a row begins or ends next. */
  nextChange(at: number): number {
    let next =
      this.#next < this.#rows.length
        ? this.#piece(this.#rows[this.#next]).from
        : Number.POSITIVE_INFINITY
    for (const row of this.here) next = Math.min(next, this.#piece(row).to)
    return Math.max(next, at + 1)
  }

  /** Of the rows here, all but `found` lack `bytes`. */
  lack(found: readonly number[], bytes: number): void {
    for (const row of this.here)
      if (!found.includes(row)) this.missing.set(row, (this.missing.get(row) ?? 0) + bytes)
  }

  #piece(row: number): Piece {
    return this.#pieces.get(row) ?? { from: 0, to: 0 }
  }
}

/** Rows that left later than one that came after them. */
function overtaken({ entry, exit, entryRows }: Way): number {
  let earliest = Number.POSITIVE_INFINITY
  let count = 0
  for (let k = entryRows.length - 1; k >= 0; k--) {
    const j = entry.match[entryRows[k]]
    if (j < 0) continue
    if (exit.at[j] > earliest) count++
    else earliest = exit.at[j]
  }
  return count
}
