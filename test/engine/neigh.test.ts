/**
 * Neighbours: the five states with all cells, their timers and the table of entries. The times are those of
 * semantics 6.1; up to 200 ms of jitter and 100 ms until the walk over the entries are added to each. What a
 * conversation sees of it is in neigh-traffic.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arm } from '../../src/engine/arm.ts'
import { ArpOutput } from '../../src/engine/arp-output.ts'
import { Counters, Drop, Event, PARKED } from '../../src/engine/counters.ts'
import { Family } from '../../src/engine/family.ts'
import { Frames } from '../../src/engine/frames.ts'
import { Neighs } from '../../src/engine/neigh.ts'
import { Neigh } from '../../src/engine/neigh-state.ts'
import { NO_NEIGH } from '../../src/engine/neigh-table.ts'
import { Random } from '../../src/engine/random.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { VNET } from '../../src/wire/vnet-hdr.ts'

const RS = ipv4Int('192.168.168.2')

/** One neighbour of a bare table, driven by hand. */
class Rig {
  readonly frames = new Frames(new ArrayBuffer(Frames.bytesFor(16)), 16)
  readonly arm = new Arm(0, 0x0200, 1, 1500, 64)
  readonly counters = new Counters(new ArrayBuffer(Counters.bytesFor(1)), 1)
  readonly neighs: Neighs
  now = 0x7fff_0000 // wraps to negative within the longest test
  n: number

  constructor(capacity = 4) {
    this.arm.addAddress(Family.IPV4, ipv4Int('192.168.168.3'), 24)
    const trace = new TraceRing(new ArrayBuffer(TraceRing.bytesFor(64)), 64)
    const memory = new ArrayBuffer(Neighs.bytesFor(capacity))
    const options = { capacity, memory, timeoutSec: 60, queueLimit: 16 }
    const { arm, frames, counters } = this
    const parts = { arms: [arm], frames, counters, trace, random: new Random(3) }
    this.neighs = new Neighs(parts, [new ArpOutput(parts)], options)
    this.n = this.neighs.findOrCreate(0, RS, NO_NEIGH, this.now)
  }

  get state(): string {
    const gone = this.neighs.find(0, RS, NO_NEIGH) < 0
    return gone ? 'gone' : names[this.neighs.state[this.n]]
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 100
      this.neighs.tick(this.now | 0)
      this.sent()
    }
  }

  /** ARP requests sent since the last call. */
  sent(): number {
    const count = this.arm.outboxCount
    for (let i = 0; i < count; i++) this.frames.release(this.arm.outbox[i])
    this.arm.outboxCount = 0
    return count
  }

  output(): number {
    const slot = this.frames.take()
    const eth = this.frames.start[slot] + VNET.BYTES
    const verdict = this.neighs.output(this.n, slot, eth, this.arm, this.now | 0)
    if (verdict !== PARKED) this.frames.release(slot)
    return verdict
  }

  reply(mac = 7): void {
    this.neighs.hear(0, RS, 0x5254, mac, true, this.now | 0)
  }

  confirm(mac = 7): void {
    this.neighs.confirm(this.n, 0x5254, mac, this.now | 0)
  }

  /** Brings the fresh entry into `state`. */
  enter(state: string): this {
    if (state !== 'NONE') this.neighs.resolve(0, RS, this.now | 0)
    if (state === 'NONE' || state === 'SEND') return this
    this.reply()
    if (state !== 'REACHABLE') this.pass(60_400)
    if (state === 'DELAY') this.output()
    assert.equal(this.state, state)
    this.sent()
    return this
  }
}

const names = Object.keys(Neigh)

/** A row per event; `gone` is the timer in NONE, which deletes the entry. `sent` in REACHABLE has no way to happen. */
const CELLS = `
            NONE       SEND       REACHABLE  PROBE      DELAY
  sent      SEND       SEND       REACHABLE  DELAY      DELAY
  reply     REACHABLE  REACHABLE  REACHABLE  REACHABLE  REACHABLE
  confirmed NONE       SEND       REACHABLE  REACHABLE  REACHABLE
  suspect   NONE       SEND       PROBE      PROBE      DELAY
  timer     gone       NONE       PROBE      NONE       NONE`

const TIMER_MS: Record<string, number> = {
  NONE: 2000,
  SEND: 3000,
  REACHABLE: 60_000,
  PROBE: 30_000,
  DELAY: 3000,
}

const EVENTS: Record<string, (rig: Rig, state: string) => void> = {
  sent: rig => {
    rig.output()
  },
  reply: rig => rig.reply(),
  confirmed: rig => rig.confirm(),
  suspect: rig => {
    // Another MAC counts only a second after the last change.
    if (rig.state === 'REACHABLE') rig.pass(1200)
    rig.confirm(8)
  },
  timer: (rig, state) => {
    // DELAY and PROBE were entered up to 300 ms ago by enter().
    rig.pass(TIMER_MS[state] - 400)
    assert.equal(rig.state, state, `left ${state} too early`)
    rig.pass(700)
  },
}

const [head, ...rows] = CELLS.trim()
  .split('\n')
  .map(line => line.trim().split(/\s+/))
for (const [event, ...targets] of rows) {
  targets.forEach((to, i) => {
    test(`${head[i]} -${event}-> ${to}`, () => {
      const rig = new Rig().enter(head[i])
      EVENTS[event](rig, head[i])
      assert.equal(rig.state, to)
    })
  })
}

test('the cells are 25', () => assert.equal(rows.flatMap(([, ...cells]) => cells).length, 25))

test('REACHABLE is renewed by confirmation, at most once in half of its timeout', () => {
  const rig = new Rig().enter('REACHABLE')
  rig.pass(50_000)
  rig.confirm()
  rig.pass(20_000)
  // Within 30 s of the last renewal this one does nothing.
  rig.confirm()
  rig.pass(39_000)
  assert.equal(rig.state, 'REACHABLE')
  rig.pass(1500)
  assert.equal(rig.state, 'PROBE')
})

test('a request is repeated every second while nobody answers, and in DELAY', () => {
  for (const state of ['SEND', 'DELAY']) {
    const rig = new Rig().enter(state)
    rig.sent()
    let requests = 0
    for (let ms = 0; ms < 2900; ms += 100) {
      rig.now += 100
      rig.neighs.tick(rig.now | 0)
      requests += rig.sent()
      assert.equal(requests, Math.floor((ms + 100) / 1000), `${state} after ${ms + 100} ms`)
    }
  }
})

test('the table is full: the entry is refused, nothing else breaks, and a place that falls free is used', () => {
  const rig = new Rig(2)
  const second = rig.neighs.findOrCreate(0, RS + 1, NO_NEIGH, rig.now)
  assert.ok(second >= 0)
  assert.equal(rig.neighs.findOrCreate(0, RS + 2, NO_NEIGH, rig.now), NO_NEIGH)
  assert.equal(rig.neighs.findOrCreate(0, RS, NO_NEIGH, rig.now), rig.n)
  assert.equal(rig.neighs.used, 2)
  rig.pass(2400)
  assert.equal(rig.neighs.used, 0)
  assert.ok(rig.neighs.findOrCreate(0, RS + 2, NO_NEIGH, rig.now) >= 0)
})

test('entries are counted by state, set ones too', () => {
  const rig = new Rig()
  const states = () => [...rig.counters.neighbours.subarray(0, names.length)]
  assert.deepEqual(states(), [1, 0, 0, 0, 0])
  rig.output()
  assert.deepEqual(states(), [0, 1, 0, 0, 0])
  for (let i = 0; i < 2; i++) rig.neighs.fix(0, RS, 0x5254, 7, rig.now)
  assert.deepEqual(states(), [0, 0, 1, 0, 0])
})

test('entries that share a bucket are found and deleted each by itself', () => {
  const rig = new Rig(8)
  // The bucket is a xor of bytes: these four collide.
  const same = ['10.0.1.0', '10.0.0.1', '10.0.3.2', '10.0.2.3'].map(ipv4Int)
  const made = same.map(address => rig.neighs.findOrCreate(0, address, NO_NEIGH, rig.now))
  rig.neighs.resolve(0, same[1], rig.now)
  rig.neighs.resolve(0, same[2], rig.now)
  rig.pass(2500)
  assert.deepEqual(
    same.map(address => rig.neighs.find(0, address, NO_NEIGH)),
    [NO_NEIGH, made[1], made[2], NO_NEIGH],
  )
  assert.equal(rig.neighs.find(1, same[1], NO_NEIGH), NO_NEIGH, 'the arm is part of the key')
})

test('parked frames never take more than half of the arena', () => {
  const rig = new Rig().enter('SEND')
  rig.sent()
  const verdicts = Array.from({ length: 12 }, () => rig.output())
  assert.equal(verdicts.filter(verdict => verdict === PARKED).length, 8)
  assert.equal(verdicts[8], -Drop.NO_BUFFER)
  assert.equal(rig.frames.free, 8)
})

test('a request is counted', () => {
  const rig = new Rig()
  rig.neighs.resolve(0, RS, rig.now)
  assert.equal(rig.sent(), 1)
  assert.equal(rig.counters.events[Event.ARP_REQUESTS], 1)
})

test('an entry that was set holds against time and ARP, sends what was parked, and is gone when it is unset', () => {
  const rig = new Rig()
  const slot = rig.frames.take()
  rig.frames.length[slot] = VNET.BYTES + 60
  const eth = rig.frames.start[slot] + VNET.BYTES
  assert.equal(rig.neighs.output(rig.n, slot, eth, rig.arm, rig.now), PARKED)
  rig.arm.outboxCount = 0
  rig.neighs.fix(0, RS, 0x5254, 7, rig.now)
  assert.deepEqual([rig.arm.outboxCount, rig.arm.outbox[0]], [1, slot])
  rig.neighs.hear(0, RS, 0x5254, 8, true, rig.now)
  rig.neighs.confirm(rig.n, 0x5254, 9, rig.now)
  for (let i = 0; i < 2000; i++) rig.neighs.tick((rig.now + i * 100) | 0)
  assert.equal(rig.state, 'REACHABLE')
  assert.equal(rig.neighs.macLo[rig.n], 7)
  rig.neighs.unfix(0, RS)
  assert.equal(rig.state, 'gone')
  rig.neighs.unfix(0, RS)
})
