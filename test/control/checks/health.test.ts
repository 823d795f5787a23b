import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Health, type HealthOptions } from '../../../src/control/checks/health.ts'

const OPTIONS: HealthOptions = {
  active: { intervalMs: 3000, maxIntervalMs: 20_000, rise: 2, fall: 3 },
  passive: { failures: 3, withinMs: 10_000, minMs: 5000, maxMs: 30_000 },
  slowStartMs: 10_000,
}

/** One that has passed a check. */
function known(change: Partial<HealthOptions> = {}): Health {
  const health = new Health({ ...OPTIONS, ...change })
  assert.equal(health.passed(0), undefined)
  return health
}

test('`fall` failures in a row take it out, `rise` passes in a row bring it back', () => {
  const health = known()
  assert.equal(health.failed('a'), undefined)
  assert.equal(health.failed('b'), undefined)
  health.passed(10)
  for (const why of ['c', 'd']) assert.equal(health.failed(why), undefined)
  assert.ok(health.up)
  assert.deepEqual(health.failed('e'), { up: false, reason: '3 checks failed, last: e' })
  assert.equal(health.passed(20), undefined)
  health.failed('f')
  assert.equal(health.passed(30), undefined)
  assert.equal(health.up, false)
  assert.deepEqual(health.passed(40), { up: true, reason: '2 checks passed' })
})

test('one whose first check fails is out at once', () => {
  const health = new Health(OPTIONS)
  assert.ok(health.up)
  assert.deepEqual(health.failed('x'), { up: false, reason: 'its first check failed: x' })
})

test('while it is down checks become rarer, up to a limit; a pass makes them frequent again', () => {
  const health = new Health(OPTIONS)
  const pauses: number[] = []
  for (let i = 0; i < 5; i++) {
    health.failed('x')
    pauses.push(health.pause(0.5))
  }
  assert.deepEqual(pauses, [3000, 6000, 12_000, 20_000, 20_000])
  health.passed(0)
  assert.equal(health.pause(0.5), 3000)
  assert.equal(health.pause(0), 2700)
  assert.ok(health.pause(0.999) < 3300)
})

test('slow start: the weight grows from 1 to the whole, after a fall and not at the start', () => {
  const health = known()
  assert.equal(health.weight(100, 0), 100)
  assert.equal(health.wakeAt(0), Infinity)
  for (let i = 0; i < 3; i++) health.failed('x')
  assert.equal(health.weight(100, 0), 0)
  for (let i = 0; i < 2; i++) health.passed(1000)
  assert.deepEqual(
    [1000, 1500, 2000, 6000, 10_999, 11_000].map(now => health.weight(100, now)),
    [1, 5, 10, 50, 99, 100],
  )
  assert.equal(health.weight(0, 6000), 0)
  assert.equal(health.weight(1, 6000), 1)
  assert.equal(health.wakeAt(6000), 6500)
  health.tick(11_000)
  assert.equal(health.wakeAt(11_000), Infinity)
})

test('passive: enough failures within the time take it out for a while, then it is tried again', () => {
  const health = known()
  assert.equal(health.connections(2, 0, 0), undefined)
  assert.equal(health.connections(1, 0, 10_001), undefined)
  const reason = '3 connections failed within 10 s, it gets no new ones for 5 s'
  assert.deepEqual(health.connections(2, 0, 10_002), { up: false, reason })
  assert.equal(health.wakeAt(10_002), 15_002)
  assert.equal(health.connections(9, 0, 12_000), undefined)
  assert.equal(health.tick(15_001), undefined)
  assert.deepEqual(health.tick(15_002), { up: true, reason: 'it is tried again' })
})

test('passive: the while doubles up to a limit, and halves when connections are established', () => {
  const health = known()
  const whiles: number[] = []
  let now = 0
  const fail = () => {
    health.connections(3, 0, now)
    whiles.push(health.wakeAt(now) - now)
    now = health.wakeAt(now)
    health.tick(now)
  }
  for (let i = 0; i < 4; i++) fail()
  assert.deepEqual(whiles, [5000, 10_000, 20_000, 30_000])
  for (let i = 0; i < 2; i++) health.connections(0, 1, now)
  fail()
  for (let i = 0; i < 9; i++) health.connections(0, 1, now)
  now += 10_001
  fail()
  assert.deepEqual(whiles.slice(4), [15_000, 5000])
})

/** Looks, twice a second, at an RS with so many failures and successes a second as `pace` says. => When it was out first, in ms */
function outAt(health: Health, seconds: number, pace: (ms: number) => [number, number]) {
  let [failed, done, seed] = [0, 0, 1]
  for (let now = 0; now < seconds * 1000; now += 500) {
    let [lost, made] = [0, 0]
    const [failing, doing] = pace(now)
    // In steps of ms, at random: clients do not come at even distances.
    for (let i = 0; i < 500; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      const at = seed / 4_294_967_296
      if (at < failing / 1000) lost++
      else if (at < (failing + doing) / 1000) made++
    }
    failed += lost
    done += made
    if (health.connections(lost, made, now)) return { now, failed, done }
  }
  return undefined
}

test('passive: failures that somebody makes take no RS out that serves the others', () => {
  for (const doing of [6, 20, 400]) {
    assert.equal(
      outAt(known(), 3600, now => [now < 10_000 ? 0 : 2, doing]),
      undefined,
      `${doing} a second`,
    )
  }
})

test('passive: an RS that dies is out at once, however much it served; one that refuses most, soon', () => {
  for (const doing of [0, 1, 10, 500]) {
    const out = outAt(known(), 120, now => (now < 60_000 ? [0, doing] : [Math.max(1, doing), 0]))
    assert.ok(out, `${doing} a second`)
    const most = doing >= 500 ? 1000 : doing === 10 ? 4000 : 9000
    assert.ok(out.now <= 60_000 + most, `${doing} a second: after ${out.now - 60_000} ms`)
  }
  const out = outAt(known(), 120, now => (now < 60_000 ? [0, 100] : [80, 20]))
  assert.ok(out && out.now <= 67_500, `after ${(out?.now ?? 0) - 60_000} ms`)
})

test('passive: the reason says of how many', () => {
  const health = known()
  health.connections(0, 2, 0)
  const mind = health.connections(4, 0, 500)
  assert.match(mind?.reason ?? '', /^4 of 6 connections failed within 10 s, /)
})

test('both judges: it is up again when neither says down', () => {
  const health = known()
  health.connections(3, 0, 0)
  for (let i = 0; i < 3; i++) assert.equal(health.failed('x'), undefined)
  assert.equal(health.tick(5000), undefined)
  assert.equal(health.up, false)
  health.passed(6000)
  assert.deepEqual(health.passed(6000), { up: true, reason: '2 checks passed' })
})

type Step = { kind: 'pass' | 'fail' | 'silence' | 'conns' | 'time'; ms: number }
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step['kind'][]>('pass', 'fail', 'silence', 'conns', 'time'),
    ms: fc.integer({ min: 0, max: 20_000 }),
  }),
  { maxLength: 200 },
)

test('property: every change of mind is told once and is one; the weight follows it', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 65_535 }), (list, configured) => {
      const health = new Health(OPTIONS)
      let told = true
      let now = 0
      for (const { kind, ms } of list) {
        now += ms
        const minds = [
          health.tick(now),
          kind === 'pass' && health.passed(now),
          kind === 'fail' && health.failed('x'),
          kind === 'silence' && health.connections(1 + (ms % 4), 0, now),
          kind === 'conns' && health.connections(0, 1, now),
        ]
        for (const mind of minds) {
          if (!mind) continue
          assert.notEqual(mind.up, told)
          assert.ok(mind.reason.length > 0)
          told = mind.up
        }
        assert.equal(health.up, told)
        const weight = health.weight(configured, now)
        assert.ok(Number.isInteger(weight) && weight >= 0 && weight <= configured)
        assert.equal(weight > 0, told && configured > 0)
        assert.ok(health.pause(0.5) >= 3000 && health.pause(0.5) <= 20_000)
        assert.ok(health.wakeAt(now) > now)
      }
    }),
  )
})

test('property: whatever was, enough passes and enough time make it whole', () => {
  fc.assert(
    fc.property(steps, list => {
      const health = new Health(OPTIONS)
      let now = 0
      for (const { kind, ms } of list) {
        now += ms
        if (kind === 'fail') health.failed('x')
        if (kind === 'silence') health.connections(3, 0, now)
      }
      now += 30_000
      health.tick(now)
      for (let i = 0; i < 2; i++) health.passed(now)
      assert.ok(health.up)
      now += 10_000
      health.tick(now)
      assert.equal(health.weight(100, now), 100)
    }),
  )
})
