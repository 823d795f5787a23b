/**
 * Worlds that mix TCP with UDP and ICMP, over links that are narrow: who asks is answered, with bytes of his own; errors tell whom they
 * are about, and move nothing. The long form has ten million packets.
 * Holds invariant I8, invariant I9, invariant I17, invariant I24, invariant I25.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLong } from '../kit/long.ts'
import { play } from '../kit/transcript.ts'
import { mixedOf } from './mixed-plan.ts'
import type { Plan } from './plan.ts'
import { run } from './run.ts'
import { breaks, Shrinker } from './shrink.ts'
import { SPOILS } from './spoils.ts'
import { story } from './story.ts'
import { World } from './world.ts'

const small = (seed: number) => mixedOf(seed, true)

test('small mixed worlds hold', () => {
  const { frames, conversations, excused } = run({ from: 1, worlds: 150, frames: 1e7, plan: small })
  assert.ok(frames > 20_000 && conversations > 900, `${frames} ${conversations}`)
  assert.ok(excused < conversations / 5, `${excused} of ${conversations} excused`)
})

if (isLong) {
  test('ten million packets of mixed worlds hold', () => {
    run({ from: 100_000, worlds: 1e6, frames: 1e7, plan: seed => mixedOf(seed) })
  })
}

/** Seeds that once found something in the engine; CHANGELOG.md tells what. */
for (const [seed, plan] of [
  [2108, small],
  [2337, small],
  [130_098, mixedOf],
] as const) {
  test(`the mixed world of seed ${seed} holds`, () => {
    new World(plan(seed)).run()
  })
}

test('a seed decides all of a mixed world', () => {
  const plan = { ...small(7), workers: 1 }
  assert.equal(story(plan), story(plan))
  assert.notEqual(story(plan), story({ ...plan, seed: 8 }))
})

test('a mixed world is a transcript', () => {
  const plan = small(12)
  const calm = { loss: 5, double: 5, late: 5, spoilt: 0, delay: 3, jitter: 2 }
  const ask = { start: 10, bytes: 100, answer: 200, sum: true, df: true, ttl: 64, closes: true }
  const asker = (host: number) => {
    const asks = [ask, { ...ask, sum: false }, { ...ask, bytes: 1400 }, { ...ask, ttl: 1 }]
    return { host, port: 40_000, tells: host === 2, asks }
  }
  const link = (mtu: number) => ({ mtu, hops: 1, grumble: 50, old: false })
  const world: Plan = {
    ...plan,
    ...{ workers: 1, lportBits: 0, clock: 1_000_000, fixed: true, happenings: [], actors: [] },
    faults: [calm, calm],
    mixed: {
      ...{ uoa: 'ipo', trail: 1, timeouts: { oneway: 3, normal: 5 }, reject: false, xmitTtl: true },
      ...{ datagrams: 8, mtus: [1500, 1500], links: [link(1500), link(1280)] },
      ...{ askers: [asker(0), asker(1), asker(2)], pings: [], forged: [] },
    },
  }
  const text = story(world)
  assert.ok(text.split('\n').length > 40)
  for (const word of ['uoa ipo', 'ICMP 3/4', '[no cksum]']) assert.ok(text.includes(word), word)
  play(text)
})

/** Conversations, questions, pings and made-up errors. */
function sizeOf({ actors, mixed }: Plan): number {
  const talks = actors.reduce((sum, actor) => sum + actor.talks.length, 0)
  const asks = mixed?.askers.reduce((sum, asker) => sum + asker.asks.length, 0) ?? 0
  return talks + asks + (mixed?.pings.length ?? 0) + (mixed?.forged.length ?? 0)
}

for (const [what, [spoil, rule, seed]] of Object.entries(SPOILS)) {
  test(`${what}: found, and made small`, () => {
    const plan = small(seed)
    const broken = breaks(plan, undefined, spoil)
    assert.equal(broken?.rule, rule, broken?.message ?? 'nothing was found')
    const shrunk = new Shrinker(plan, broken, 18, spoil).shrink()
    assert.ok(sizeOf(shrunk.plan) < sizeOf(plan), `${sizeOf(shrunk.plan)} of ${sizeOf(plan)}`)
    assert.match(story(shrunk.plan, shrunk.only, spoil), new RegExp(`# ${rule}: `))
  })
}
