import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLevels } from '../../../src/control/log/levels.ts'
import { heldText, LogLimit } from '../../../src/control/log/limit.ts'

test('debug lines share a limit, other kinds have one each', () => {
  let now = 5000
  const limit = new LogLimit({ debug: 3, kind: 2 }, () => now)
  const admitted = (debug: boolean, kind: string, times: number) =>
    Array.from({ length: times }, () => limit.admits(debug, kind)).filter(yes => yes).length
  assert.equal(admitted(true, 'lookup', 2), 2)
  assert.equal(admitted(true, 'state', 5), 1)
  assert.equal(admitted(false, 'neigh_failed', 5), 2)
  assert.equal(admitted(false, 'neigh_moved', 1), 1)
  assert.deepEqual(
    [...limit.takeHeld()],
    [
      ['state', 4],
      ['neigh_failed', 3],
    ],
  )
  assert.deepEqual([...limit.takeHeld()], [])
  now += 999
  assert.equal(admitted(true, 'lookup', 1), 0)
  now += 1
  assert.equal(admitted(true, 'lookup', 5), 3)
})

test('0 is no limit', () => {
  const limit = new LogLimit({ debug: 0, kind: 0 }, () => 1)
  for (let i = 0; i < 10_000; i++) assert.ok(limit.admits(i % 2 === 0, 'x'))
  assert.equal(limit.takeHeld().size, 0)
})

test('the account begins with what there is most of', () => {
  assert.equal(
    heldText(
      new Map([
        ['state', 20],
        ['lookup', 100],
      ]),
    ),
    '120 lines held back: 100 lookup, 20 state',
  )
  assert.equal(heldText(new Map([['state', 1]])), '1 line held back: 1 state')
})

test('levels: of all, of a module, and what the packet threads have to write', () => {
  const levels = new LogLevels('info', { sa_pool: 'debug', arm: 'error' })
  assert.ok(levels.tracing)
  assert.ok(levels.wants('debug', 'sa_pool'))
  assert.ok(!levels.wants('debug', 'conn'))
  assert.ok(levels.wants('info', 'conn'))
  assert.ok(!levels.wants('warn', 'arm'))
  levels.set('warn', 'sa_pool')
  assert.ok(!levels.tracing)
  assert.deepEqual(levels.own, { sa_pool: 'warn', arm: 'error' })
  levels.set('debug', 'daemon')
  assert.ok(!levels.tracing, 'no packet says anything of the daemon')
  levels.set('debug')
  assert.ok(levels.tracing)
  assert.deepEqual(levels.own, {})
  assert.ok(levels.wants('debug', 'arm'))
})
