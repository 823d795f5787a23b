/** Schedulers: what is tested is the distribution over full cycles, for the order differs between DPVS's versions. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SCHEDULERS, type SchedulerName } from '../../src/engine/schedule.ts'
import type { Dest, Service } from '../../src/engine/service.ts'

function service(scheduler: SchedulerName, weights: number[]): Service {
  const made: Service = {
    protocol: 6,
    vip: 1,
    vport: 80,
    pick: SCHEDULERS[scheduler],
    dests: [],
    lips: [],
    establishedMs: 0,
    persistenceMs: 0,
    clientMask: -1,
    cursor: -1,
    currentWeight: 0,
    lipCursor: -1,
    reject: false,
    onlyArm: -1,
  }
  const dests: Dest[] = weights.map((weight, index) => ({
    index,
    service: made,
    rip: index,
    rport: 80,
    weight,
    upper: -1,
    lower: 0,
    overloaded: false,
  }))
  made.dests.push(...dests)
  return made
}

/** How often each RS is picked in `count` picks. */
function picks(of: Service, count: number): number[] {
  const times = of.dests.map(() => 0)
  for (let i = 0; i < count; i++) {
    const dest = of.pick(of)
    assert.ok(dest && dest.weight > 0)
    times[dest.index]++
  }
  return times
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

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
  const order = Array.from({ length: 40 }, () => tested.pick(tested)?.index)
  for (let i = 2; i < order.length; i++) {
    assert.ok(!(order[i] === 0 && order[i - 1] === 0 && order[i - 2] === 0))
  }
})

test('no RS, or all of weight 0: nobody is picked, again and again', () => {
  for (const scheduler of ['rr', 'wrr'] as const) {
    for (const weights of [[], [0], [0, 0, 0]]) {
      const tested = service(scheduler, weights)
      for (let i = 0; i < 5; i++) assert.equal(tested.pick(tested), undefined)
    }
  }
})

test('weights that change at run time are followed at once', () => {
  for (const scheduler of ['rr', 'wrr'] as const) {
    const tested = service(scheduler, [3, 3])
    picks(tested, 5)
    tested.dests[0].weight = 0
    assert.deepEqual(picks(tested, 10), [0, 10])
    tested.dests[0].weight = 1
    tested.dests[1].weight = 0
    assert.deepEqual(picks(tested, 10), [10, 0])
  }
})
