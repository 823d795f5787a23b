/** What was played as rows of a ladder, each with the step behind which it is there. */

import { type LadderRow, ladderRows } from '../see/ladder/ladder.ts'
import type { Leg } from './fields.ts'
import type { Played } from './played.ts'
import { isFlooding } from './world.ts'

export interface PlayedRow {
  row: LadderRow
  /** It is there once so many steps have been made. */
  behind: number
}

/** Rows that are drawn; the others are counted. */
export const ROWS_MOST = 400

const WHERE: Record<Leg, string> = {
  client: 'between client and VIP, the balancer never sees it',
  vip: 'between VIP and client',
  lip: 'between LIP and RS',
  rs: 'between RS and LIP, the balancer never sees it',
}

/** => the first rows, and how many there are more; of a flood only how many packets it had */
export function rowsOf(played: Played): { rows: PlayedRow[]; more: number } {
  const [clientArm = ''] = played.arms
  const all: PlayedRow[] = []
  let behind = 0
  const moments = played.steps.flatMap(step => step.moments.filter(one => !isFlooding(one)))
  // A row's step is that in which its time lies: a step's moments all have the time of it.
  const times = played.steps.map(({ moments: [first] }) => first?.atUs ?? -1)
  const firstUs = moments[0]?.atUs ?? 0
  const flood = played.steps.filter(step => step.isFlood).length
  const lost = played.beside.map(({ atMs, behind: at, text, lost: leg }) => ({
    behind: at,
    row: noteOf(firstUs, atMs, leg === null ? text : `lost ${WHERE[leg]}: ${text}`),
  }))
  const seen = new Map<number, number>()
  for (const [index, step] of played.steps.entries())
    for (const { pair, kind } of step.moments) if (kind === 'in') seen.set(pair, index + 1)
  for (const row of ladderRows(moments, { clientArms: [clientArm] })) {
    const own = row.kind === 'packet' ? seen.get(row.pair) : undefined
    if (own !== undefined) behind = Math.max(behind, own)
    else while (behind < times.length && (times[behind - 1] ?? -1) < row.atUs) behind++
    all.push({ row, behind })
  }
  if (flood > 0) {
    const text = `a flood: ${played.scenario.flood} SYNs, of which and for which ${flood} packets came; none of them is drawn`
    lost.push({ behind: 0, row: noteOf(firstUs, 0, text) })
  }
  const rows = [...all, ...lost].sort((a, b) => a.behind - b.behind)
  return { rows: rows.slice(0, ROWS_MOST), more: Math.max(0, rows.length - ROWS_MOST) }
}

function noteOf(firstUs: number, atMs: number, text: string): LadderRow {
  const sinceUs = atMs * 1000
  return {
    kind: 'note',
    atUs: firstUs + sinceUs,
    sinceUs,
    conn: 0,
    event: 'beside',
    text,
    fields: {},
  }
}
