/** Cutting: the connections of one RS end at a bounded pace, those of others do not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/config/changes.ts'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { LAN, openMany, RS, SYN, WAN } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const [A, B] = ['192.168.168.2', '192.168.168.12']
const TWO = SEED_CONFIG.replace(
  /real_servers.*/,
  `real_servers: [{ address: ${A}, weight: 1 }, { address: ${B}, weight: 1 }]`,
).replace('routes: [{ to: 192.168', 'neighbours: []\n    routes: [{ to: 192.168')

/** Places are given out in the order of the config. */
const [CUT_A, STOP_A, CUT_B]: Change[] = [
  { put: 'cut', place: 0 },
  { put: 'no-cut', place: 0 },
  { put: 'cut', place: 1 },
]
const GONE = {
  put: 'no-rs',
  protocol: 'tcp',
  vip: '202.108.10.1',
  vport: 6379,
  address: A,
  port: 6379,
} as const
const BACK = {
  put: 'rs',
  rs: {
    ...{
      protocol: 'tcp' as const,
      vip: '202.108.10.1',
      vport: 6379,
      place: 0,
      address: A,
      port: 6379,
      weight: 1,
    },
    ...{ upperThreshold: 0, lowerThreshold: 0, backup: false, forwarding: 'fullnat' as const },
  },
} as const

/** Half-open connections that the RSs have answered, as many of each. */
function opened(count: number): Stand {
  const stand = new Stand(TWO).resolveRss()
  openMany(count)(stand)
  const { table } = stand.engine.conns
  for (let conn = table.nextUsed(0, 1 << 20); conn >= 0; conn = table.nextUsed(conn + 1, 1 << 20)) {
    const at = RECORD.at(conn)
    const rs = table.dest(conn) === 0 ? A : B
    const lport = (table.cells[at | CELL.RS_PORTS] as number) & 0xffff
    const ack = (table.cells[at + CELL.RST_ACK] as number) >>> 0
    stand.segment(LAN, { ...RS, src: rs, dport: lport, flags: 'S.', seq: 9000, ack })
  }
  return stand
}

const left = ({ engine: { dests } }: Stand) => [0, 1].map(dest => dests.inactive(dest))

test('a few each ms, both ends reset, and nothing of the other RS', () => {
  const stand = opened(400)
  assert.deepEqual(left(stand), [200, 200])
  stand.change([CUT_A])
  let before = 200
  for (let ms = 0; ms < 24; ms++) {
    const out = stand.pass(1, 1)
    const [now = 0] = left(stand)
    assert.ok(before - now <= 8)
    assert.equal(out.length, 2 * (before - now))
    before = now
  }
  stand.pass(3, 1)
  assert.deepEqual(left(stand), [0, 200])
  assert.equal(stand.events('RST_ON_CUT'), 200)
  assert.equal(stand.engine.cuts.busy, false)
  assert.equal(stand.engine.conns.wheel.filed, 200)
  assert.equal(stand.engine.lips[0].used, 200)
  assert.equal(stand.engine.outcomes.cells[0], 0, 'it says nothing of the RS')
  // What comes later is nobody's to cut.
  for (let i = 0; i < 4; i++) stand.segment(WAN, { ...SYN, sport: 50_000 + i })
  stand.pass(5, 1)
  assert.deepEqual(left(stand), [2, 202])
})

test('none is missed while there come to be more connections than there ever were', () => {
  const stand = opened(100)
  stand.change([CUT_A])
  stand.pass(1, 1)
  // From here on, in the middle of the table, the walk begins that is about the other.
  stand.change([{ put: 'rs', rs: { ...BACK.rs, place: 1, address: B, weight: 0 } }, CUT_B])
  for (let sport = 50_000; stand.engine.cuts.busy; ) {
    for (let i = 0; i < 20; i++) stand.segment(WAN, { ...SYN, sport: sport++ })
    stand.pass(1, 1)
  }
  assert.equal(left(stand)[1], 0)
})

test('an RS whose MAC nobody knows gets none, and no frame waits for it', () => {
  const stand = opened(40)
  // Refreshed by nothing, the neighbour is gone after 60 + 30 + 3 s.
  stand.pass(20_000, 100)
  const { neighs } = stand.engine
  for (let n = 0; n < neighs.used; n++) neighs.state[n] = 0
  stand.change([CUT_A])
  const out = stand.pass(10, 1).filter(({ decoded }) => decoded.kind === 'tcp')
  assert.equal(out.length, 20)
  assert.ok(out.every(({ arm }) => arm === WAN))
  assert.equal(stand.drops('NEIGH_QUEUE_FULL'), 0)
})

test('an RS that is back keeps what is left; one that goes for good loses all if that is asked for', () => {
  const stand = opened(100)
  stand.change([CUT_A])
  stand.pass(2, 1)
  stand.change([STOP_A])
  stand.pass(50, 1)
  assert.deepEqual(left(stand), [34, 50])
  stand.change([GONE])
  stand.pass(50, 1)
  assert.deepEqual(left(stand), [34, 50], 'gone without cut')
  stand.change([BACK, { ...GONE, cut: true }])
  stand.pass(2, 1)
  stand.change([BACK])
  stand.pass(50, 1)
  assert.deepEqual(left(stand), [18, 50], 'back while it was being cut')
  stand.change([{ ...GONE, cut: true }])
  stand.pass(50, 1)
  assert.deepEqual(left(stand), [0, 50])
})

test('an RS that gets a weight again keeps what is left, and one that never had any loses none later', () => {
  const stand = opened(100)
  const withWeight = (weight: number): Change => ({ put: 'rs', rs: { ...BACK.rs, weight } })
  stand.change([withWeight(0), CUT_A])
  stand.pass(2, 1)
  stand.change([withWeight(1)])
  stand.pass(50, 1)
  assert.deepEqual(left(stand), [34, 50])

  const fresh = new Stand(TWO).resolveRss()
  fresh.change([CUT_A])
  openMany(20)(fresh)
  fresh.change([CUT_B])
  fresh.pass(50, 1)
  assert.deepEqual(left(fresh), [10, 0])
})

test('a half-open connection without an answer ends in silence, and the next SYN finds another RS', () => {
  const stand = new Stand(TWO).resolveRss()
  const first = stand.forward(WAN, SYN).dst
  const dest = first === A ? 0 : 1
  const drained = { ...BACK.rs, place: dest, address: first, weight: 0 }
  stand.change([
    { put: 'rs', rs: drained },
    { put: 'cut', place: dest },
  ])
  assert.deepEqual(stand.pass(2, 1), [])
  assert.equal(stand.engine.conns.table.used, 0)
  assert.equal(stand.forward(WAN, SYN).dst, first === A ? B : A)
  assert.equal(stand.engine.outcomes.cells[dest << 1], 0)
  assert.equal(stand.engine.counters.states[State.SYN_RECV], 1)
})
