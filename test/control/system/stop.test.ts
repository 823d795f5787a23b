/** The wait for the last connections. That signals begin it is for test/lab/signals.test.ts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drained } from '../../../src/control/system/stop.ts'

const never = new Promise<never>(() => {})

/** `counts` are what is left at each look, the last one for ever. => what was logged, and the ms that it took */
async function drain(seconds: number, counts: number[], hurry: Promise<unknown> = never) {
  const logged: string[] = []
  const status: string[] = []
  const start = performance.now()
  await drained({
    seconds,
    left: () => (counts.length > 1 ? counts.shift() : counts[0]) as number,
    hurry,
    log: text => logged.push(text),
    status: text => status.push(text),
  })
  return { logged, status, ms: performance.now() - start }
}

test('without connections there is nothing to wait for', async () => {
  const { logged, status } = await drain(10, [0])
  assert.deepEqual([logged, status], [['no connection to wait for'], []])
})

test('it ends with the last connection', async () => {
  const { logged, status, ms } = await drain(10, [2, 1, 0])
  const first = 'stopping: no new connections, 2 connections left, 10 s at most'
  assert.deepEqual(logged, [first, 'all connections ended'])
  assert.deepEqual(status, [first, 'stopping: no new connections, 1 connection left, 9 s at most'])
  assert.ok(ms > 1900 && ms < 4000)
})

test('or after control.drain', async () => {
  const { logged, ms } = await drain(0.3, [7])
  assert.equal(logged.at(-1), '7 connections cut off: control.drain of 0.3 s is over')
  assert.ok(ms >= 299 && ms < 2000)
})

test('or at once, when it is asked to', async () => {
  const hurry = new Promise(done => setTimeout(done, 100))
  const { logged, ms } = await drain(10, [1], hurry)
  assert.equal(logged.at(-1), 'stopping at once, on a second signal: 1 connection cut off')
  assert.ok(ms < 1000)
})
