import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POINTS } from '../../../src/api/page.ts'
import { Series } from '../../../src/control/ui/series.ts'

const counted = (conns: number, drops = 0) => ({
  drops: { no_conn: drops, ttl: 0 },
  conns,
  packets: conns * 10,
  bytes: conns * 1000,
})

test('a point per second, oldest first, of what came in it', () => {
  const series = new Series()
  series.sample(counted(100, 5), 0, 50_000)
  assert.deepEqual(series.info().conns, [], 'what was there before belongs to no second')
  assert.equal(series.last(), null)
  series.sample(counted(101, 5), 1000, 51_000)
  series.sample(counted(103, 7), 2001, 52_001)
  const { step_ms: stepMs, at_ms: atMs, drops, conns, packets, bytes } = series.info()
  assert.equal(stepMs, 1000)
  assert.equal(atMs, 52_001)
  assert.deepEqual(conns, [1, 2])
  assert.deepEqual(packets, [10, 20])
  assert.deepEqual(bytes, [1000, 2000])
  assert.deepEqual(drops, { no_conn: [0, 2] }, 'reasons of nothing are left out')
  assert.deepEqual(series.last(), {
    ...{ at_ms: 52_001, conns: 2, packets: 20, bytes: 2000 },
    drops: { no_conn: 2 },
  })
})

test('ten minutes are kept and no more', () => {
  const series = new Series()
  for (let second = 0; second <= POINTS + 50; second++)
    series.sample(counted(second * second), second * 1000, second)
  const { conns } = series.info()
  assert.equal(conns.length, POINTS)
  assert.deepEqual([conns[0], conns.at(-1)], [2 * 51 - 1, 2 * (POINTS + 50) - 1])
})

test('a pause of the process is spread over its seconds', () => {
  const series = new Series()
  series.sample(counted(0), 0, 0)
  series.sample(counted(8), 4100, 4100)
  assert.deepEqual(series.info().conns, [2, 2, 2, 2])
  series.sample(counted(8), 1e9, 1e9)
  assert.equal(series.info().conns.length, POINTS)
})
