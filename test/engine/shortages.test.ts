/**
 * What runs short, lports and places for connections, refuses newcomers only, and serves again when one comes back.
 * Holds invariant I3.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CELL } from '../../src/engine/conn-layout.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { FIRST_COME, LAN, openMany, RS, SYN, WAN } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

/** 1008 of them. */
const LPORTS = { mask: 63, residue: 5 }

test('lports: exhaustion counts misses, leaves the others working, and ends when one comes back', () => {
  const stand = new Stand(SEED_CONFIG + FIRST_COME, undefined, { lports: LPORTS }).resolveRss()
  openMany(1008)(stand)
  const [pool] = stand.engine.lips
  for (let i = 0; i < 3; i++) stand.segment(WAN, { ...SYN, sport: 30_000 + i })
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  assert.equal(pool.misses, 3)
  assert.equal(stand.engine.conns.table.used, 1008)
  // A connection that has its lport is not touched by the shortage.
  stand.segment(WAN, { ...SYN, sport: 10_500 })
  assert.equal(stand.verdictName(), 'arm 1')
  // The first one is refused by the RS: CLOSE, 3 s, and its lport 1029 is the only free one.
  const { cells } = stand.engine.conns.table
  stand.segment(LAN, { ...RS, dport: 1029, flags: 'R.', ack: cells[CELL.RST_ACK] })
  assert.equal(stand.verdictName(), 'arm 0')
  stand.pass(4100)
  const syn = stand.forward(WAN, { ...SYN, sport: 30_000 })
  assert.equal(syn.sport, 1029)
  stand.segment(WAN, { ...SYN, sport: 30_001 })
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  stand.pass(32_000)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.equal(pool.used, 0)
})

test('lports: an exhausted LIP is passed over; only when all are does the SYN drop', () => {
  const config = SEED_CONFIG.replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')
  const stand = new Stand(config + FIRST_COME, undefined, { lports: LPORTS }).resolveRss()
  const { lips } = stand.engine
  // Empty the first one behind the service's back.
  while (lips[0].fetch(ipv4Int('192.168.168.2'), 6379) >= 0) {}
  const misses = lips[0].misses
  openMany(1008)(stand)
  assert.equal(lips[1].used, 1008)
  assert.ok(lips[0].misses > misses)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
})

const TWO_RSS = SEED_CONFIG.replace(
  /real_servers.*/,
  'real_servers: [{ address: 192.168.168.2, weight: 1 }, { address: 192.168.168.12, weight: 3 }]',
)

/** Takes the lports away that are left towards an RS. */
function exhaust({ engine: { lips } }: Stand, rs: string): void {
  for (const pool of lips) while (pool.fetch(ipv4Int(rs), 6379) >= 0) {}
}

for (const scheduler of ['rr', 'wrr']) {
  test(`lports, ${scheduler}: an RS that has none left is passed over like a full one, and back with the first`, () => {
    const config = TWO_RSS.replace('scheduler: wrr', `scheduler: ${scheduler}`)
    const stand = new Stand(config + FIRST_COME, undefined, { lports: LPORTS }).resolveRss()
    const [pool] = stand.engine.lips
    exhaust(stand, '192.168.168.12')
    const { misses } = pool
    for (let i = 0; i < 12; i++) {
      assert.equal(stand.forward(WAN, { ...SYN, sport: 30_000 + i }).dst, '192.168.168.2')
    }
    pool.release(ipv4Int('192.168.168.12'), 6379, 1029, 0)
    const both = [1, 2].map(i => stand.forward(WAN, { ...SYN, sport: 31_000 + i }).dst)
    assert.deepEqual(both.sort(), ['192.168.168.12', '192.168.168.2'])
    assert.equal(pool.misses, misses)
    exhaust(stand, '192.168.168.2')
    stand.segment(WAN, SYN)
    assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED', 'nobody has one')
    assert.ok(pool.misses > misses)
  })
}

test('lports: a persistent client is sent on when its RS has none left', () => {
  const config = TWO_RSS.replace('scheduler: wrr', 'scheduler: wrr\n    persistence: 60')
  const stand = new Stand(config + FIRST_COME, undefined, { lports: LPORTS }).resolveRss()
  const rsFor = (sport: number) => stand.forward(WAN, { ...SYN, sport }).dst
  const first = rsFor(1)
  assert.equal(rsFor(2), first)
  exhaust(stand, first)
  const second = rsFor(3)
  assert.notEqual(second, first)
  assert.equal(rsFor(4), second)
  // When nobody has one, it keeps what it had: nothing was opened elsewhere.
  exhaust(stand, second)
  const { templates } = stand.engine
  const TCP_PORT = (6 << 16) | SYN.dport
  for (let sport = 5; sport < 9; sport++) {
    stand.segment(WAN, { ...SYN, sport })
    assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
    const place = templates.find(ipv4Int(SYN.src), ipv4Int(SYN.dst), TCP_PORT, stand.now)
    assert.equal(stand.engine.dests.list[place]?.rip, ipv4Int(second))
  }
})

test('lports: RSs without one are passed over among hundreds, and the image of an engine knows them', () => {
  const servers = Array.from({ length: 200 }, (_, i) => `{ address: 192.168.168.${i + 20} }`)
  const config = SEED_CONFIG.replace(/real_servers.*/, `real_servers: [${servers.join(', ')}]`)
  const stand = new Stand(config + FIRST_COME, undefined, { lports: LPORTS }).resolveRss()
  // 15 of the 16 sub-pools: RSs whose addresses differ by 16 share theirs.
  for (let host = 20; host < 35; host++) exhaust(stand, `192.168.168.${host}`)
  const left = Array.from({ length: 12 }, (_, i) => `192.168.168.${211 - i * 16}`)
  const restored = new Stand(config + FIRST_COME, undefined, { lports: LPORTS }, stand.image())
  for (const tested of [stand, restored]) {
    const chosen = left.map((_, i) => tested.forward(WAN, { ...SYN, sport: 40_000 + i }).dst)
    assert.deepEqual(chosen, left)
  }
})

test('the table of connections: a place that falls free is used', () => {
  const stand = new Stand(SEED_CONFIG + FIRST_COME.replace('{', '{ table_size: 16,')).resolveRss()
  openMany(16)(stand)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'CONN_TABLE_FULL')
  assert.equal(stand.engine.lips[0].used, 16)
  stand.segment(LAN, { ...RS, flags: 'R.' })
  stand.pass(4100)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'arm 1')
})
