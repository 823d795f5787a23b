/** What was changed in the segments that are on both sides, added up for a connection. */

import { FLAG, TCP } from '../../wire/tcp.ts'
import { flagLetters } from '../frame/options-text.ts'
import { clientText } from '../frame/uoa-values.ts'
import { changesOf } from '../moments/changes.ts'
import type { Flow } from './flows.ts'
import { isMss, isTimestamp, isToa, type Packets } from './packets.ts'
import type { Way } from './ways.ts'

export interface Compared {
  /** How often each was changed, by the names of Change.what. */
  changes: Record<string, number>
  /** Segments to the RS with a TOA that the client did not send, and whom it names. */
  toa: { segments: number; names: string[] }
  /** MSS of the SYN and of the SYN+ACK, before and after. */
  mss: { syn: [number, number] | null; synAck: [number, number] | null }
  /** Timestamps of the SYN: `removed`, `kept`, `absent`; null if the SYN was not on both sides. */
  timestamps: 'removed' | 'kept' | 'absent' | null
  /** TTLs of each direction, `64 -> 63`. */
  ttl: { in: string[]; out: string[] }
  /** MACs before and after of the first segment in. */
  macs: { before: string; after: string } | null
  /** What FullNAT does not do: rows of the entry, with what was found. */
  odd: Odd[]
}

export interface Odd {
  what: 'payload' | 'flags' | 'window' | 'seq' | 'ack' | 'options'
  direction: 'in' | 'out'
  row: number
  before: string
  after: string
}

export function newCompared(): Compared {
  return {
    changes: {},
    toa: { segments: 0, names: [] },
    mss: { syn: null, synAck: null },
    timestamps: null,
    ttl: { in: [], out: [] },
    macs: null,
    odd: [],
  }
}

/** Adds the matched segments of a direction. */
export function compareWay(compared: Compared, way: Way, outer: Flow): void {
  const comparison = new Comparison(compared, way, outer)
  for (const i of way.entryRows) if (way.entry.match[i] >= 0) comparison.add(i, way.entry.match[i])
}

class Comparison {
  readonly #to: Compared
  readonly #way: Way
  readonly #client: string
  readonly #ttls = new Set<number>()

  constructor(to: Compared, way: Way, outer: Flow) {
    this.#to = to
    this.#way = way
    this.#client = outer.client
  }

  add(i: number, j: number): void {
    const { entry, exit, seqDelta, ackDelta, direction } = this.#way
    const { changes, macs } = this.#to
    if (direction === 'in' && macs === null) this.#macs(i, j)
    if (seqDelta !== 0) changes.seq = (changes.seq ?? 0) + 1
    const acks = (entry.flags[i] & FLAG.ACK) !== 0
    if (acks && ackDelta !== 0) changes.ack = (changes.ack ?? 0) + 1
    this.#ttl(entry.ttl[i], exit.ttl[j])
    this.#options(i, j)
    this.#payload(i, j)
    // Of a frame that was cut up or put together no single number need be the same.
    if (entry.payload[i] !== exit.payload[j]) return
    const seq = (exit.seq[j] - entry.seq[i]) | 0
    if (seq !== seqDelta) this.#odd('seq', i, `+${seqDelta >>> 0}`, `+${seq >>> 0}`)
    const ack = (exit.ack[j] - entry.ack[i]) | 0
    if (acks && ack !== ackDelta) this.#odd('ack', i, `+${ackDelta >>> 0}`, `+${ack >>> 0}`)
    const [before, after] = [entry.flags[i], exit.flags[j]]
    if (before !== after) this.#odd('flags', i, flagLetters(before), flagLetters(after))
    if (entry.window[i] !== exit.window[j])
      this.#odd('window', i, `${entry.window[i]}`, `${exit.window[j]}`)
  }

  #odd(what: Odd['what'], row: number, before: string, after: string): void {
    const { odd, changes } = this.#to
    odd.push({ what, direction: this.#way.direction, row, before, after })
    if (what !== 'seq' && what !== 'ack') changes[what] = (changes[what] ?? 0) + 1
  }

  #macs(i: number, j: number): void {
    const { entry, exit } = this.#way
    if (!entry.hasMacs(i) || !exit.hasMacs(j)) return
    const mac = changesOf(entry.frame(i), exit.frame(j))[0]
    if (mac?.what === 'mac') this.#to.macs = { before: mac.before, after: mac.after }
  }

  #ttl(before: number, after: number): void {
    const { changes, ttl } = this.#to
    if (before !== after) changes.ttl = (changes.ttl ?? 0) + 1
    const both = (before << 8) | after
    if (this.#ttls.has(both)) return
    this.#ttls.add(both)
    ttl[this.#way.direction].push(before === after ? `${before}` : `${before} -> ${after}`)
  }

  #payload(i: number, j: number): void {
    const { entry, exit, seqDelta } = this.#way
    // Where the two overlap in the stream: all of both, but for frames that were cut up.
    const isWhole = entry.payload[i] === exit.payload[j]
    const ahead = isWhole ? 0 : (exit.seq[j] - seqDelta - entry.seq[i]) | 0
    const [skipI, skipJ] = [Math.max(0, ahead), Math.max(0, -ahead)]
    const bytes = Math.min(entry.payloadThere(i) - skipI, exit.payloadThere(j) - skipJ)
    if (bytes <= 0) return
    const [a, b] = [entry.view(i), exit.view(j)]
    const at = firstDifference(a, entry.payloadAt(i) + skipI, b, exit.payloadAt(j) + skipJ, bytes)
    if (at >= 0) this.#odd('payload', i, `as it came up to byte ${skipI + at}`, 'something else')
  }

  #options(i: number, j: number): void {
    const { entry, exit, direction } = this.#way
    const [a, b] = [entry.tcpHeader(i) - TCP.HEADER, exit.tcpHeader(j) - TCP.HEADER]
    if (a === 0 && b === 0) return
    const isSyn = (entry.flags[i] & FLAG.SYN) !== 0
    if (isSyn) this.#syn(i, j)
    const toaAt = direction === 'in' && b > 0 ? exit.option(j, isToa) : -1
    const added = toaAt >= 0 && entry.option(i, isToa) < 0
    if (added) this.#toa(exit, j, toaAt)
    const skip = added && toaAt === exit.tcp(j) + TCP.HEADER ? 8 : 0
    const [from, to] = [entry.tcp(i) + TCP.HEADER, exit.tcp(j) + TCP.HEADER + skip]
    const there = Math.min(
      entry.ip[i] + entry.captured[i] - from,
      exit.ip[j] + exit.captured[j] - to,
    )
    const same =
      a === b - skip &&
      firstDifference(entry.view(i), from, exit.view(j), to, Math.min(a, there)) < 0
    if (same) return
    const { changes } = this.#to
    for (const { what, before, after } of changesOf(entry.frame(i), exit.frame(j))) {
      if (!OPTION_CHANGES.has(what)) continue
      changes[what] = (changes[what] ?? 0) + 1
      if (what === 'options') this.#odd('options', i, before, after)
    }
  }

  #toa(exit: Packets, j: number, at: number): void {
    const { toa, changes } = this.#to
    const view = exit.view(j)
    const named = clientText(view, at, view.getUint8(at + 1))
    toa.segments++
    changes.toa_added = (changes.toa_added ?? 0) + 1
    if (!toa.names.includes(named)) toa.names.push(named)
    if (named !== this.#client) this.#odd('options', j, `TOA ${this.#client}`, `TOA ${named}`)
  }

  #syn(i: number, j: number): void {
    const { entry, exit, direction } = this.#way
    const [a, b] = [entry.option(i, isMss), exit.option(j, isMss)]
    if (a >= 0 && b >= 0) {
      const mss = this.#to.mss
      const both: [number, number] = [entry.view(i).getUint16(a + 2), exit.view(j).getUint16(b + 2)]
      if (direction === 'in') mss.syn ??= both
      else mss.synAck ??= both
    }
    if (direction === 'out') return
    const kept = exit.option(j, isTimestamp) >= 0
    this.#to.timestamps ??= entry.option(i, isTimestamp) < 0 ? 'absent' : kept ? 'kept' : 'removed'
  }
}

/** Of these changesOf() counts the options; TOA is counted here, whatever its kind. */
const OPTION_CHANGES: ReadonlySet<string> = new Set([
  'mss',
  'sack',
  'timestamp_removed',
  'toa_voided',
  'options',
])

function firstDifference(
  a: DataView,
  from: number,
  b: DataView,
  to: number,
  bytes: number,
): number {
  let at = 0
  for (; at + 4 <= bytes; at += 4) if (a.getInt32(from + at) !== b.getInt32(to + at)) break
  for (; at < bytes; at++) if (a.getUint8(from + at) !== b.getUint8(to + at)) return at
  return -1
}
