/**
 * Whatever becomes of connections (reused, cut, refused, out of lports, replaced), all that counts them agrees, after every step.
 * Holds invariant I8, invariant I9.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { checkBooks } from '../kit/books.ts'
import { runs } from '../kit/long.ts'
import { Stand } from '../kit/stand.ts'
import { give, inputOf, LIVES, type Step, steps, TRAFFIC_CONFIG } from '../kit/traffic.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))
/** 4 of a LIP: sub-pools run out with a table of 16 connections. */
const lports = { mask: 16_383, residue: 5 }

/** Lives long enough to meet each other. */
const long = (one: typeof steps) =>
  fc.array(one(80), { minLength: 20, maxLength: 20 }).map(all => all.flat())
const lives = long(steps)

function live(all: readonly Step[], whole: string, connections = '', of = TRAFFIC_CONFIG): Stand {
  const config = of.replace('table_size: 16', `table_size: 16${connections}`)
  const stand = new Stand(`${config}${whole}`, undefined, { lports, arena }).resolveRss()
  for (const step of all) {
    const input = step.step === 'drain' ? undefined : inputOf(step, stand)
    if (input) give(input, stand)
    checkBooks(stand.engine, lports)
  }
  return stand
}

for (const [name, whole] of [
  ['new', ''],
  ['keep', 'tcp: { reuse: keep }\n'],
] as const) {
  for (const { name: ways, config, steps, part } of LIVES) {
    test(`any traffic, ${ways}, reuse ${name}: connections, lports, RSs, states and timers agree`, () => {
      const agrees = (all: readonly Step[]) => void live(all, whole, '', config)
      fc.assert(fc.property(long(steps), agrees), {
        numRuns: runs(24 * part),
        endOnFailure: true,
        includeErrorInReport: true,
      })
    })
  }
}

test('such traffic comes by all that ends connections or refuses them', () => {
  const stands = fc
    .sample(lives, { seed: 3, numRuns: 80 })
    .map((all, i) => live(all, '', i % 2 === 0 ? '' : ', make_room: false, client_share: 100%'))
  const sumOf = (numberOf: (stand: Stand) => number) =>
    stands.reduce((sum, stand) => sum + numberOf(stand), 0)
  for (const name of [
    'SYN_REUSED',
    'SYN_RESCHEDULED',
    'RST_ON_CUT',
    'RST_ON_REUSE',
    'RST_ON_EXPIRY',
    'HALF_OPEN_EVICTED',
  ] as const)
    assert.ok(sumOf(stand => stand.events(name)) > 0, name)
  for (const name of ['LPORT_EXHAUSTED', 'TCP_NO_RS'] as const)
    assert.ok(sumOf(stand => stand.drops(name)) > 0, name)
})
