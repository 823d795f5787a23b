/**
 * How much speaks for two flows being the two sides of one connection, in bits: a 32-bit number that is the same by chance
 * with one pair in 2^32 is 32 bits. What FullNAT leaves alone is looked at, and what other translators leave.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Flow } from './flows.ts'
import { type Overlap, overlapOf } from './overlap.ts'
import { isTimestamp } from './packets.ts'

export interface Evidence {
  bits: number
  why: string[]
  /** The one of the two whose ends are the other way round than guessed. */
  turns: Flow | null
  overlap: Overlap
}

/** Segments of each direction that are looked at, from where both sides have it; a connection tells who it is early. */
const LOOKED_AT = 16
const MS = 1e6

/** What is known of the two clocks while flows are paired: the inner's time minus the outer's, and how far off that may be. */
export interface RoughClock {
  offsetNs: number
  slackNs: number
}

/** How many flows begin with a payload; a request that all clients send says nothing. */
export type Rarity = (hash: number) => number

/**
 * `outer` is the flow between client and balancer, `inner` the one between balancer and RS. If it is not known of one who its client
 * is, both ways are tried.
 */
export function evidence(
  outer: Flow,
  inner: Flow,
  rarity: Rarity,
  clock: RoughClock | undefined,
  spanNs: number,
): Evidence {
  const asItIs = gather(outer, inner, rarity, clock, spanNs)
  // Of two guesses the better one is believed; the outer one, if neither is: services have ports that many clients use.
  const isOuterWorse = !outer.sure && outer.confidence < inner.confidence
  const unsure = inner.sure || isOuterWorse ? outer : inner
  if (unsure.sure) return asItIs
  unsure.turn()
  const turned = gather(outer, inner, rarity, clock, spanNs)
  unsure.turn()
  return turned.bits > asItIs.bits ? { ...turned, turns: unsure } : asItIs
}

function gather(
  outer: Flow,
  inner: Flow,
  rarity: Rarity,
  clock: RoughClock | undefined,
  spanNs: number,
): Evidence {
  const overlap = overlapOf(outer, inner)
  const found: Evidence = { bits: 0, why: [], turns: null, overlap }
  const both = [0, 1].map(who => ({
    outer: outer.rows[who].slice(overlap.from[who][0], overlap.from[who][0] + LOOKED_AT),
    inner: inner.rows[who].slice(overlap.from[who][1], overlap.from[who][1] + LOOKED_AT),
  }))
  const add = (bits: number, why = '') => {
    found.bits += bits
    if (why !== '') found.why.push(why)
  }
  const toa = inner.toa()
  if (toa === outer.client) add(48, 'TOA names the client')
  else if (toa !== '' && toa !== outer.toa()) add(-30)
  sequences(outer, inner, overlap, add)
  headers(outer, inner, both, add)
  payloads(outer, inner, both, rarity, add)
  rhythm(outer, inner, both, add)
  if (clock) time(outer, inner, overlap, { ...clock, spanNs }, add)
  return found
}

type Add = (bits: number, why?: string) => void

/** Of each end, the rows that are compared. */
type Looked = { outer: readonly number[]; inner: readonly number[] }[]

const WHOSE = ["the client's", "the RS's"]

function sequences(outer: Flow, inner: Flow, overlap: Overlap, add: Add): void {
  for (const who of [1, 0]) {
    const [a, b] = [outer.isn[who], inner.isn[who]]
    if (a !== undefined && b !== undefined) {
      if (a === b) add(32, `${WHOSE[who]} initial sequence number is the same`)
      continue
    }
    if (overlap.delta[who] === 0) add(32, `${WHOSE[who]} sequence numbers are the same`)
  }
}

/** Those of the rows that carry payload. */
function withData({ packets }: Flow, rows: readonly number[]): number[] {
  return rows.filter(i => packets.payload[i] > 0)
}

/** What a translator may leave as it is: IP IDs and timestamps. */
function headers(outer: Flow, inner: Flow, both: Looked, add: Add): void {
  const [p, q] = [outer.packets, inner.packets]
  let ids = 0
  let stamps = 0
  for (const rows of both) {
    const theirs = rows.inner
    const known = new Set(theirs.map(i => q.ipId[i]))
    const times = new Set(theirs.map(i => stamp(inner, i)))
    for (const i of rows.outer) {
      if (p.ipId[i] !== 0 && known.has(p.ipId[i])) ids++
      const own = stamp(outer, i)
      if (own !== '' && times.has(own)) stamps++
    }
  }
  // IDs count upwards from a start of 16 bits: the first match says much, the next ones little.
  if (ids > 0) add(Math.min(20, 9 + ids), 'IP IDs are the same')
  if (stamps > 0) add(Math.min(28, 19 + stamps), 'timestamps are the same')
}

function stamp({ packets }: Flow, i: number): string {
  const at = packets.option(i, isTimestamp)
  const view = packets.view(i)
  return at < 0 ? '' : `${view.getUint32(at + 2)} ${view.getUint32(at + 6)}`
}

function payloads(outer: Flow, inner: Flow, both: Looked, rarity: Rarity, add: Add): void {
  let bits = 0
  let same = 0
  for (const rows of both) {
    const [a, b] = [contents(outer, rows.outer), contents(inner, rows.inner)]
    const theirs = new Set(b)
    for (const hash of new Set(a)) {
      if (!theirs.has(hash)) continue
      same++
      bits += Math.max(0.5, Math.min(10, rarity(hash)))
    }
    if (a.length > 0 && b.length > 0 && !a.some(hash => theirs.has(hash))) bits -= 4
  }
  if (same > 0) add(Math.min(24, bits), 'the payloads are the same')
  else add(Math.max(-8, bits))
}

/** Hashes of the first payloads among rows of a direction; also what pairing looks flows up by. */
export function contents(flow: Flow, rows: readonly number[]): number[] {
  return withData(flow, rows.slice(0, LOOKED_AT))
    .slice(0, 8)
    .map(i => flow.packets.hash[i])
}

/** A pause between segments, and how exactly it is the same behind a balancer. */
const PAUSE_NS = 10 * MS
const PAUSE_ERROR_NS = 2 * MS

/** When segments with payload come is as good as random where they are far apart, and the same on both sides. */
function rhythm(outer: Flow, inner: Flow, both: Looked, add: Add): void {
  let same = 0
  let all = 0
  for (const looked of both) {
    const [a, b] = [moments(outer, looked.outer), moments(inner, looked.inner)]
    if (a.length < 2 || b.length < 2) continue
    // Relative to each of the first ones, because one side may lack some.
    const fits = b.slice(0, 3).map(zero => {
      const theirs = b.map(at => at - zero)
      return a.filter(at => theirs.some(other => Math.abs(at - a[0] - other) < PAUSE_ERROR_NS))
        .length
    })
    same += Math.max(...fits) - 1
    all += Math.min(a.length, b.length) - 1
  }
  if (all === 0) return
  if (same * 2 > all) add(Math.min(24, 4 * same), same > 0 ? 'the pauses are the same' : '')
  else add(-4)
}

/** Times of segments with payload that come after a pause. */
function moments(flow: Flow, looked: readonly number[]): number[] {
  const { at } = flow.packets
  const rows = withData(flow, looked)
  return rows.filter((i, k) => k === 0 || at[i] - at[rows[k - 1]] > PAUSE_NS).map(i => at[i])
}

/** A row of each flow that is the same segment, else their first rows of the same kind, a SYN if both have one. */
export function sameRows(
  outer: Flow,
  inner: Flow,
  { same }: Overlap,
): [number, number] | undefined {
  const found = same[0] ?? same[1]
  if (found) return found
  for (const who of [0, 1]) {
    const [a, b] = [outer.rows[who][0], inner.rows[who][0]]
    if (a === undefined || b === undefined) continue
    const kind = FLAG.SYN | FLAG.FIN | FLAG.RST
    if ((outer.packets.flags[a] & kind) === (inner.packets.flags[b] & kind)) return [a, b]
  }
  return undefined
}

function time(
  outer: Flow,
  inner: Flow,
  overlap: Overlap,
  clock: RoughClock & { spanNs: number },
  add: Add,
): void {
  const rows = sameRows(outer, inner, overlap)
  if (!rows) return
  const off = Math.abs(inner.packets.at[rows[1]] - outer.packets.at[rows[0]] - clock.offsetNs)
  const window = Math.max(off, clock.slackNs, MS / 10)
  // Flows are spread over the span of the capture: the narrower the window, the more bits the time is worth.
  const bits = Math.log2(Math.max(1, clock.spanNs / window))
  if (off > clock.slackNs + 3000 * MS) add(-10)
  else add(Math.min(16, bits), bits >= 4 ? 'they begin at the same time' : '')
}
