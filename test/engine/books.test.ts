/**
 * Whatever becomes of connections (reused, cut, refused, out of lports, replaced), all that counts them agrees, after every step.
 * Holds invariant I8, invariant I9.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { LPORT_FIRST, LPORT_LAST, SUB_POOLS, subPoolOf } from '../../src/engine/sa-pool.ts'
import { Stand } from '../kit/stand.ts'
import { give, inputOf, type Step, steps, TRAFFIC_CONFIG } from '../kit/traffic.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))
/** 4 of a LIP: sub-pools run out with a table of 16 connections. */
const lports = { mask: 16_383, residue: 5 }
const PORTS = Array.from({ length: LPORT_LAST - LPORT_FIRST + 1 }, (_, i) => LPORT_FIRST + i)
const ALL = PORTS.filter(port => (port & lports.mask) === lports.residue)

/** Lives long enough to meet each other. */
const lives = fc.array(steps(80), { minLength: 20, maxLength: 20 }).map(all => all.flat())

function live(all: readonly Step[], whole: string): Stand {
  const stand = new Stand(`${TRAFFIC_CONFIG}${whole}`, undefined, { lports, arena }).resolveRss()
  for (const step of all) {
    const input = step.step === 'drain' ? undefined : inputOf(step, stand)
    if (input) give(input, stand)
    check(stand)
  }
  return stand
}

for (const [name, whole] of [
  ['new', ''],
  ['keep', 'tcp: { reuse: keep }\n'],
] as const) {
  test(`any traffic, reuse ${name}: connections, lports, RSs, states and timers agree`, () => {
    const agrees = (all: readonly Step[]) => void live(all, whole)
    fc.assert(fc.property(lives, agrees), { numRuns: 60, endOnFailure: true })
  })
}

test('such traffic comes by all that ends connections or refuses them', () => {
  const stands = fc.sample(lives, { seed: 3, numRuns: 80 }).map(all => live(all, ''))
  const sumOf = (numberOf: (stand: Stand) => number) =>
    stands.reduce((sum, stand) => sum + numberOf(stand), 0)
  for (const name of [
    'SYN_REUSED',
    'SYN_RESCHEDULED',
    'RST_ON_CUT',
    'RST_ON_REUSE',
    'RST_ON_EXPIRY',
  ] as const)
    assert.ok(sumOf(stand => stand.events(name)) > 0, name)
  for (const name of ['LPORT_EXHAUSTED', 'TCP_NO_RS'] as const)
    assert.ok(sumOf(stand => stand.drops(name)) > 0, name)
})

interface Kept {
  dest: number
  state: number
  lip: number
  sub: number
  lport: number
}

function check({ engine }: Stand): void {
  const { conns, dests, counters, lips } = engine
  const { table, wheel } = conns
  const all: Kept[] = []
  for (let conn = table.nextUsed(0, 1 << 20); conn >= 0; conn = table.nextUsed(conn + 1, 1 << 20)) {
    const [rip = 0, , ports = 0] = table.cells.subarray(RECORD.at(conn) | CELL.RIP)
    const sub = subPoolOf(rip, ports >>> 16)
    const what = { dest: table.dest(conn), state: table.state(conn), lip: table.lip(conn) }
    all.push({ ...what, sub, lport: ports & 0xffff })
  }
  assert.deepEqual(
    [table.used, wheel.filed, table.countLinked()],
    [all.length, all.length, 2 * all.length],
  )
  const countOf = (isMeant: (one: Kept) => boolean) => all.filter(isMeant).length
  for (let dest = 0; dest < 8; dest++) {
    assert.equal(
      dests.active(dest),
      countOf(one => one.dest === dest && one.state === 1),
    )
    assert.equal(
      dests.inactive(dest),
      countOf(one => one.dest === dest && one.state !== 1),
    )
  }
  for (const [state, count] of counters.states.entries())
    assert.equal(
      count,
      countOf(one => one.state === state),
    )
  for (const [lip, pool] of lips.entries()) {
    const { head, free, ports } = pool.save()
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      const ring = [...(ports[sub] ?? []), ...ALL.slice(ports[sub]?.length)]
      const resting = Array.from({ length: free[sub] ?? 0 }, (_, i) => {
        return ring[((head[sub] ?? 0) + i) % ALL.length] ?? 0
      })
      const inUse = all.filter(one => one.lip === lip && one.sub === sub).map(one => one.lport)
      assert.deepEqual(
        [...resting, ...inUse].sort((a, b) => a - b),
        ALL,
      )
      assert.equal((pool.exhausted >> sub) & 1, Number(resting.length === 0))
    }
  }
}
