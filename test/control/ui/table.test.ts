/** The page's connection table: made when it is asked for, refreshed while somebody looks, and gone afterwards. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import { PAGE_AGE, PAGE_RECORDS, RECORD_CELLS } from '../../../src/control/threads/snapshots.ts'
import { connQuery } from '../../../src/control/ui/conns/query.ts'
import { ConnTable } from '../../../src/control/ui/conns/table.ts'
import { modelControl } from '../../kit/control.ts'

type Read = (page: Int32Array, count: number, worker: number) => Promise<void> | undefined

/** `conns` of two workers, client 10.0.0.0 on, all in state 1; `wait` comes before each page. */
function workersWith(conns: () => number, wait = async () => {}) {
  let passes = 0
  const pages = async (read: Read) => {
    passes++
    const page = new Int32Array(PAGE_RECORDS * RECORD_CELLS)
    for (let from = 0; from < conns(); from += PAGE_RECORDS) {
      const count = Math.min(PAGE_RECORDS, conns() - from)
      for (let i = 0; i < count; i++) {
        page[i * RECORD_CELLS] = 0x0a00_0000 + from + i
        page[i * RECORD_CELLS + PAGE_AGE] = from === 0 ? -1 : from
        page[i * RECORD_CELLS + 9] = 1
      }
      await wait()
      await read(page, count, from < 1000 ? 1 : 2)
    }
  }
  return { pages, passes: () => passes }
}

function tableOf(t: TestContext, workers: ReturnType<typeof workersWith>): ConnTable {
  const table = new ConnTable(modelControl().model, workers)
  t.after(() => table.stop())
  return table
}

const ask = (table: ConnTable, query = '') => table.query(connQuery(new URLSearchParams(query)))

/** On a busy machine the first copy takes longer than an answer waits for it. */
async function askWhole(table: ConnTable, query: string) {
  return until('a whole copy', { limitMs: 10_000, everyMs: 20 }, async () => {
    const answer = await ask(table, query)
    return answer.complete ? answer : undefined
  })
}

test('an answer has them all, of every worker, and ages only where they are known', async t => {
  const table = tableOf(
    t,
    workersWith(() => 5000),
  )
  const { total, matched, rows, at_ms: atMs } = await askWhole(table, 'limit=2&offset=1000')
  assert.deepEqual([total, matched], [5000, 5000])
  assert.ok(Math.abs(Date.now() - atMs) < 10_000)
  assert.deepEqual(
    rows.map(({ client, worker, state, age_sec: ageSec }) => [client, worker, state, ageSec]),
    [
      ['10.0.3.232:0', 1, 'ESTABLISHED', 768],
      ['10.0.3.233:0', 1, 'ESTABLISHED', 768],
    ],
  )
  const first = await ask(table, 'search=10.0.0.7:&limit=1000')
  assert.equal(first.matched, 1)
  assert.ok(!('age_sec' in (first.rows[0] ?? {})))
  const last = await ask(table, 'order=desc&limit=1')
  assert.deepEqual([last.rows[0]?.client, last.rows[0]?.worker], ['10.0.19.135:0', 2])
})

test('while the first copy is under way, what there is answers and says so', async t => {
  let go: () => void = () => {}
  const stuck = new Promise<void>(done => {
    go = done
  })
  let pages = 0
  const table = tableOf(
    t,
    workersWith(
      () => 6000,
      async () => {
        if (++pages > 20) await stuck
      },
    ),
  )
  const early = await ask(table, 'limit=1')
  assert.equal(early.complete, false)
  assert.ok(early.total > 0 && early.total < 6000, `${early.total}`)
  go()
  for (;;) {
    const { complete, total } = await ask(table)
    if (!complete) continue
    assert.equal(total, 6000)
    break
  }
})

test('it is refreshed while somebody looks', async t => {
  let conns = 10
  const workers = workersWith(() => conns)
  const table = tableOf(t, workers)
  assert.equal((await ask(table)).total, 10)
  conns = 300
  while ((await ask(table)).total !== 300) await new Promise(done => setTimeout(done, 20))
  assert.equal(workers.passes(), 2)
})

test('a worker that does not answer is an error in a line, and the next question tries anew', async t => {
  let broken = true
  const table = tableOf(
    t,
    workersWith(
      () => 1,
      async () => {
        if (broken) throw new Error('the packet thread did not answer within 5 s')
      },
    ),
  )
  await assert.rejects(ask(table), { message: 'the packet thread did not answer within 5 s' })
  broken = false
  assert.equal((await ask(table)).total, 1)
})
