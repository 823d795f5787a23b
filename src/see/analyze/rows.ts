/** An analysis as rows of the ladder, in the outer clock's time; of each connection, the segments of both sides. */

import { ETH } from '../../wire/ethernet.ts'
import { byConnection, type LadderRow, ladderRows } from '../ladder/ladder.ts'
import { changesOf } from '../moments/changes.ts'
import type { FrameIn, FrameOut, Moment, Said } from '../moments/moment.ts'
import type { ConnEnds } from '../words/ends.ts'
import type { Analysis, Conn } from './analyze.ts'
import type { Packets } from './packets.ts'
import type { Way } from './ways.ts'

/** Names of the two sides, as arms. */
const ARMS = { outer: 'client side', inner: 'RS side' }

export function analysisRows(analysis: Analysis): LadderRow[] {
  const rows: LadderRow[] = []
  for (const conn of analysis.conns) {
    const moments = new ConnMoments(analysis, conn).all()
    for (const row of ladderRows(moments)) rows.push({ ...row, conn: conn.id })
  }
  return byConnection(rows)
}

class ConnMoments {
  readonly #analysis: Analysis
  readonly #conn: Conn
  readonly #ends: ConnEnds
  readonly #moments: Moment[] = []
  #pair = 0

  constructor(analysis: Analysis, conn: Conn) {
    this.#analysis = analysis
    this.#conn = conn
    const { outer, inner } = conn.pair
    this.#ends = {
      protocol: 'TCP',
      client: outer.client,
      vip: outer.server,
      lip: inner.client,
      rs: inner.server,
    }
  }

  all(): Moment[] {
    for (const way of [this.#conn.ways.in, this.#conn.ways.out]) this.#way(way)
    // A frame that came at the same µs as one left stays before it.
    return this.#moments.sort((a, b) => a.atUs - b.atUs)
  }

  #way(way: Way): void {
    const { entry, exit, direction } = way
    const lost = new Map(this.#conn[direction].lost.map(({ row, bytes }) => [row, bytes]))
    const taken = new Set<number>()
    for (const i of way.entryRows) {
      const j = entry.match[i]
      const missing = lost.get(i)
      const pair = ++this.#pair
      const came = this.#frame(way, true, i)
      const verdict = this.#verdict(j, missing, direction)
      const said = this.#said(way, i, j, missing, taken)
      this.#moments.push({ kind: 'in', ...came, pair, verdict, said, states: null } as FrameIn)
      if (j < 0 || taken.has(j)) continue
      taken.add(j)
      const left = this.#frame(way, false, j)
      const known = entry.hasMacs(i) && exit.hasMacs(j)
      const changes = changesOf(entry.frame(i), exit.frame(j)).filter(
        ({ what }) => known || what !== 'mac',
      )
      const atUs = Math.max(left.atUs, came.atUs)
      this.#moments.push({
        kind: 'out',
        ...left,
        atUs,
        pair,
        changes,
        drop: null,
        own: null,
      } as FrameOut)
    }
    const again = new Set(way.duplicated)
    for (const j of way.exitRows) {
      if (exit.match[j] >= 0) continue
      const own = again.has(j) ? 'left_twice' : 'added'
      const added = this.#frame(way, false, j)
      this.#moments.push({
        kind: 'out',
        ...added,
        pair: 0,
        changes: [],
        drop: null,
        own,
      } as FrameOut)
    }
  }

  #verdict(j: number, missing: number | undefined, direction: 'in' | 'out'): FrameIn['verdict'] {
    if (j >= 0) return { sent: direction === 'in' ? ARMS.inner : ARMS.outer }
    return { drop: missing === undefined ? 'outside' : `lost_${direction}` }
  }

  #said(way: Way, i: number, j: number, missing: number | undefined, taken: Set<number>): Said[] {
    const note = (text: string) => [{ event: 'analysis', text, fields: {} }]
    if (j >= 0 && missing !== undefined) return note(`${missing} bytes of it never left`)
    if (j >= 0 && taken.has(j)) return note('left together with the one before it')
    const pieces = j >= 0 && way.entry.payload[i] > way.exit.payload[j]
    return pieces ? note('left as several segments, of which the first is drawn') : []
  }

  #frame(
    way: Way,
    isEntry: boolean,
    row: number,
  ): Omit<FrameIn, 'kind' | 'verdict' | 'said' | 'states'> {
    const isOuter = isEntry === (way.direction === 'in')
    const packets = isEntry ? way.entry : way.exit
    return {
      atUs: this.#atUs(packets.at[row], isOuter),
      worker: 0,
      pair: 0,
      conn: this.#ends,
      direction: way.direction,
      arm: isOuter ? ARMS.outer : ARMS.inner,
      length: wireLength(packets, row),
      bytes: packets.frame(row),
      gsoSize: 0,
      partial: false,
    }
  }

  #atUs(ns: number, isOuter: boolean): number {
    const { clocks, outer } = this.#analysis
    const relative = isOuter ? ns : clocks.toOuter(ns)
    return Math.round((Number(outer.baseNs) + relative) / 1000)
  }
}

function wireLength(packets: Packets, row: number): number {
  return ETH.HEADER + packets.payloadAt(row) - packets.ip[row] + packets.payload[row]
}
