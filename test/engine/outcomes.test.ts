/** What counts as an RS that fails a connection, and what does not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outcome } from '../../src/engine/outcomes.ts'
import { CLIENT, established, LAN, open, RS, SYN, WAN } from '../kit/connection.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { Stand } from '../kit/stand.ts'

const counts = ({ engine }: Stand) => {
  const { cells } = engine.outcomes
  return { failed: cells[Outcome.FAILED], done: cells[Outcome.DONE] }
}

test('an RS that leaves the SYN without an answer has failed when the connection expires', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.pass(29_000)
  assert.deepEqual(counts(stand), { failed: 0, done: 0 })
  stand.pass(3000)
  assert.deepEqual(counts(stand), { failed: 1, done: 0 })
})

test('an RS that nobody finds by ARP has failed too', () => {
  const stand = new Stand()
  open(stand)
  stand.pass(32_000)
  assert.deepEqual(counts(stand), { failed: 1, done: 0 })
})

test('RST to the SYN is a failure at once, and only one', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.segment(LAN, { ...RS, flags: 'R.' })
  assert.deepEqual(counts(stand), { failed: 1, done: 0 })
  stand.segment(LAN, { ...RS, flags: 'R.' })
  stand.pass(10_000)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.deepEqual(counts(stand), { failed: 1, done: 0 })
})

test('an established connection is a success, however it ends', () => {
  for (const end of ['R', 'F.', 'idle']) {
    const stand = established()
    assert.deepEqual(counts(stand), { failed: 0, done: 1 })
    if (end !== 'idle') stand.segment(LAN, { ...RS, flags: end })
    stand.pass(92_000)
    assert.equal(stand.engine.conns.table.used, 0)
    assert.deepEqual(counts(stand), { failed: 0, done: 1 })
  }
})

test('a client that never finishes its handshakes says nothing of the RS', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.forward(LAN, { ...RS, flags: 'S.', seq: 9000 })
  stand.pass(32_000)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.deepEqual(counts(stand), { failed: 0, done: 0 })
})

test('a client that goes on without an answer is no success of the RS', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.segment(WAN, CLIENT)
  assert.deepEqual(counts(stand), { failed: 0, done: 0 })
})

test('a client that takes its SYN back leaves the RS what it was', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.segment(WAN, { ...SYN, flags: 'R', seq: 1001 })
  assert.deepEqual(counts(stand), { failed: 0, done: 0 })
})

test('what an RS owes, or has done, says nothing of the next one in its place', () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    const stand = new Stand(protocol === 'udp' ? UDP_CONFIG : undefined).resolveRss()
    const { outcomes } = stand.engine
    const isUdp = protocol === 'udp'
    const isSilent = () => outcomes.isSilent(0, stand.now | 0, isUdp)
    const to = { protocol, vip: SYN.dst, vport: SYN.dport }
    outcomes.done(0)
    assert.equal(isSilent(), false)
    stand.pass(1500)
    assert.equal(isSilent(), true)
    stand.change([{ put: 'no-rs', ...to, address: RS.src, port: RS.sport }])
    const at = { ...to, place: 0, address: '192.168.168.99', port: RS.sport }
    const rs = {
      ...at,
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      backup: false,
      forwarding: 'fullnat' as const,
    }
    stand.change([{ put: 'rs', rs }])
    assert.equal(isSilent(), false)
    stand.pass(1500)
    // Of UDP it has to have answered once.
    assert.equal(isSilent(), !isUdp)
    const twin = new Stand(undefined, undefined, {}, stand.image())
    assert.equal(twin.engine.outcomes.isSilent(0, stand.now | 0, isUdp), !isUdp)
    outcomes.done(0)
    assert.equal(isSilent(), false)
    stand.pass(1500)
    assert.equal(isSilent(), true)
  }
})
