/** Lports as a heat map, the last ten minutes, and the health of a real server. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LportInfo, NumbersInfo } from '../../src/api/commands.ts'
import { POINTS } from '../../src/api/page.ts'
import { heatOf, lportMap } from '../../src/page/lport-map.ts'
import { rsHealth } from '../../src/page/rs-health.ts'
import { Series } from '../../src/page/series.ts'

/** One LIP, one RS: a sixteenth of the lports is of use. `perWorker` are lports in use. */
function numbers(atMs: number, perWorker: number[], size = 16_000): NumbersInfo {
  const lports = perWorker.map((used): LportInfo => ({ used, free: size - used, misses: 0 }))
  const sum = (field: keyof LportInfo) => lports.reduce((all, one) => all + one[field], 0)
  const all = { used: sum('used'), free: sum('free'), misses: sum('misses') }
  return {
    at_ms: atMs,
    services: [{ real_servers: [{ address: '192.168.168.2', port: 6379 }] }],
    addresses: [
      { address: '202.108.10.1', prefixLength: 32, arm: 'ext0' },
      {
        address: '192.168.168.7',
        prefixLength: 32,
        arm: 'int0',
        lports: all,
        lports_of_workers: lports,
      },
    ],
    workers: perWorker.map((_, i) => ({ worker: i + 1 })),
  } as unknown as NumbersInfo
}

test('a line per LIP, a cell per worker and one for all', () => {
  const [line, ...others] = lportMap(numbers(10_000, [500, 900]), numbers(0, [500, 400]))
  assert.deepEqual(others, [])
  assert.equal(line?.lip, '192.168.168.7')
  assert.equal(line?.all.used, 1400)
  assert.equal(line?.all.share, 0.7)
  assert.deepEqual(
    line?.workers.map(({ worker, share, exhaustedInSec }) => [worker, share, exhaustedInSec]),
    [
      [1, 0.5, null],
      // 50 more a second, 100 are left.
      [2, 0.9, 2],
    ],
  )
})

test('with one worker there is nothing to tell apart', () => {
  const [line] = lportMap(numbers(1000, [1000]), numbers(0, [1000]))
  assert.deepEqual(line?.workers, [])
  assert.equal(line?.all.share, 1)
  assert.equal(line?.all.room, 0)
})

test('heat grows with the share', () => {
  const heats = [0, 0.005, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 1].map(heatOf)
  assert.deepEqual(heats, [0, 0, 1, 2, 3, 4, 5, 6, 6])
})

const info = (length: number) => ({
  step_ms: 1000,
  at_ms: 1_000_000,
  drops: { tcp_no_conn: Array.from({ length }, (_, i) => (i === length - 1 ? 4 : 0)) },
  conns: Array.from({ length }, (_, i) => i),
  packets: Array<number>(length).fill(7),
  bytes: Array<number>(length).fill(9),
})
const point = (atMs: number, drops: Record<string, number> = {}) => ({
  at_ms: atMs,
  drops,
  conns: 1,
  packets: 2,
  bytes: 3,
})

test('the past of the daemon goes on with what is heard live', () => {
  const series = new Series()
  series.load(info(3))
  series.add(point(1_000_000, { tcp_no_conn: 99 }))
  series.add(point(1_002_000, { tcp_no_rs: 5 }))
  assert.deepEqual(series.times(), [998, 999, 1000, 1002])
  assert.deepEqual(series.of('conns'), [0, 1, 2, 1])
  assert.deepEqual(
    series.points().map(({ drops }) => drops),
    [{ tcp_no_conn: 0 }, { tcp_no_conn: 0 }, { tcp_no_conn: 4 }, { tcp_no_rs: 5 }],
  )
})

test('no more than ten minutes are kept', () => {
  const series = new Series()
  series.load(info(POINTS))
  series.add(point(1_001_000))
  assert.equal(series.times().length, POINTS)
  assert.equal(series.times().at(-1), 1001)
  series.load(info(0))
  assert.deepEqual(series.times(), [1001], 'what was told since stays')
})

test('the health of a real server says why it takes nothing new', () => {
  const rs = {
    weight: 1,
    inhibited: false,
    backup: false,
    upper_threshold: 0,
    active_conns: 3,
    inactive_conns: 2,
  }
  assert.equal(rsHealth(rs).word, 'takes new')
  assert.equal(rsHealth({ ...rs, backup: true }).word, 'backup')
  assert.equal(rsHealth({ ...rs, weight: 0 }).word, 'drained')
  assert.equal(rsHealth({ ...rs, weight: 0, inhibited: true }).word, 'inhibited')
  const { title, reason } = rsHealth({ ...rs, inhibited: true, reason: 'no answer in 2 s' })
  assert.equal(reason, 'no answer in 2 s')
  assert.equal(title, 'It gets no new connections: no answer in 2 s.')
  assert.equal(rsHealth({ ...rs, upper_threshold: 5 }).word, 'full')
  assert.equal(rsHealth({ ...rs, upper_threshold: 6 }).word, 'takes new')
})
