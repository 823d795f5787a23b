/** Whose the rows of a ladder are, where connections come mixed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headed, type Numbered } from '../../src/page/headings.ts'
import type { ConnRow, LadderRow, NoteRow } from '../../src/see/ladder/ladder.ts'
import type { ConnEnds } from '../../src/see/words/ends.ts'

const endsOf = (conn: number): ConnEnds => ({
  protocol: 'TCP',
  client: `10.0.0.${conn}:4000`,
  vip: '202.108.10.1:6379',
  lip: `192.168.168.7:${1024 + conn}`,
  rs: '192.168.168.2:6379',
})
const at = { atUs: 0, sinceUs: 0 }
const begins = (conn: number): ConnRow => ({ kind: 'conn', conn, ends: endsOf(conn), ...at })
const note = (conn: number): NoteRow => ({
  ...{ kind: 'note', conn, event: 'x', text: `of ${conn}`, fields: {} },
  ...at,
})
const numbered = (rows: readonly LadderRow[], first = 0): Numbered[] =>
  rows.map((row, i) => ({ id: first + i, row }))

/** `#1`, `#1 goes on`, and the texts of rows. */
function shown(rows: readonly Numbered[], known: readonly number[]): string[] {
  const all = headed(rows, new Map(known.map(conn => [conn, endsOf(conn)])))
  assert.equal(new Set(all.map(({ key }) => key)).size, all.length)
  return all.map(one => {
    if (!one.heading) return (one.row as NoteRow).text
    const { conn, goesOn, ends } = one.heading
    assert.deepEqual(ends, known.includes(conn) ? endsOf(conn) : null)
    return `#${conn}${goesOn ? ' goes on' : ''}`
  })
}

test('a heading for each connection, and again whenever the rows are of another one', () => {
  const rows = [begins(1), note(1), begins(2), note(2), note(1), note(1), note(0), note(2)]
  assert.deepEqual(shown(numbered(rows), [1, 2]), [
    ...['#1', 'of 1', '#2', 'of 2', '#1 goes on', 'of 1', 'of 1'],
    ...['#0 goes on', 'of 0', '#2 goes on', 'of 2'],
  ])
})

test('the first row has a heading, also when its connection began before all that is shown', () => {
  assert.deepEqual(shown(numbered([note(7), note(7), note(8)], 400), [7]), [
    ...['#7 goes on', 'of 7', 'of 7'],
    ...['#8 goes on', 'of 8'],
  ])
  assert.deepEqual(shown([], []), [])
})
