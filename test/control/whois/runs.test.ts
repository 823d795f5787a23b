import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gapsOf, type Run } from '../../../src/control/whois/runs.ts'

const run = (begunMs: number, seenMs: number, change: Partial<Run> = {}): Run => ({
  begunMs,
  seenMs,
  whole: true,
  lost: 0,
  ...change,
})

const words = (runs: Run[], fromMs: number, toMs = fromMs) =>
  gapsOf(runs, fromMs, toMs).map(gap => `${gap.why} ${gap.from_ms} ${gap.to_ms} ${gap.records}`)

test('inside of a run all is known, and before, between and behind them nothing', () => {
  const runs = [run(100, 200), run(300, 400)]
  assert.deepEqual(words(runs, 100, 200), [])
  assert.deepEqual(words(runs, 350), [])
  assert.deepEqual(words(runs, 50), ['unknown null 100 0'])
  assert.deepEqual(words(runs, 250), ['unknown 200 300 0'])
  assert.deepEqual(words(runs, 450), ['unknown 400 450 0'])
  assert.deepEqual(words(runs, 50, 450), [
    'unknown null 100 0',
    'unknown 200 300 0',
    'unknown 400 450 0',
  ])
  assert.deepEqual(words(runs, 150, 350), ['unknown 200 300 0'])
  assert.deepEqual(words([], 5, 7), ['unknown null 7 0'])
})

test('what a run that was killed, or lost something, leaves open', () => {
  const runs = [run(100, 200, { whole: false }), run(300, 400, { lost: 7 })]
  assert.deepEqual(words(runs, 150), ['unfinished 100 200 0'])
  assert.deepEqual(words(runs, 300), ['lost 300 400 7'])
  assert.deepEqual(words(runs, 250), ['unknown 200 300 0'])
})

test('runs that overlap, as of two daemons with one file', () => {
  const runs = [run(100, 500), run(200, 300)]
  assert.deepEqual(words(runs, 400), [])
  assert.deepEqual(words(runs, 100, 500), [])
})
