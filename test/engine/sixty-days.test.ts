/**
 * int32 ms go round in 49.7 days, and half of that is as far as they can be compared. A clock that begins two days before the
 * round and runs for sixty: whatever the engine keeps a time of is as right in the end as it was in the beginning.
 * Holds invariant I10.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { edges } from '../../src/control/readings/refusals.ts'
import { SessionReading } from '../../src/control/sessions/words.ts'
import { endedOf } from '../../src/control/whois/ended.ts'
import { EndedRing } from '../../src/control/whois/ring.ts'
import { Drop } from '../../src/engine/counters.ts'
import { refusals } from '../../src/engine/drop-book.ts'
import { Neigh } from '../../src/engine/neigh-state.ts'
import { SessionRing } from '../../src/engine/sessions.ts'
import { Templates } from '../../src/engine/templates.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { frame, packet } from '../kit/drop.ts'
import { arpFrame } from '../kit/frame.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const SECOND = 1000
const DAY = 86_400 * SECOND
const DAYS = 60
const START = 2 ** 32 * 400 - 2 * DAY
const OTHER_MAC = '52:54:00:00:00:99'

/** With an RS that need not be asked for again and again. */
const FIXED = SEED_CONFIG.replace(
  'local_addresses: [192.168.168.7]',
  '$&\n    neighbours: [{ address: 192.168.168.2, mac: 52:54:00:00:01:02 }]',
)

/** A stand whose clock is that of a daemon two days before int32 goes round. */
function old(yaml = SEED_CONFIG): { stand: Stand; ring: SessionRing } {
  const ring = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(64)), 64)
  const stand = new Stand(yaml, undefined, { now: START, sessions: ring })
  stand.now = START
  stand.resolveRss()
  return { stand, ring }
}

/** Days that pass in turns of a loop, with what happens at the beginning of each; half a minute is a turn of a quiet one. */
function live(stand: Stand, days: number, daily: (day: number) => void = () => {}): void {
  for (let day = 0; day < days; day++) {
    daily(day)
    stand.pass(DAY, 20 * SECOND)
    stand.log()
  }
}

test('a connection of sixty days: session log, history, age and edges', () => {
  const { stand, ring } = old(`${FIXED}\ntcp: { timeouts: { established: 200000 } }`)
  const syn = stand.forward(WAN, SYN)
  const ends = { ...RS, ack: syn.seq + 1 }
  stand.forward(LAN, { ...ends, flags: 'S.', seq: 9000 })
  stand.forward(WAN, CLIENT)
  live(stand, DAYS, () => stand.forward(WAN, CLIENT))
  const { engine } = stand
  assert.equal(engine.sessions?.age(0, stand.now | 0), DAYS * DAY)
  stand.forward(WAN, { ...CLIENT, flags: 'R' })
  const reset = stand.now
  stand.pass(5000)
  const reading = new SessionReading()
  assert.ok(ring.read(reading.cells))
  const wallOf = (ms: number) => stand.now - ((stand.now - ms) | 0)
  const session = reading.session(wallOf)
  assert.equal(session.start, new Date(START).toISOString())
  assert.equal(session.duration_ms, reset - START)
  assert.deepEqual([session.rs_handshake_ms, session.client_handshake_ms], [0, 0])

  const ended = endedOf(reading, 1, wallOf)
  assert.deepEqual([ended.openedMs, ended.lastMs], [START, reset])
  const history = new EndedRing(8)
  history.add(ended)
  const key = { by: 'client', address: ipv4Int(SYN.src), port: SYN.sport } as const
  const search = { key, rs: null, fromMs: START, toMs: START + 1, limit: 9 }
  assert.deepEqual(history.find(search), [ended])

  const used = edges(stand.model.readings)
  const opened = used.find(({ from, to }) => from === 'NONE' && to === 'SYN_RECV')
  const broken = used.find(({ from, to }) => from === 'ESTABLISHED' && to === 'CLOSE')
  assert.deepEqual([opened?.last_ms, broken?.last_ms], [START, reset])
  assert.equal(engine.conns.table.used, 0)
})

test('refused frames are as old as they are', () => {
  const { stand } = old()
  stand.inputRaw(WAN, frame(packet({ dport: 80 })))
  live(stand, DAYS)
  stand.inputRaw(WAN, frame(packet({ dport: 81 })))
  const kept = refusals(stand.dropMemory, Drop.TCP_NO_SERVICE)
  assert.deepEqual(
    kept.map(({ time }) => time),
    [START + DAYS * DAY, START],
  )
})

test('a neighbour that stays as it is for weeks is suspected on any of their days', () => {
  for (const days of [1, 20, 26, 40, DAYS]) {
    const { stand } = old(`${SEED_CONFIG}\nneighbours: { timeout: 3600 }`)
    const { neighs } = stand.engine
    for (let half = 0; half < days * 48; half++) {
      stand.arpReply('192.168.168.2', '52:54:00:00:01:02')
      stand.pass(DAY / 48, 20 * SECOND)
    }
    assert.equal(neighs.state[0], Neigh.REACHABLE, `after ${days} days`)
    const syn = stand.forward(WAN, SYN)
    const answer = { ...RS, dport: syn.sport, flags: 'S.', ack: syn.seq + 1, srcMac: OTHER_MAC }
    stand.forward(LAN, answer)
    assert.equal(neighs.state[0], Neigh.PROBE, `after ${days} days`)
  }
})

test('a second claim of our address is reported on any day after the first', () => {
  for (const days of [1, 20, 26, 40, DAYS]) {
    const { stand } = old()
    const claim = () => {
      const claimant = { mac: OTHER_MAC, ip: '202.108.10.1' }
      const asked = { mac: '00:00:00:00:00:00', ip: '202.108.10.9' }
      stand.input(WAN, arpFrame(1, claimant, asked, 'ff:ff:ff:ff:ff:ff'))
      return stand.log().filter(line => line.includes('202.108.10.1') && line.includes(OTHER_MAC))
    }
    assert.equal(claim().length, 1)
    assert.equal(claim().length, 0)
    live(stand, days)
    assert.equal(claim().length, 1, `after ${days} days`)
  }
})

test('a client whose persistence is over stays unknown', () => {
  const { stand } = old(
    SEED_CONFIG.replace('scheduler: wrr', 'scheduler: wrr\n    persistence: 60'),
  )
  const { templates } = stand.engine
  const find = () => templates.find(...TEMPLATE, stand.now | 0)
  stand.forward(WAN, SYN)
  assert.equal(find(), 0)
  live(stand, DAYS, () => assert.equal(stand.now === START ? -1 : find(), -1))
  assert.equal(find(), -1)
})

/** Of TCP, its port. */
const TEMPLATE = [ipv4Int(SYN.src), ipv4Int(SYN.dst), (6 << 16) | SYN.dport] as const

test('a sweep clears what is over, and nothing else', () => {
  const entries = 2 ** 10
  const table = new Templates(new ArrayBuffer(Templates.bytesFor(entries)), entries)
  const now = 0x7fff_ff00 | 0
  for (let client = 0; client < 200; client++) {
    table.put(client, 1, 80, 7, (now + (client % 2 ? 1_000_000 * SECOND : 0)) | 0)
  }
  const empty = new Templates(new ArrayBuffer(Templates.bytesFor(entries)), entries).save().length
  const inUse = () => (table.save().length - empty) / 6
  assert.equal(inUse(), 200)
  for (let i = 0; i < entries / 8; i++) table.sweep(now)
  assert.equal(inUse(), 100)
  for (let client = 0; client < 200; client++) {
    assert.equal(table.find(client, 1, 80, now), client % 2 ? 7 : -1)
  }
})

test('a half-open connection that lives on SYNs for weeks has taken weeks', () => {
  const { stand } = old(`${FIXED}\ntcp: { timeouts: { syn_recv: 1000000 } }`)
  const syn = stand.forward(WAN, SYN)
  const opened = stand.now
  for (const end = opened + 26 * DAY; stand.now < end; ) {
    stand.pass(DAY, 20 * SECOND)
    stand.forward(WAN, SYN)
    stand.log()
  }
  stand.forward(LAN, { ...RS, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
  const sum = stand.engine.counters.handshakes[15]
  assert.equal(sum, stand.now - opened)
})

test('timers of connections end on their day, before and behind the round', () => {
  const { stand } = old(`${FIXED}\ntcp: { timeouts: { syn_recv: 1000000 } }`)
  for (let day = 0; day < DAYS; day += 12) {
    stand.forward(WAN, { ...SYN, sport: 2000 + day })
    assert.equal(stand.engine.conns.table.used, 1)
    stand.pass(11 * DAY, 20 * SECOND)
    assert.equal(stand.engine.conns.table.used, 1)
    stand.pass(DAY, 20 * SECOND)
    assert.equal(stand.engine.conns.table.used, 0)
    stand.log()
  }
})

test('the long clock is the short one without its end', () => {
  const { stand } = old()
  live(stand, 3)
  const { long } = stand.engine
  assert.equal(long.ms, stand.now)
  assert.equal(long.ms | 0, stand.now | 0)
  assert.equal(long.at((stand.now + 5) | 0), stand.now + 5)
})

test('an engine that is restored knows how old all is', () => {
  const yaml = `${FIXED}\ntcp: { timeouts: { established: 200000 } }`
  const { stand } = old(yaml)
  const syn = stand.forward(WAN, SYN)
  stand.forward(LAN, { ...RS, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
  live(stand, DAYS, () => stand.forward(WAN, CLIENT))
  const ring = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(64)), 64)
  const twin = new Stand(
    yaml,
    undefined,
    { now: 5, sessions: ring },
    structuredClone(stand.image()),
  )
  const { long, sessions } = twin.engine
  assert.equal(long.at(stand.now | 0), stand.now)
  assert.equal(sessions?.age(0, stand.now | 0), DAYS * DAY)
})
