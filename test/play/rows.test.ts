/** Rows of the playground's ladder: each has its step, what was lost is among them, and of a flood only that it was there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ROWS_MOST, rowsOf } from '../../src/play/rows.ts'
import { ofLink } from '../../src/play/scenario.ts'
import { play } from '../../src/play/world.ts'

const of = (link: string) => {
  const played = play(ofLink(`v=1&${link}`))
  return { played, ...rowsOf(played) }
}

test('a row is there once its packet has come, and not before', () => {
  const { played, rows, more } = of('closes=rs')
  assert.equal(more, 0)
  const packets = rows.filter(({ row }) => row.kind === 'packet')
  const steps = played.steps.flatMap(({ given }, i) => ('packet' in given ? [i + 1] : []))
  assert.deepEqual(
    packets.map(({ behind }) => behind),
    steps,
  )
  assert.equal(rows.at(-1)?.row.kind, 'note')
})

test('what was lost stands where it was, and by whose fault', () => {
  const { rows, played } = of('lost=client.2%20lip.3')
  const lost = rows.flatMap(({ row }) =>
    row.kind === 'note' && row.event === 'beside' ? [row.text] : [],
  )
  assert.match(
    lost[0] ?? '',
    /^lost between client and VIP, the balancer never sees it: .* Flags \[\.\]/,
  )
  assert.match(lost[1] ?? '', /^lost between LIP and RS: /)
  const names = played.steps.flatMap(({ came, left }) => [came, ...left])
  assert.ok(names.includes('client.1') && !names.includes('client.2') && names.includes('lip.3'))
})

test('a flood is told of, and the honest are drawn', () => {
  const { rows, played } = of('flood=100&seconds=1&connections=2')
  assert.match(
    rows[0]?.row.kind === 'note' ? rows[0].row.text : '',
    /^a flood of 100 SYNs: 200 packets/,
  )
  assert.equal(rows.filter(({ row }) => row.kind === 'conn').length, 2)
  assert.ok(played.steps.filter(step => step.isFlood).length >= 200)
  assert.ok(of('connections=40&requests=3&seconds=3').rows.length <= ROWS_MOST)
})
