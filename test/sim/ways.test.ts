/**
 * Worlds whose RSs are reached by NAT, DR or tunnels, over IPv6 or by NAT64, and such of hosts inside that go out by SNAT: TCP, UDP and
 * pings, over networks as in mixed ones. The long form has a million packets of each way.
 * Holds invariant I8, invariant I9, invariant I11, invariant I17, invariant I24, invariant I25.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLong } from '../kit/long.ts'
import { run } from './run.ts'
import { breaks } from './shrink.ts'
import { story } from './story.ts'
import { WAY_NAMES } from './ways.ts'
import { waysOf } from './ways-plan.ts'
import { WAYS_SPOILS } from './ways-spoils.ts'
import { World } from './world.ts'

const small = (seed: number) => waysOf(seed, true)

test('small worlds, in turn of each way, hold', () => {
  const { frames, conversations, excused } = run({ from: 1, worlds: 120, frames: 1e7, plan: small })
  assert.ok(frames > 16_000 && conversations > 700, `${frames} ${conversations}`)
  assert.ok(excused < conversations / 5, `${excused} of ${conversations} excused`)
})

if (isLong) {
  for (const [i, way] of WAY_NAMES.entries()) {
    test(`a million packets by ${way} hold`, () => {
      const plan = (seed: number) => waysOf(seed, false, way)
      run({ from: 100_000 + 1000 * i, worlds: 1e6, frames: 1e6, plan })
    })
  }
}

/** Seeds that once found something in the engine; CHANGELOG.md tells what. */
for (const [seed, way] of [[10, 'snat']] as const) {
  test(`the world of seed ${seed} by ${way} holds`, () => {
    new World(waysOf(seed, true, way)).run()
  })
}

test('a seed decides all of a world, whatever its way', () => {
  for (const way of ['nat64', 'tunnel6', 'snat'] as const) {
    const plan = { ...waysOf(7, true, way), workers: 1 }
    assert.equal(story(plan), story(plan))
  }
})

for (const [what, [spoil, way, seed, rule]] of Object.entries(WAYS_SPOILS)) {
  test(`${what}: found`, () => {
    const broken = breaks(waysOf(seed, true, way), undefined, spoil)
    assert.equal(broken?.rule, rule, broken?.message ?? 'nothing was found')
  })
}
