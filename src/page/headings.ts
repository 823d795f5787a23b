/** Headings of the ladder on the page, where connections come mixed: whose the rows below it are, each time that changes. */

import type { LadderRow, NoteRow, PacketRow } from '../see/ladder/ladder.ts'
import type { ConnEnds } from '../see/words/ends.ts'

export interface Heading {
  /** Number of the connection; 0 for none. */
  conn: number
  /** null of no connection, and of one whose beginning is forgotten. */
  ends: ConnEnds | null
  /** Rows of it have been seen before. */
  goesOn: boolean
}

export interface Numbered {
  id: number
  row: LadderRow
}

/** A heading or a row, with a key of its own. */
export type Shown =
  | { key: string; heading: Heading }
  | { key: string; row: NoteRow | PacketRow; heading?: undefined }

/** `ends` are those of the connections that began, whether their first rows are still among `rows` or not. */
export function headed(rows: readonly Numbered[], ends: ReadonlyMap<number, ConnEnds>): Shown[] {
  const shown: Shown[] = []
  let last: number | undefined
  for (const { id, row } of rows) {
    const begins = row.kind === 'conn'
    if (begins || row.conn !== last)
      shown.push({
        key: `of ${id}`,
        heading: { conn: row.conn, ends: ends.get(row.conn) ?? null, goesOn: !begins },
      })
    last = row.conn
    if (!begins) shown.push({ key: String(id), row })
  }
  return shown
}
