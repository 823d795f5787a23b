/** How long handshakes took, and how many connections there are of each state: both counted at changes of state only. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HANDSHAKE_BOUNDS, HANDSHAKE_CELLS, Handshake } from '../../src/engine/handshake-cells.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { Stand } from '../kit/stand.ts'

/** Buckets with something in them, by their bound in ms, and the sum. */
function timed(stand: Stand, which: number): Record<string, number> {
  const { handshakes } = stand.engine.counters
  const cells = handshakes.subarray(which * HANDSHAKE_CELLS, (which + 1) * HANDSHAKE_CELLS)
  const found: Record<string, number> = {}
  for (let i = 0; i <= HANDSHAKE_BOUNDS.length; i++) {
    if (cells[i] > 0) found[HANDSHAKE_BOUNDS[i] ?? 'more'] = cells[i]
  }
  const sum = cells[HANDSHAKE_CELLS - 1]
  return sum > 0 ? { ...found, sum } : found
}

function states(stand: Stand): Record<string, number> {
  const names = Object.entries(State).map(([name, i]) => [name, stand.engine.counters.states[i]])
  return Object.fromEntries(names.filter(([, count]) => count !== 0))
}

/** Sends the SYN. => What the RS acknowledges with its own. */
function syn(stand: Stand): number {
  return stand.forward(WAN, SYN).seq + 1
}

function synAck(stand: Stand, ack: number): void {
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000, ack })
}

test('both halves of a handshake are timed from the SYN on', () => {
  const stand = new Stand().resolveRss()
  const ack = syn(stand)
  assert.deepEqual(states(stand), { SYN_RECV: 1 })
  stand.pass(3)
  synAck(stand, ack)
  assert.deepEqual(timed(stand, Handshake.RS), { 5: 1, sum: 3 })
  assert.deepEqual(timed(stand, Handshake.CLIENT), {})
  stand.pass(20)
  stand.segment(WAN, CLIENT)
  assert.deepEqual(states(stand), { ESTABLISHED: 1 })
  assert.deepEqual(timed(stand, Handshake.CLIENT), { 50: 1, sum: 23 })
  stand.pass(40)
  stand.segment(LAN, { ...RS, ack })
  stand.segment(WAN, CLIENT)
  assert.deepEqual(timed(stand, Handshake.RS), { 5: 1, sum: 3 })
  assert.deepEqual(timed(stand, Handshake.CLIENT), { 50: 1, sum: 23 })
})

test('a bound belongs to its bucket, and what is longer than all has one of its own', () => {
  const { counters } = new Stand().engine
  for (const ms of [0, 1, 2, 3, 5000, 5001, 70_000]) counters.handshake(Handshake.CLIENT, ms)
  const cells = [...counters.handshakes.subarray(HANDSHAKE_CELLS, 2 * HANDSHAKE_CELLS)]
  assert.deepEqual(cells, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 80_007])
})

test('segments sent again count from the first SYN, and once', () => {
  const stand = new Stand().resolveRss()
  syn(stand)
  stand.pass(1000)
  const ack = syn(stand)
  stand.pass(8)
  synAck(stand, ack)
  stand.pass(1000)
  synAck(stand, ack)
  assert.deepEqual(timed(stand, Handshake.RS), { 2000: 1, sum: 1008 })
  stand.pass(2)
  stand.segment(WAN, CLIENT)
  assert.deepEqual(timed(stand, Handshake.CLIENT), { 5000: 1, sum: 2010 })
})

test('an ACK of the client without any answer of the RS is no handshake', () => {
  const stand = new Stand().resolveRss()
  const ack = syn(stand)
  stand.pass(4)
  stand.segment(WAN, CLIENT)
  assert.deepEqual(timed(stand, Handshake.CLIENT), {})
  stand.pass(5)
  synAck(stand, ack)
  assert.deepEqual(timed(stand, Handshake.RS), { 10: 1, sum: 9 })
})

test('a connection that is opened anew in TIME_WAIT is timed from its second SYN', () => {
  const stand = new Stand().resolveRss()
  const ack = syn(stand)
  synAck(stand, ack)
  stand.segment(WAN, CLIENT)
  stand.segment(WAN, { ...CLIENT, flags: 'F.' })
  stand.segment(LAN, { ...RS, flags: 'F.', ack: ack + 1 })
  assert.deepEqual(states(stand), { TIME_WAIT: 1 })
  stand.pass(5000)
  const again = stand.forward(WAN, { ...SYN, seq: 50_000 }).seq + 1
  stand.pass(6)
  synAck(stand, again)
  stand.pass(1)
  stand.segment(WAN, { ...CLIENT, seq: 50_001 })
  assert.deepEqual(timed(stand, Handshake.CLIENT), { 1: 1, 10: 1, sum: 7 })
})

test('the lport rests with what its RS had to acknowledge, however far the handshake came', () => {
  for (const answered of [false, true]) {
    const stand = new Stand().resolveRss()
    const ack = syn(stand)
    if (answered) synAck(stand, ack)
    stand.pass(40_000)
    assert.deepEqual(states(stand), {})
    const [pool] = stand.engine.lips
    const rip = (192 << 24) | (168 << 16) | (168 << 8) | 2
    assert.equal(pool.lastSeq(rip, 6379, 1025) >>> 0, ack)
  }
})

test('a SYN+ACK that comes once more says nothing of what the RS has come to since', () => {
  const stand = new Stand().resolveRss()
  const ack = syn(stand)
  synAck(stand, ack)
  stand.segment(WAN, { ...CLIENT, payload: new Uint8Array(100) })
  stand.segment(LAN, { ...RS, ack: ack + 100 })
  synAck(stand, ack)
  stand.pass(85_000)
  stand.resolveRss()
  const rsts = stand.pass(6000).flatMap(({ arm, decoded }) => {
    return arm === LAN && decoded.kind === 'tcp' ? [decoded] : []
  })
  assert.deepEqual(
    rsts.map(({ flags, seq }) => [flags, seq]),
    [['R', ack + 100]],
  )
})
