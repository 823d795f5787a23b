/** What the checks think outlives a crash: who was down is down, and comes back as any that is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Health, type HealthOptions } from '../../../src/control/checks/health.ts'
import { KeptHealth, type Verdict } from '../../../src/control/checks/kept-health.ts'
import { KEPT_JSON_BYTES } from '../../../src/control/keeper/kept-json.ts'

const NAME = 'RS 192.168.168.2:6379 of TCP 202.108.10.1:6379'
const down: Verdict = {
  told: { inhibited: true, weight: 0 },
  reason: 'a check failed: connection refused',
  state: { passes: false, outMs: 5000, slowMs: null },
}
const slow: Verdict = {
  told: { inhibited: false, weight: 7 },
  reason: '',
  state: { passes: true, outMs: null, slowMs: 700 },
}

test('what was said last is there for the next one, with the time that has passed', async () => {
  let now = 1_000_000
  const memory = new ArrayBuffer(KEPT_JSON_BYTES)
  const clock = () => now
  const first = new KeptHealth(memory, clock)
  assert.deepEqual([...first.told()], [])
  first.set(NAME, down)
  first.set('b', slow)
  first.set('c', slow)
  first.set('c', null)
  first.set('never', null)
  await turn()
  now += 2000
  const next = new KeptHealth(memory, clock)
  assert.deepEqual(
    [...next.told()],
    [
      [NAME, down.told],
      ['b', slow.told],
    ],
  )
  assert.deepEqual(next.of(NAME), { ...down, state: { passes: false, outMs: 3000, slowMs: null } })
  assert.deepEqual(next.of('b')?.state, { passes: true, outMs: null, slowMs: 2700 })
  assert.equal(next.of('c'), undefined)
  // A clock that was set back or far ahead makes neither negative.
  now -= 10_000_000
  assert.equal(next.of('b')?.state.slowMs, 0)
  now += 20_000_000
  assert.equal(next.of(NAME)?.state.outMs, 0)
})

test('what makes no sense is nothing', async () => {
  const memory = new ArrayBuffer(KEPT_JSON_BYTES)
  const bytes = new Uint8Array(memory)
  const kept = new KeptHealth(memory)
  kept.set(NAME, down)
  await turn()
  const half = bytes.subarray(KEPT_JSON_BYTES / 2)
  half[100] = (half[100] as number) ^ 1
  assert.deepEqual([...new KeptHealth(memory).told()], [])

  for (const spoilt of [
    { ...down, told: { inhibited: true, weight: -1 } },
    { ...down, state: { ...down.state, passes: 'no' } },
  ] as unknown as Verdict[]) {
    const fresh = new ArrayBuffer(KEPT_JSON_BYTES)
    new KeptHealth(fresh).set(NAME, spoilt)
    await turn()
    assert.deepEqual([...new KeptHealth(fresh).told()], [])
  }
  // Without memory it is known as long as it lives.
  const none = new KeptHealth(null)
  none.set(NAME, down)
  await turn()
  assert.equal([...none.told()].length, 1)
})

const OPTIONS: HealthOptions = {
  active: { intervalMs: 3000, maxIntervalMs: 20_000, rise: 2, fall: 3 },
  passive: { failures: 3, withinMs: 10_000, minMs: 5000, maxMs: 30_000 },
  slowStartMs: 10_000,
}

/** Another one in its place, `ms` later by a clock that begins anew. */
function after(health: Health, now: number, options = OPTIONS): Health {
  const next = new Health(options)
  const state = health.state(now)
  if (state) next.goOn(state, 50)
  return next
}

test('one that is up leaves nothing; one that was down needs as many passes as ever', () => {
  const health = new Health(OPTIONS)
  health.passed(0)
  assert.equal(health.state(0), null)
  for (let i = 0; i < 3; i++) health.failed('x')
  const next = after(health, 1000)
  assert.equal(next.up, false)
  assert.equal(next.weight(100, 50), 0)
  assert.equal(next.passed(60), undefined)
  assert.deepEqual(next.passed(70), { up: true, reason: '2 checks passed' })
})

test('one that was out by its connections stays out for as long, one in its slow start goes on', () => {
  const health = new Health(OPTIONS)
  health.connections(3, 0, 0)
  assert.equal(health.up, false)
  const next = after(health, 2000)
  assert.equal(next.up, false)
  assert.equal(next.wakeAt(50), 50 + 3000)
  assert.equal(next.tick(3049), undefined)
  assert.deepEqual(next.tick(3050), { up: true, reason: 'it is tried again' })
  assert.equal(next.weight(100, 3050 + 5000), 50)
  const third = after(next, 3050 + 5000)
  assert.equal(third.weight(100, 50), 50)
  assert.equal(third.weight(100, 50 + 2000), 70)
  // Another config has no passive checks, and no slow start.
  assert.ok(after(health, 2000, { ...OPTIONS, passive: null }).up)
  assert.equal(after(next, 8050, { ...OPTIONS, slowStartMs: 0 }).weight(100, 50), 100)
})
