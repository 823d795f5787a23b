/** Schedulers: what is tested is the distribution over full cycles, for the order differs between DPVS's versions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SCHEDULERS, type SchedulerName } from '../../src/engine/schedule.ts'
import type { Service } from '../../src/engine/service.ts'
import {
  countsOf,
  destOf,
  gcd,
  load,
  pick,
  Reference,
  scheduled as service,
  weigh,
} from '../kit/scheduled.ts'

const ALL = Object.keys(SCHEDULERS) as SchedulerName[]
/** Those that a walk over the list says exactly. */
const WALKED = ['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'fo'] as const

/** How often each RS is picked in `count` picks. */
function picks(of: Service, count: number): number[] {
  const times = of.dests.map(() => 0)
  for (let i = 0; i < count; i++) {
    const dest = pick(of)
    assert.ok(dest && dest.weight > 0)
    times[dest.index]++
  }
  return times
}

test('rr: equal shares whatever the weights, none for weight 0', () => {
  assert.deepEqual(picks(service('rr', [1, 100, 0, 7]), 300), [100, 100, 0, 100])
})

test('wrr: in every cycle each RS gets its weight over the greatest common divisor', () => {
  assert.deepEqual(picks(service('wrr', [100, 200, 300]), 6), [1, 2, 3])
  assert.deepEqual(picks(service('wrr', [5, 1, 1]), 7), [5, 1, 1])
  assert.deepEqual(picks(service('wrr', [0, 4, 6]), 5), [0, 2, 3])
  fc.assert(
    fc.property(
      fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }),
      fc.nat(3),
      (weights, lead) => {
        const divisor = weights.reduce(gcd, 0)
        if (divisor === 0) return
        const share = weights.map(weight => weight / divisor)
        const cycle = share.reduce((a, b) => a + b)
        const tested = service('wrr', weights)
        // Wherever in the cycle one begins to count.
        picks(tested, lead)
        assert.deepEqual(picks(tested, cycle), share)
        assert.deepEqual(
          picks(tested, 3 * cycle),
          share.map(n => n * 3),
        )
      },
    ),
  )
})

test('wrr spreads: an RS of half the weight of all is never picked three times running', () => {
  const tested = service('wrr', [2, 1, 1])
  const order = Array.from({ length: 40 }, () => pick(tested)?.index)
  for (let i = 2; i < order.length; i++) {
    assert.ok(!(order[i] === 0 && order[i - 1] === 0 && order[i - 2] === 0))
  }
})

test('no RS, or all of weight 0: nobody is picked, again and again', () => {
  for (const scheduler of ALL) {
    for (const weights of [[], [0], [0, 0, 0]]) {
      const tested = service(scheduler, weights)
      for (let i = 0; i < 5; i++) assert.equal(pick(tested), undefined)
    }
  }
})

test('weights that change at run time are followed at once', () => {
  for (const scheduler of ['rr', 'wrr'] as const) {
    const tested = service(scheduler, [3, 3])
    picks(tested, 5)
    weigh(tested.dests[0], 0)
    assert.deepEqual(picks(tested, 10), [0, 10])
    weigh(tested.dests[0], 1)
    weigh(tested.dests[1], 0)
    assert.deepEqual(picks(tested, 10), [10, 0])
  }
})

/** A step of somebody's day: so many picks, without some sub-pools; or a change. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ picks: fc.integer({ min: 1, max: 40 }), without: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ picks: fc.integer({ min: 1, max: 20 }), without: fc.nat(0xffff) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ at: fc.nat(), weigh: fc.oneof(fc.nat(3), fc.nat(65_535)) }),
    },
    { weight: 2, arbitrary: fc.record({ at: fc.nat(), full: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(), down: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(), backup: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ at: fc.nat(), end: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ add: fc.nat(9) }) },
  ),
  { minLength: 1, maxLength: 30 },
)

test('whoever is down, full or without lports, RSs are picked in the order of the list walked one by one', () => {
  const weights = fc.array(fc.oneof(fc.nat(3), fc.nat(400), fc.nat(65_535)), { maxLength: 70 })
  fc.assert(
    fc.property(fc.constantFrom(...WALKED), weights, steps, (scheduler, list, day) => {
      const tested = service(scheduler, list)
      const { dests, candidates } = tested
      const reference = new Reference(tested)
      const counts = countsOf(tested)
      for (const step of day) {
        if ('picks' in step) {
          for (let i = 0; i < step.picks; i++) {
            const expected = reference.pick(step.without)
            const found = pick(tested, step.without)
            assert.equal(found?.index, expected?.index)
            // It is opened, and every third one is established.
            if (found === undefined) continue
            counts.countConn(found)
            if (i % 3 === 0) counts.activate(found.index, 1)
          }
        } else if ('add' in step) {
          dests.unshift(destOf(tested, dests.length, step.add))
          counts.put(dests[0])
          Object.assign(tested, { cursor: -1, currentWeight: 0 })
          candidates.renew()
          reference.startOver()
        } else if (dests.length === 0) continue
        else if ('weigh' in step) weigh(dests[step.at % dests.length], step.weigh)
        else if ('end' in step) {
          const { index } = dests[step.at % dests.length]
          if (counts.active(index) > 0 && step.end) counts.endConn(index, true)
          else if (counts.inactive(index) > 0) counts.endConn(index, false)
        } else if ('full' in step) load(dests[step.at % dests.length], step.full)
        else if ('backup' in step) {
          dests[step.at % dests.length].backup = step.backup
          candidates.renew()
        } else {
          for (let i = 0; i < step.down; i++) weigh(dests[(step.at + i) % dests.length], 0)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('a pick of 16,384 RSs looks at few of them, with one that takes connections as with all', () => {
  const many = Array.from({ length: 16_384 }, () => 1)
  const lists = {
    all: many,
    one: many.map((_, index) => (index === 9000 ? 1 : 0)),
    none: many.map(() => 0),
    uneven: many.map((_, index) => (index === 9000 ? 65_535 : 1)),
  }
  for (const scheduler of ['rr', 'wrr', 'wlc', 'fo', 'sh', 'mh', 'conhash'] as const) {
    for (const [name, weights] of Object.entries(lists)) {
      const tested = service(scheduler, weights)
      let looks = 0
      for (const dest of tested.dests) {
        const { overloaded } = dest
        const get = () => {
          looks++
          return overloaded
        }
        Object.defineProperty(dest, 'overloaded', { get })
      }
      for (const without of [0, 0xffff & ~(1 << 8)]) {
        // The trees are made.
        pick(tested, without)
        for (let i = 0; i < 50; i++) {
          looks = 0
          pick(tested, without)
          assert.ok(looks <= 16, `${scheduler}, ${name}: ${looks} RSs`)
        }
      }
    }
  }
})

test('a backup is picked while no other RS has a weight, full ones included', () => {
  const tested = service('rr', [1, 1, 5])
  tested.dests[2].backup = true
  const next = () => pick(tested)?.index
  assert.deepEqual([next(), next(), next()], [0, 1, 0])
  for (const dest of tested.dests.slice(0, 2)) load(dest, true)
  assert.equal(next(), undefined, 'full is not down')
  weigh(tested.dests[0], 0)
  assert.equal(next(), undefined)
  weigh(tested.dests[1], 0)
  assert.deepEqual([next(), next()], [2, 2])
  load(tested.dests[0], false)
  weigh(tested.dests[0], 3)
  assert.deepEqual([next(), next()], [0, 0])
})
