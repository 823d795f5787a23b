/**
 * Every reason for which the engine refuses a frame, each provoked: the named counter rises by exactly one, no other
 * does, nothing leaves, and the slot is free again. The rows are in the kit, by header.
 * Holds invariant I5.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drop } from '../../src/engine/counters.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { established, frameOf, LAN, open, RS, SYN, WAN } from '../kit/connection.ts'
import { type DropName, provoke } from '../kit/drop.ts'
import { ETHERNET_IP_DROPS } from '../kit/drops-ethernet-ip.ts'
import { FRAGMENT_CASES } from '../kit/drops-fragments.ts'
import { FRAGMENT6_CASES } from '../kit/drops-fragments6.ts'
import { ICMP_DROPS } from '../kit/drops-icmp.ts'
import { IPV6_DROPS } from '../kit/drops-ipv6.ts'
import { TCP_DROPS } from '../kit/drops-tcp.ts'
import { UDP_DROPS } from '../kit/drops-udp.ts'
import { mac } from '../kit/frame.ts'
import { CLIENT_MAC, RS_MAC, Stand } from '../kit/stand.ts'

/** Reasons that are not the engine's verdicts: the loop's, the arms' and the fault injector's. */
const FROM_IO: DropName[] = [
  'TX_QUEUE_FULL',
  'TX_ARM_DOWN',
  'TX_ERROR',
  'IMPAIRED',
  'HAND_OVER_FULL',
  'ENGINE_ERROR',
  'WORKER_LOST',
]
/** Provoked in neigh.test.ts and reassembly.test.ts, for no frame's verdict says it: what was kept is given up. */
const FROM_TIMER: DropName[] = ['NEIGH_UNRESOLVED', 'FRAGMENT_NO_ROOM', 'FRAGMENT_TIMEOUT']

const CASES = [
  ...ETHERNET_IP_DROPS,
  ...FRAGMENT_CASES,
  ...FRAGMENT6_CASES,
  ...ICMP_DROPS,
  ...IPV6_DROPS,
  ...TCP_DROPS,
  ...UDP_DROPS,
]

for (const row of CASES) {
  test(`${row.drop.toLowerCase()}: ${row.name}`, () => void provoke(row))
}

test('every drop reason is in this table, or is known to come from elsewhere', () => {
  const provoked = new Set(CASES.map(({ drop }) => drop))
  const missing = Object.keys(Drop).filter(name => !provoked.has(name as DropName))
  assert.deepEqual(missing.sort(), [...FROM_IO, ...FROM_TIMER].sort())
})

test('the numbers of drops are different, in order, and not those of other verdicts', () => {
  const numbers = Object.values(Drop)
  assert.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)))
  const fits = (number: number) => (number > 2 && number < 64) || (number > 127 && number < 192)
  assert.ok(numbers.every(fits))
})

test('a SYN that opens nothing leaves no connection and no lport behind', () => {
  for (const { drop, bytes, arm = WAN, before, config } of CASES) {
    if (before || drop === 'IP_TOO_BIG' || drop === 'IP_TTL') continue
    const stand = new Stand(config).resolveRss()
    stand.inputRaw(arm, bytes)
    assert.equal(stand.engine.conns.table.used, 0)
    assert.equal(stand.engine.lips[0].used, 0)
  }
})

test('an RS that calls the VIP from its own arm is a client like any other', () => {
  const stand = new Stand().resolveRss()
  const syn = stand.forward(LAN, { ...SYN, src: '192.168.168.2', sport: 50_000 })
  assert.deepEqual([syn.src, syn.dst, syn.dstMac], ['192.168.168.7', '192.168.168.2', RS_MAC])
  const answer = stand.forward(LAN, { ...RS, flags: 'S.' })
  assert.deepEqual(
    [answer.src, answer.dst, answer.dport],
    ['202.108.10.1', '192.168.168.2', 50_000],
  )
})

test('each end of a connection is heard on its own arm only', () => {
  const stand = established()
  const client = frameOf(stand, 'in', { flags: 'R' })
  const rs = frameOf(stand, 'out', { flags: 'R' })
  // As a stranger on the other arm would send them: with that arm's MAC as destination.
  client.set(mac(stand.macOf(LAN)))
  rs.set(mac(stand.macOf(WAN)))
  for (const [arm, frame] of [
    [LAN, client],
    [WAN, rs],
  ] as const) {
    assert.deepEqual(stand.input(arm, frame), [])
    assert.equal(stand.verdictName(), 'IP_SOURCE')
  }
  assert.equal(stand.engine.conns.table.state(0), State.ESTABLISHED)
  const answer = stand.forward(LAN, { ...RS, flags: 'P.', payload: Uint8Array.of(1) })
  assert.equal(answer.dstMac, CLIENT_MAC)
})

test('bad lengths that a lenient parser would take leave the connection alone', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  for (const { bytes, arm = WAN, before, config } of CASES) {
    if (!before && !config) stand.inputRaw(arm, bytes)
  }
  assert.equal(stand.engine.conns.table.used, 1)
  stand.segment(LAN, { ...RS, flags: 'S.' })
  assert.equal(stand.verdictName(), 'arm 0')
})
