/** Several who want to know of ended connections, and one reader of the rings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import type { Entry } from '../../../src/control/log/format.ts'
import type { Log } from '../../../src/control/log/log.ts'
import { type SessionConsumer, SessionDrain } from '../../../src/control/sessions/drain.ts'
import { newSessionRing, sessionRing } from '../../../src/control/threads/session-ring.ts'
import { ConnTable } from '../../../src/engine/conn.ts'
import { FlowStats } from '../../../src/engine/flow-stats.ts'
import { End } from '../../../src/engine/session-end.ts'

/** A ring and what writes into it: connections with nothing in them but how they ended. */
function worker() {
  const memory = newSessionRing()
  const ring = sessionRing(memory)
  const cells = new Int32Array(16)
  const table = new ConnTable(new ArrayBuffer(ConnTable.bytesFor(16)), 0, 16, 1)
  const flows = new FlowStats(new ArrayBuffer(FlowStats.bytesFor(1)), 0, 1)
  const write = (count: number) => {
    for (let i = 0; i < count; i++) ring.write(table, flows, cells, 0, 1, End.RESET, 0, 0)
  }
  return { memory, ring, write }
}

class Counting implements SessionConsumer {
  behind = false
  readonly taken = new Map<number, number>()
  missing = 0
  closed = 0

  take(_: unknown, worker: number): void {
    this.taken.set(worker, (this.taken.get(worker) ?? 0) + 1)
  }

  lost(records: number): void {
    this.missing += records
  }

  close(): void {
    this.closed++
  }
}

function drainOf(memories: SharedArrayBuffer[], consumers: SessionConsumer[]) {
  const said: Entry[] = []
  const log = { put: (entry: Entry) => said.push(entry) } as unknown as Log
  return { drain: new SessionDrain(memories, consumers, log), said }
}

test('all are told of all, at the latest when it stops', () => {
  const workers = [worker(), worker()]
  const consumers = [new Counting(), new Counting()]
  const { drain, said } = drainOf(
    workers.map(({ memory }) => memory),
    consumers,
  )
  workers[0]?.write(3)
  workers[1]?.write(5000)
  drain.catchUp()
  for (const { taken } of consumers)
    assert.deepEqual(
      [...taken],
      [
        [1, 3],
        [2, 2000],
      ],
    )
  workers[0]?.write(1)
  drain.stop()
  for (const { taken, missing, closed } of consumers) {
    assert.deepEqual(
      [...taken],
      [
        [1, 4],
        [2, 5000],
      ],
    )
    assert.deepEqual([missing, closed], [0, 1])
  }
  assert.deepEqual(said, [])
})

test('who alone is behind goes without, and it is said', async () => {
  const { memory, write } = worker()
  const [quick, slow] = [new Counting(), new Counting()]
  slow.behind = true
  const { drain, said } = drainOf([memory], [quick, slow])
  write(10)
  drain.start()
  assert.deepEqual([...quick.taken], [[1, 10]])
  slow.behind = false
  write(5)
  await until('the rest', { limitMs: 5000 }, () => slow.taken.get(1) === 5 || undefined)
  drain.stop()
  assert.deepEqual(
    said.map(({ text, worker }) => [text, worker]),
    [['SESSION: 10 records lost', 1]],
  )
  assert.equal(slow.missing, 0, 'they were in the ring')
})

test('while all are behind the ring fills; what it has no room for is lost to all', () => {
  const { memory, ring, write } = worker()
  const one = new Counting()
  one.behind = true
  const { drain, said } = drainOf([memory], [one])
  write(20_000)
  drain.catchUp()
  assert.equal(one.taken.size, 0)
  drain.stop()
  assert.deepEqual([...one.taken], [[1, 16_384]])
  assert.deepEqual([one.missing, ring.lost], [3616, 3616])
  assert.deepEqual(
    said.map(({ text }) => text),
    ['SESSION: 3616 records lost'],
  )
})
