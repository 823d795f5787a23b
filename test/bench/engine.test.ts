/** The engine's benchmark measures what it says: right frames in, right frames out, nothing dropped on the way. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratioOf, regressions } from '../../bench/engine/baseline.ts'
import { Clients } from '../../bench/engine/clients.ts'
import { Established } from '../../bench/engine/established.ts'
import { LIFE_PACKETS, Lives } from '../../bench/engine/lives.ts'
import { REFUSALS, Refused } from '../../bench/engine/refused.ts'
import { Rig } from '../../bench/engine/rig.ts'
import { timers } from '../../bench/engine/timers.ts'
import { Drop, Event } from '../../src/engine/counters.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { decode } from '../kit/decode.ts'

function dropped(rig: Rig): string[] {
  const { events } = rig.engine.counters
  return Object.entries(Drop).flatMap(([name, reason]) => (events[reason] > 0 ? [name] : []))
}

test('frames are right in every checksum before and after the engine', () => {
  const rig = new Rig({ conns: 64 })
  const clients = new Clients(rig, 64)
  clients.open()
  const { frames } = rig.engine
  const bytes = (slot: number) =>
    new Uint8Array(frames.pkt.buffer, frames.start[slot], frames.length[slot])
  for (const partial of [false, true]) {
    clients.stampIn(clients.fromClient({ payload: 64, partial }), 0)
    const sent = decode(bytes(rig.slots[5]))
    rig.judge(rig.ext)
    assert.equal(rig.int.outboxCount, 64)
    const passed = decode(bytes(rig.slots[5]))
    rig.clearOutboxes()
    clients.stampOut(clients.fromRs({ payload: 64, partial }), 0)
    rig.judge(rig.int)
    assert.equal(rig.ext.outboxCount, 64)
    const back = decode(bytes(rig.slots[5]))
    rig.clearOutboxes()
    assert.ok(sent.kind === 'tcp' && passed.kind === 'tcp' && back.kind === 'tcp')
    assert.equal(sent.payload.length, 64)
    assert.match(passed.src, /^172\.16\.240\./)
    assert.equal(back.dst, sent.src)
    assert.equal(back.dport, sent.sport)
  }
})

test('established traffic keeps all its connections and drops nothing', () => {
  const rig = new Rig({ conns: 1024, services: 10, realServers: 3 })
  const clients = new Clients(rig, 1024)
  clients.open()
  const { counters, conns } = rig.engine
  const before = counters.armCell(0, 0) + counters.armCell(1, 0)
  assert.ok(new Established(clients).run(5000) > 0)
  const packets = counters.armCell(0, 0) + counters.armCell(1, 0) - before
  assert.equal(packets, 5120)
  for (let conn = 0; conn < 1024; conn++) assert.equal(conns.table.state(conn), State.ESTABLISHED)
  assert.deepEqual(dropped(rig), [])
})

test('lives end in TIME_WAIT and by the timer', () => {
  const rig = new Rig({ conns: 1 << 16 })
  const lives = new Lives(rig)
  const { counters } = rig.engine
  const before = counters.armCell(0, 0) + counters.armCell(1, 0)
  lives.run(64 * 900)
  assert.equal(counters.events[Event.CONNS_OPENED], 64 * 900)
  assert.ok(counters.events[Event.CONNS_EXPIRED] > 64 * 90)
  assert.equal(counters.events[Event.RST_ON_EXPIRY], 0)
  const packets = counters.armCell(0, 0) + counters.armCell(1, 0) - before
  assert.equal(packets, 64 * 900 * LIFE_PACKETS)
  assert.deepEqual(dropped(rig), [])
})

test('refusals are for the reason they are named after', () => {
  for (const reason of Object.keys(REFUSALS) as (keyof typeof REFUSALS)[]) {
    const rig = new Rig({ conns: 64 })
    new Refused(rig, reason).run(640)
    assert.deepEqual(dropped(rig), [reason])
  }
})

test('every connection is filed again once and expires once', () => {
  // It throws if one does not. What it cost is no matter for a test: beside other work an idle tick may take longer than
  // one that files again, and nothing is left of the difference.
  for (const ns of Object.values(timers(1024, 3))) assert.ok(ns >= 0 && Number.isFinite(ns))
})

test('a row over its stored ratio and the tolerance is told in words', () => {
  const calibration = { best: { cpu: 2, cache: 10, memory: 40 } }
  const row = (name: string, ns: number) => ({ name, ns, against: 'cpu' as const })
  assert.equal(ratioOf(row('a', 100), calibration), 50)
  const said = regressions([row('a', 104), row('b', 110), row('new', 1)], calibration, {
    a: 50,
    b: 50,
  })
  assert.equal(said.length, 1)
  assert.match(said[0], /^b costs 10 % more than the baseline: 110 ns, expected 100 ns/)
})
