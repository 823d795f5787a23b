/**
 * Worlds that a seed decides: real engines between simulated ends and networks that lose, double, delay and spoil. The long form has
 * ten million packets.
 * Holds invariant I8, invariant I9, invariant I11, invariant I12, invariant I17, invariant I24.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { isLong } from '../kit/long.ts'
import { play } from '../kit/transcript.ts'
import { cookiePlan, planOf, proxiedPlan } from './plan.ts'
import { run, small } from './run.ts'
import { breaks, Shrinker, type Spoil } from './shrink.ts'
import { story } from './story.ts'
import { World } from './world.ts'

test('small worlds hold', () => {
  const { frames, conversations, excused } = run({
    from: 1,
    worlds: 200,
    frames: 1e7,
    plan: small,
  })
  assert.ok(frames > 35_000 && conversations > 700, `${frames} ${conversations}`)
  // What need not end well is the exception, or nothing would be shown.
  assert.ok(excused < conversations / 5, `${excused} of ${conversations} excused`)
})

test('small worlds with the PROXY protocol hold', () => {
  const { conversations, excused } = run({ from: 1, worlds: 120, frames: 1e7, plan: proxiedPlan })
  assert.ok(conversations > 400 && excused < conversations / 5, `${excused} of ${conversations}`)
})

test('small worlds whose SYNs are answered by cookies hold', () => {
  const { conversations, excused } = run({ from: 1, worlds: 120, frames: 1e7, plan: cookiePlan })
  assert.ok(conversations > 400 && excused < conversations / 5, `${excused} of ${conversations}`)
})

if (isLong) {
  test('ten million packets hold', () => {
    run({ from: 100_000, worlds: 1e6, frames: 1e7, plan: planOf })
  })
}

/** Seeds that once found something in the engine; CHANGELOG.md tells what. */
for (const seed of [36, 93, 198, 258, 102_567]) {
  test(`the world of seed ${seed} holds`, () => {
    new World(planOf(seed)).run()
  })
}

test('a seed decides all of a world', () => {
  const plan = { ...small(5), workers: 1 }
  assert.equal(story(plan), story(plan))
  assert.notEqual(story(plan), story({ ...plan, seed: 6 }))
})

test('a world is a transcript', () => {
  const { actors, ...plan } = small(12)
  const faults = { loss: 5, double: 5, late: 5, spoilt: 0, delay: 3, jitter: 2 }
  const plain = { workers: 1, lportBits: 0, clock: 1_000_000, fixed: true, happenings: [] }
  const world = {
    ...plan,
    ...plain,
    actors: actors.slice(0, 1),
    faults: [faults, faults] as [typeof faults, typeof faults],
  }
  const text = story(world)
  assert.ok(text.split('\n').length > 20)
  play(text)
})

/** Does something to the first connection of an engine, 50 ms after the first has been opened. */
const spoiling = (what: (engine: Engine, conn: number) => void): Spoil => {
  return world => {
    const look = () => {
      for (const engine of world.appliance.engines) {
        const conn = engine.conns.table.nextUsed(0, 256)
        if (conn >= 0) return void what(engine, conn)
      }
      world.events.after(50, look)
    }
    world.events.after(50, look)
  }
}

const FAULTS: Record<string, [Spoil, string[]]> = {
  'numbers that move by another delta': [
    spoiling(({ conns: { table } }, conn) => {
      table.cells[RECORD.at(conn) | CELL.DELTA]++
    }),
    ['bytes', 'ended'],
  ],
  'a connection that is forgotten': [
    spoiling(({ conns, long: _ }, conn) => conns.cut(conn, 0)),
    ['dropped', 'ended'],
  ],
  'a record without a timer': [spoiling(({ conns }, conn) => conns.wheel.unfile(conn)), ['books']],
  'an lport that goes back twice': [
    spoiling(({ conns: { table }, lips }, conn) => {
      const at = RECORD.at(conn)
      const ports = table.cells[at | CELL.RS_PORTS] as number
      lips[table.lip(conn)]?.release(
        table.cells[at | CELL.RIP] as number,
        ports >>> 16,
        ports & 0xffff,
        0,
      )
    }),
    ['books', 'left'],
  ],
  'a slot that is lost': [spoiling(({ frames }) => void frames.take()), ['books']],
}

for (const [what, [spoil, rules]] of Object.entries(FAULTS)) {
  test(`${what}: found, and made small`, () => {
    const plan = planOf(66)
    const broken = breaks(plan, undefined, spoil)
    assert.ok(broken && rules.includes(broken.rule), broken?.message ?? 'nothing was found')
    const shrunk = new Shrinker(plan, broken, 14, spoil).shrink()
    const speaking = (actors: typeof plan.actors) => actors.filter(({ talks }) => talks.length > 0)
    assert.ok(speaking(shrunk.plan.actors).length < speaking(plan.actors).length)
    assert.match(story(shrunk.plan, shrunk.only, spoil), new RegExp(`# ${broken.rule}: `))
  })
}
