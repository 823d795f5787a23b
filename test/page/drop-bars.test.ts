/** Drops as bars over ten minutes, and rates that can be read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NumbersInfo } from '../../src/api/commands.ts'
import {
  BAR_SEC,
  coloured,
  dropBars,
  OTHERS,
  REASONS_MAX,
  SPAN_SEC,
  stacked,
} from '../../src/page/drop-bars.ts'
import { meanOfLast } from '../../src/page/smooth.ts'
import { History } from '../../src/see/numbers/summary.ts'
import { NUMBERS } from '../cli/canned.ts'

const NOW_MS = 1_000_003_000
const step = (atMs: number, drops: Record<string, number> = {}) => ({ at_ms: atMs, drops })

test('the axis is ten minutes though nothing was counted, and bars begin at whole ten seconds', () => {
  const { starts, reasons, since } = dropBars([], NOW_MS)
  assert.equal(starts[0], NOW_MS / 1000 - 3 - SPAN_SEC)
  assert.equal(starts.at(-1), NOW_MS / 1000 - 3)
  assert.equal(starts.length, SPAN_SEC / BAR_SEC + 1)
  assert.ok(starts.every(start => start % BAR_SEC === 0))
  assert.deepEqual([reasons, since], [[], null])
})

test('frames are where they were refused; before the first count there is no bar, not an empty one', () => {
  const points = [
    step(999_990_000),
    // The last step of a bar belongs to it.
    step(1_000_000_000, { a: 3 }),
    step(1_000_001_000, { a: 1, b: 9 }),
    step(1_000_003_000, { a: 2 }),
  ]
  const { starts, reasons, since } = dropBars(points, NOW_MS)
  assert.equal(since, 999_989)
  const worst = reasons.map(({ reason, frames, bars }) => [reason, frames, bars.slice(-3)])
  assert.deepEqual(worst, [
    // 3 a second were counted over ten, 2 over two.
    ['a', 35, [0, 30, 5]],
    ['b', 9, [0, 0, 9]],
  ])
  assert.deepEqual(reasons[0]?.bars.slice(0, -3), Array(starts.length - 3).fill(null))
})

test('what is older than ten minutes has gone', () => {
  const points = [step(NOW_MS - 700_000, { a: 5 }), step(NOW_MS, { b: 1 })]
  assert.deepEqual(
    dropBars(points, NOW_MS).reasons.map(({ reason }) => reason),
    ['b'],
  )
})

test('reasons beyond the colours are one, and no frame of them is lost', () => {
  const drops = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`r${i + 10}`, i + 1]))
  const { reasons } = dropBars([step(NOW_MS - 1000), step(NOW_MS, drops)], NOW_MS)
  const shown = coloured(reasons)
  assert.equal(shown.length, REASONS_MAX)
  assert.equal(shown.at(-1)?.reason, OTHERS)
  assert.equal(shown.at(-1)?.frames, 1 + 2 + 3 + 4 + 5)
  assert.equal(stacked(shown).at(-1)?.at(-1), (12 * 13) / 2)
  assert.deepEqual(coloured(reasons.slice(0, 2)), reasons.slice(0, 2))
})

test('a stack has no bar where nothing was counted', () => {
  const bars = (values: (number | null)[]) => ({ reason: '', frames: 0, bars: values })
  const tops = stacked([bars([null, 1, 2]), bars([null, 5, 0])])
  assert.deepEqual(tops, [
    [null, 1, 2],
    [null, 6, 2],
  ])
})

test('means of the last seconds, of fewer if there are no more', () => {
  assert.equal(meanOfLast([100, 1, 2, 3, 4, 5]), 3)
  assert.equal(meanOfLast([4, 6]), 5)
  assert.equal(meanOfLast([]), 0)
})

const sample = (atMs: number): NumbersInfo => ({ ...NUMBERS, at_ms: atMs })

test('rates are taken over five seconds, over less at the beginning, and no further back', () => {
  const history = new History(5)
  const from = (atMs: number) => history.looks(sample(atMs)).before.at_ms
  assert.deepEqual([0, 1000, 2000, 3001, 3999, 5002, 6000, 7000].map(from), [
    ...[0, 0, 0, 0, 0, 0, 1000, 2000],
  ])
  // Without a word on it, since the sample before.
  const before = new History()
  const since = (atMs: number) => before.looks(sample(atMs)).before.at_ms
  assert.deepEqual([0, 1000, 2000, 3000].map(since), [0, 0, 1000, 2000])
})
