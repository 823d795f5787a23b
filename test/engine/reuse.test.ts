/** A client's SYN that finds an entry: a new connection, the same SYN again, or one whose RS has not answered. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SessionReading } from '../../src/control/session-words.ts'
import { Stat } from '../../src/engine/service.ts'
import { SessionRing } from '../../src/engine/sessions.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { type Out, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const [VIP, VPORT] = ['202.108.10.1', 6379]
const RSS = ['192.168.168.2', '192.168.168.12'] as const
const OTHER_MAC = '52:54:00:00:01:99'

/** Two RSs in turn; `more` is lines of the service, or of the whole. */
function config({ service = '', whole = '', rss = [...RSS] as string[] } = {}): string {
  const servers = rss.map(address => `{ address: ${address}, weight: 1 }`).join(', ')
  return `${SEED_CONFIG.replace(
    /scheduler: wrr\n.*/,
    `scheduler: rr\n${service}    real_servers: [${servers}]`,
  )}\n${whole}`
}

const KEEP = 'tcp: { reuse: keep }'

/** A stand, and the connection of its one client, whose segments the RS answers from where they came to. */
class Talk {
  readonly stand: Stand
  readonly ring: SessionRing
  /** What the RS saw of the last SYN. */
  seen: DecodedTcp
  isn = 1000

  constructor(yaml: string) {
    this.ring = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(64)), 64)
    this.stand = new Stand(yaml, undefined, { sessions: this.ring }).resolveRss()
    this.seen = this.syn(1000)
  }

  /** => the SYN as the RS gets it, whatever else was sent */
  syn(seq: number): DecodedTcp {
    const out = this.raw(seq)
    const syns = tcp(out).filter(({ flags }) => flags === 'S')
    assert.equal(syns.length, 1, this.stand.verdictName())
    this.isn = seq
    this.seen = syns[0] as DecodedTcp
    return this.seen
  }

  raw(seq: number, arm = WAN): Out[] {
    return this.stand.segment(arm, { ...SYN, seq })
  }

  client(flags: string, seq = 1): void {
    this.stand.segment(WAN, { ...CLIENT, flags, seq: this.isn + seq })
  }

  /** A segment of the RS that acknowledges `ack` of the client's numbers. */
  rs(flags: string, ack = 1, seq = 9001): void {
    const { src, sport, dst, dport } = this.seen
    const ends = { src: dst, sport: dport, dst: src, dport: sport }
    this.stand.segment(LAN, { ...RS, ...ends, flags, seq, ack: (this.seen.seq + ack) >>> 0 })
  }

  open(): this {
    this.rs('S.', 1, 9000)
    this.client('.')
    return this
  }

  /** Brings the open connection to the state; all have been heard of by the RS. */
  to(state: keyof typeof OVER): this {
    OVER[state](this)
    assert.equal(this.state, State[state], state)
    return this
  }

  get conn(): number {
    const { table } = this.stand.engine.conns
    const ports = (SYN.sport << 16) | SYN.dport
    return table.find(ipv4Int(SYN.src), ipv4Int(SYN.dst), ports) >> 1
  }

  get state(): number {
    return this.stand.engine.conns.table.state(this.conn)
  }

  weight(address: string, weight: number, upperThreshold = -1): void {
    const place = RSS.indexOf(address as (typeof RSS)[number])
    const at = { vip: VIP, vport: VPORT, place, address, port: 6379, weight }
    const rs = { ...at, upperThreshold: Math.max(0, upperThreshold), lowerThreshold: 0 }
    this.stand.change([{ put: 'rs', rs }])
  }

  /** Connections that were given to each RS, as `--stats` has them, the first conversation's RS first. */
  conns(): number[] {
    return [1, 0].map(place => this.stand.engine.dests.stat(place, Stat.CONNS))
  }

  sessions(): string[] {
    const reading = new SessionReading()
    const ended: string[] = []
    while (this.ring.read(reading.cells)) {
      const { rs, end, state } = reading.session(ms => ms)
      ended.push(`${rs.split(':')[0]} ${end} ${state}`)
    }
    return ended
  }

  /** Nothing is left of anything when all has timed out. */
  checkBooks(): void {
    const { stand } = this
    stand.pass(120_000)
    const { conns, dests, lips, frames } = stand.engine
    assert.equal(conns.table.used, 0)
    assert.equal(conns.table.countLinked(), 0)
    assert.equal(conns.wheel.filed, 0)
    assert.equal(lips[0]?.used, 0)
    for (const place of RSS.keys()) {
      assert.deepEqual([dests.active(place), dests.inactive(place)], [0, 0])
    }
    assert.equal(stand.events('CONNS_OPENED'), stand.events('CONNS_EXPIRED'))
    assert.ok(frames.free > 0)
  }
}

const OVER = {
  TIME_WAIT(talk: Talk) {
    talk.rs('F.')
    talk.client('F.')
    talk.rs('.', 2, 9002)
  },
  CLOSE: (talk: Talk) => talk.client('R'),
  FIN_WAIT: (talk: Talk) => talk.rs('F.'),
  CLOSE_WAIT(talk: Talk) {
    talk.client('F.')
    talk.rs('.', 2)
  },
  SYN_SENT(talk: Talk) {
    talk.rs('F.')
    talk.rs('S.', 1, 9000)
  },
  // No path of FullNAT leads here.
  LAST_ACK(talk: Talk) {
    talk.rs('F.')
    talk.stand.engine.conns.table.setState(talk.conn, State.LAST_ACK)
    talk.stand.engine.counters.connMoved(State.FIN_WAIT, State.LAST_ACK)
  },
}
const STATES = Object.keys(OVER) as (keyof typeof OVER)[]
const HALF = STATES.filter(state => state !== 'TIME_WAIT' && state !== 'CLOSE')

function tcp(out: readonly Out[]): DecodedTcp[] {
  return out.flatMap(({ decoded }) => (decoded.kind === 'tcp' ? [decoded] : []))
}

for (const state of STATES) {
  test(`${state}: a SYN with another number is scheduled, and counted, as any other`, () => {
    const talk = new Talk(config()).open().to(state)
    const first = talk.seen
    const second = talk.syn(77)
    assert.notEqual(second.dst, first.dst, 'the scheduler goes round')
    assert.equal(talk.state, State.SYN_RECV)
    assert.deepEqual(talk.conns(), [1, 1])
    assert.equal(talk.stand.engine.conns.table.used, 1)
    assert.deepEqual([talk.stand.events('SYN_REUSED'), talk.stand.events('CONNS_OPENED')], [1, 2])
    assert.equal(talk.sessions().length, 1)
    // The same again is the same.
    assert.equal(talk.syn(77).seq, second.seq)
    assert.deepEqual(talk.conns(), [1, 1])
    talk.checkBooks()
    assert.equal(talk.sessions().length, 1)
  })
}

test('an RS that takes no more gets none: drained, deleted, full', () => {
  const ways: ((talk: Talk, rs: string) => void)[] = [
    (talk, rs) => talk.weight(rs, 0),
    ({ stand }, address) =>
      stand.change([{ put: 'no-rs', vip: VIP, vport: VPORT, address, port: 6379 }]),
    (talk, rs) => {
      for (const sport of [5000, 5001]) talk.stand.segment(WAN, { ...SYN, sport })
      talk.weight(rs, 1, 1)
    },
  ]
  for (const [i, take] of ways.entries()) {
    const talk = new Talk(config()).open().to('TIME_WAIT')
    const { dst } = talk.seen
    const other = RSS.find(rs => rs !== dst) ?? ''
    // So that it would be this one's turn again.
    if (i < 2) talk.stand.segment(WAN, { ...SYN, sport: 4000 })
    take(talk, dst)
    for (let isn = 1; isn <= 4; isn++) {
      assert.equal(talk.syn(isn * 5000).dst, other, `way ${i}`)
      talk.open().to('TIME_WAIT')
    }
  }
})

test('a service that is gone, and a balancer that stops, say so; the old connection is left alone', () => {
  const talk = new Talk(config()).open().to('TIME_WAIT')
  talk.stand.engine.stopping = true
  assert.deepEqual(talk.raw(77), [])
  assert.equal(talk.stand.verdictName(), 'STOPPING')
  talk.stand.engine.stopping = false
  talk.stand.change([{ put: 'no-service', address: VIP, port: VPORT }])
  assert.deepEqual(talk.raw(77), [])
  assert.equal(talk.stand.verdictName(), 'TCP_NO_SERVICE')
  assert.equal(talk.state, State.TIME_WAIT)
  assert.equal(talk.stand.events('SYN_REUSED'), 0)
  talk.checkBooks()
})

test('with no RS left it is refused by that name, and nothing is left behind', () => {
  const talk = new Talk(config()).open().to('FIN_WAIT')
  for (const rs of RSS) talk.weight(rs, 0)
  assert.deepEqual(
    tcp(talk.raw(77)).map(({ flags }) => flags),
    ['R'],
  )
  assert.equal(talk.stand.verdictName(), 'TCP_NO_RS')
  assert.equal(talk.stand.engine.conns.table.used, 0)
  talk.checkBooks()
})

test('it is heard on the arm of its client only', () => {
  const talk = new Talk(config()).open().to('TIME_WAIT')
  assert.deepEqual(talk.raw(77, LAN), [])
  assert.equal(talk.stand.verdictName(), 'IP_SOURCE')
  assert.equal(talk.state, State.TIME_WAIT)
  assert.deepEqual(talk.conns(), [1, 0])
})

test('ESTABLISHED and SYN_RECV go on as they are', () => {
  const talk = new Talk(config())
  const { seq, sport } = talk.seen
  const other = talk.syn(5000)
  assert.deepEqual([other.seq, other.sport], [(seq + 4000) >>> 0, sport])
  talk.isn = 1000
  talk.open()
  talk.syn(9000)
  assert.equal(talk.state, State.ESTABLISHED)
  assert.deepEqual(talk.conns(), [1, 0])
})

test('the same RS: the lport stays, and the sequence number is ahead of what the RS expects', () => {
  const one = config({ rss: [RSS[0]] })
  fc.assert(
    fc.property(
      fc.constantFrom('TIME_WAIT' as const, 'CLOSE' as const),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 0, max: 60_000 }),
      (state, isn, ms) => {
        fc.pre(isn !== 1000)
        const talk = new Talk(one).open().to(state)
        const { seq, sport } = talk.seen
        talk.stand.now += ms % 3000
        const next = talk.syn(isn)
        assert.equal(next.sport, sport)
        assert.ok(((next.seq - (seq + 2)) | 0) >= 0, `${next.seq} after ${seq}`)
        assert.equal(talk.stand.events('RST_ON_REUSE'), 0)
        assert.equal(talk.stand.engine.lips[0]?.used, 1)
      },
    ),
    { numRuns: 60 },
  )
})

for (const state of HALF) {
  test(`${state}: what the RS still has is reset first, and another lport does not meet it`, () => {
    const talk = new Talk(config({ rss: [RSS[0]] })).open().to(state)
    const { seq, sport } = talk.seen
    const [rst, syn, ...more] = tcp(talk.raw(77))
    assert.equal(more.length, 0)
    // Exactly what the RS expects next, or it would not believe it (RFC 5961).
    const expected = (seq + (state === 'CLOSE_WAIT' ? 2 : 1)) >>> 0
    assert.deepEqual([rst?.flags, rst?.sport, rst?.seq], ['R', sport, expected])
    assert.deepEqual([syn?.flags, syn?.sport], ['S', sport + 1])
    assert.equal(talk.stand.events('RST_ON_REUSE'), 1)
    talk.checkBooks()
  })
}

test('a LIP that the service has lost is left', () => {
  const yaml = config({ rss: [RSS[0]] }).replace(
    '[192.168.168.7]',
    '[192.168.168.7, 192.168.168.8]',
  )
  const talk = new Talk(yaml).open().to('TIME_WAIT')
  const place = talk.seen.src === '192.168.168.7' ? 0 : 1
  const service = talk.stand.engine.setup.services.find(6, ipv4Int(VIP), VPORT)
  service?.lips.splice(service.lips.indexOf(place), 1)
  assert.notEqual(talk.syn(77).src, '')
  assert.notEqual(talk.seen.src, place === 0 ? '192.168.168.7' : '192.168.168.8')
})

test('a persistent client keeps its RS while that takes connections', () => {
  const talk = new Talk(config({ service: '    persistence: 60\n' })).open().to('TIME_WAIT')
  const { dst, sport } = talk.seen
  for (let i = 1; i < 6; i++) {
    assert.deepEqual([talk.syn(i * 100).dst, talk.seen.sport], [dst, sport])
    talk.open().to('TIME_WAIT')
  }
  talk.weight(dst, 0)
  assert.notEqual(talk.syn(9).dst, dst)
})

test('keep: everything stays, also with an RS that is drained; it is counted as another', () => {
  for (const state of STATES) {
    const talk = new Talk(config({ whole: KEEP })).open().to(state)
    const { dst, seq, sport } = talk.seen
    talk.weight(dst, 0)
    const next = talk.syn(5000)
    assert.deepEqual([next.dst, next.sport, next.seq], [dst, sport, (seq + 4000) >>> 0])
    assert.deepEqual(talk.conns(), [2, 0], state)
    assert.deepEqual([talk.stand.events('SYN_REUSED'), talk.stand.events('CONNS_OPENED')], [1, 2])
    assert.equal(talk.sessions().length, 1)
    talk.syn(5000)
    assert.deepEqual(talk.conns(), [2, 0])
    talk.checkBooks()
    assert.equal(talk.sessions().length, 1)
  }
})

test('how the old connection ended is what it came to', () => {
  const ended = STATES.map(state => {
    const talk = new Talk(config()).open().to(state)
    talk.syn(77)
    return talk.sessions()[0]
  })
  const rs = RSS[1]
  assert.deepEqual(ended, [
    `${rs} fin_rs TIME_WAIT`,
    `${rs} rst_client CLOSE`,
    `${rs} fin_rs FIN_WAIT`,
    `${rs} fin_client CLOSE_WAIT`,
    `${rs} fin_rs SYN_SENT`,
    `${rs} fin_rs LAST_ACK`,
  ])
})

test('a SYN sent again leaves an RS that has not answered and takes no more', () => {
  for (const whole of ['', KEEP]) {
    const talk = new Talk(config({ whole }))
    const { dst } = talk.seen
    talk.stand.pass(1000)
    assert.equal(talk.syn(1000).dst, dst, 'it is there')
    talk.weight(dst, 0)
    talk.stand.pass(2000)
    assert.notEqual(talk.syn(1000).dst, dst)
    assert.equal(talk.stand.events('SYN_RESCHEDULED'), 1)
    assert.deepEqual(talk.conns(), [1, 1])
    assert.deepEqual(talk.sessions(), [`${dst} replaced SYN_RECV`])
    // Nor is the one that it has come to left, now that it has answered.
    const now = talk.seen.dst
    talk.rs('S.', 1, 9000)
    talk.weight(now, 0)
    assert.equal(talk.syn(1000).dst, now)
    talk.checkBooks()
  }
})

test('also one that has refused, one that is deleted, and one whose place another has', () => {
  const deleted = (talk: Talk) => {
    const { dst: address } = talk.seen
    talk.stand.change([{ put: 'no-rs', vip: VIP, vport: VPORT, address, port: 6379 }])
  }
  const ways: ((talk: Talk) => void)[] = [
    talk => {
      talk.rs('R.')
      assert.equal(talk.state, State.CLOSE)
      talk.weight(talk.seen.dst, 0)
    },
    deleted,
    talk => {
      deleted(talk)
      const place = RSS.indexOf(talk.seen.dst as (typeof RSS)[number])
      const at = { vip: VIP, vport: VPORT, place, address: '192.168.168.99', port: 6379 }
      const rs = { ...at, weight: 1, upperThreshold: 0, lowerThreshold: 0 }
      talk.stand.change([{ put: 'rs', rs }])
      talk.stand.arpReply('192.168.168.99', RS_MAC)
    },
  ]
  for (const [i, way] of ways.entries()) {
    const talk = new Talk(config())
    const { dst } = talk.seen
    way(talk)
    assert.notEqual(talk.syn(1000).dst, dst, `way ${i}`)
    assert.equal(talk.stand.events('SYN_RESCHEDULED'), 1)
  }
})

test('an RS that is full with this very connection is not left', () => {
  const talk = new Talk(config())
  const { dst, seq } = talk.seen
  talk.weight(dst, 1, 1)
  assert.deepEqual([talk.syn(1000).dst, talk.seen.seq], [dst, seq])
  assert.equal(talk.stand.events('SYN_RESCHEDULED'), 0)
})

test('an RS that leaves a SYN unanswered is asked for its MAC again, once a second at most', () => {
  const talk = new Talk(config({ rss: [RSS[0]] }))
  const { stand } = talk
  const macs = (out: Out[]) => tcp(out).map(({ dstMac }) => dstMac)
  stand.pass(5000)
  const before = stand.events('ARP_REQUESTS')
  // It has another MAC now, and has told nobody.
  assert.deepEqual(macs(talk.raw(1000)), [RS_MAC])
  assert.equal(stand.events('ARP_REQUESTS'), before + 1)
  for (let i = 0; i < 20; i++) talk.raw(1000)
  assert.equal(stand.events('ARP_REQUESTS'), before + 1)
  stand.arpReply(RSS[0], OTHER_MAC)
  assert.equal(stand.events('NEIGH_MOVED'), 1)
  assert.deepEqual(macs(talk.raw(1000)), [OTHER_MAC])
  for (let ms = 0; ms < 10_000; ms += 100) {
    talk.raw(1000)
    stand.arpReply(RSS[0], OTHER_MAC)
    stand.pass(100)
  }
  const asked = stand.events('ARP_REQUESTS') - before
  assert.ok(asked >= 5 && asked <= 11, `${asked} in 10 s`)
})

test('one that has answered, and one whose MAC the operator has set, is not asked for', () => {
  const talk = new Talk(config({ rss: [RSS[0]] }))
  talk.rs('S.', 1, 9000)
  talk.stand.pass(5000)
  const before = talk.stand.events('ARP_REQUESTS')
  talk.raw(1000)
  assert.equal(talk.stand.events('ARP_REQUESTS'), before)
  const fixed = new Talk(config({ rss: [RSS[0]] }))
  const neighbour = { arm: 1, address: RSS[0], mac: RS_MAC }
  fixed.stand.change([{ put: 'neighbour', ...neighbour }])
  fixed.stand.pass(5000)
  const asked = fixed.stand.events('ARP_REQUESTS')
  fixed.raw(1000)
  assert.equal(fixed.stand.events('ARP_REQUESTS'), asked)
})
