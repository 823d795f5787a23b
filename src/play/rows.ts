/** What was played as rows of a ladder, each with the step behind which it is there. */

import { Ladder, type LadderRow, type NoteRow } from '../see/ladder/ladder.ts'
import type { Leg } from './fields.ts'
import type { Beside, Played } from './played.ts'
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
  const ladder = new Ladder({ clientArms: [clientArm] })
  const seen: PlayedRow[] = []
  for (const [i, { moments }] of played.steps.entries()) {
    const rows = moments.filter(one => !isFlooding(one)).flatMap(one => ladder.add(one))
    seen.push(...rows.map(row => ({ row, behind: i + 1 })))
  }
  seen.push(...ladder.end().map(row => ({ row, behind: played.steps.length })))
  const beside = played.beside.map(one => besideRow(one, seen))
  const rows = [...floodRow(played), ...seen, ...beside].sort((a, b) => a.behind - b.behind)
  return { rows: rows.slice(0, ROWS_MOST), more: Math.max(0, rows.length - ROWS_MOST) }
}

/** Among the rows of the connection that it is of, if there was one already. */
function besideRow(
  { atUs, behind, text, lost, ends }: Beside,
  seen: readonly PlayedRow[],
): PlayedRow {
  const whose = seen.findLast(
    ({ row, behind: at }) =>
      row.kind === 'conn' &&
      at <= behind &&
      (ends.includes(row.ends.client) || ends.includes(row.ends.lip)),
  )?.row
  const said = lost === null ? text : `lost ${WHERE[lost]}: ${text}`
  return { behind, row: noteOf(said, atUs, whose?.conn ?? 0, whose?.atUs ?? firstOf(seen, atUs)) }
}

function floodRow({ scenario, steps }: Played): PlayedRow[] {
  const packets = steps.filter(step => step.isFlood)
  const atUs = packets[0]?.moments[0]?.atUs
  if (atUs === undefined) return []
  const text = `a flood of ${scenario.flood} SYNs: ${packets.length} packets of it and for it came, none of which is drawn`
  return [{ behind: 0, row: noteOf(text, atUs, 0, atUs) }]
}

function firstOf(seen: readonly PlayedRow[], otherwise: number): number {
  return seen[0]?.row.atUs ?? otherwise
}

function noteOf(text: string, atUs: number, conn: number, fromUs: number): NoteRow {
  const sinceUs = Math.max(0, atUs - fromUs)
  return { kind: 'note', atUs, sinceUs, conn, event: 'beside', text, fields: {} }
}
