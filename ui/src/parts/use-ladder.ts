/** The moments of a filter as rows of a ladder, live. */

import { useEffect, useState } from 'preact/hooks'
import { DROP_WORDS } from '../../../src/see/drops/drops.ts'
import { Ladder, type LadderRow } from '../../../src/see/ladder/ladder.ts'
import { type MomentJson, momentFromJson } from '../../../src/see/moments/moment-json.ts'
import type { ConnEnds } from '../../../src/see/words/ends.ts'
import { followStream } from '../stream.ts'
import { useAwake } from './use-visible.ts'

/** Rows that are kept and drawn; a ladder of a busy connection goes by. */
const ROWS_MAX = 400
/** So that a burst is drawn at once. */
const DRAW_MS = 150

export const REASONS: Readonly<Record<string, string>> = DROP_WORDS

export interface LadderView {
  /** Numbered in the order in which they came. */
  rows: { id: number; row: LadderRow }[]
  /** Of connections that began, by number. */
  ends: ReadonlyMap<number, ConnEnds>
  /** Rows that have gone because there were too many. */
  gone: number
  /** Moments that were not recorded because nobody could keep up. */
  lost: number
  link: 'connecting' | 'up' | 'lost' | 'refused'
}

const EMPTY: LadderView = { rows: [], ends: new Map(), gone: 0, lost: 0, link: 'connecting' }

/** `filter` in the words of `tapvs capture`; nothing is asked for if it is empty. */
export function useLadder(filter: string): LadderView {
  const [shown, setShown] = useState(EMPTY)
  const awake = useAwake()
  useEffect(() => {
    setShown(EMPTY)
    // A page behind others would take one of the few connections that a browser has to one host.
    if (filter === '' || !awake) return
    let ladder = new Ladder()
    let next = EMPTY
    let timer = 0
    const draw = () => {
      timer ||= setTimeout(() => {
        timer = 0
        setShown(next)
      }, DRAW_MS)
    }
    const add = (rows: readonly LadderRow[]) => {
      const first = next.gone + next.rows.length
      const all = [...next.rows, ...rows.map((row, i) => ({ id: first + i, row }))]
      const over = Math.max(0, all.length - ROWS_MAX)
      const kept = all.slice(over)
      // A connection may go on for longer than its first row is kept.
      const ends = new Map(next.ends)
      for (const row of rows) if (row.kind === 'conn') ends.set(row.conn, row.ends)
      if (ends.size > ROWS_MAX) {
        const named = new Set(kept.map(({ row }) => row.conn))
        for (const conn of ends.keys()) if (!named.has(conn)) ends.delete(conn)
      }
      next = { ...next, rows: kept, ends, gone: next.gone + over }
      draw()
    }
    const stop = followStream(`./ui/moments?filter=${encodeURIComponent(filter)}`, {
      on: {
        moments: (moments: MomentJson[]) =>
          add(moments.flatMap(json => ladder.add(momentFromJson(json)))),
        lost: (count: number) => {
          next = { ...next, lost: next.lost + count }
          draw()
        },
      },
      up() {
        if (next.link === 'up') return
        // What is past comes first, each time.
        ladder = new Ladder()
        next = { ...EMPTY, link: 'up' }
        draw()
      },
      down(why) {
        next = { ...next, link: why }
        draw()
      },
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [filter, awake])
  return shown
}
