/** A client's SYN that finds the entry of a connection that is over begins another one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { FIRST_COME, LAN, SYN, WAN } from '../kit/connection.ts'
import { tcpFrame } from '../kit/frame.ts'
import { CLIENT_MAC, RS_MAC } from '../kit/stand.ts'
import { config, KEEP, RSS, STATES, Talk, tcp, VIP, VPORT } from '../kit/talk.ts'

const HALF = STATES.filter(state => state !== 'TIME_WAIT' && state !== 'CLOSE')

for (const state of STATES) {
  test(`${state}: a SYN with another number is scheduled, and counted, as any other`, () => {
    const talk = new Talk(config()).open().to(state)
    const first = talk.seen
    const second = talk.syn(7700)
    assert.notEqual(second.dst, first.dst, 'the scheduler goes round')
    assert.equal(talk.state, State.SYN_RECV)
    assert.deepEqual(talk.conns(), [1, 1])
    assert.equal(talk.stand.engine.conns.table.used, 1)
    assert.deepEqual([talk.stand.events('SYN_REUSED'), talk.stand.events('CONNS_OPENED')], [1, 2])
    assert.equal(talk.sessions().length, 1)
    // The same again is the same.
    assert.equal(talk.syn(7700).seq, second.seq)
    assert.deepEqual(talk.conns(), [1, 1])
    talk.checkBooks()
    assert.equal(talk.sessions().length, 1)
  })
}

test('an RS that takes no more gets none: drained, deleted, full', () => {
  const ways: ((talk: Talk, rs: string) => void)[] = [
    (talk, rs) => talk.weight(rs, 0),
    ({ stand }, address) =>
      stand.change([
        { put: 'no-rs', protocol: 'tcp', vip: VIP, vport: VPORT, address, port: 6379 },
      ]),
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
  talk.stand.engine.opening.stopping = true
  assert.deepEqual(talk.raw(7700), [])
  assert.equal(talk.stand.verdictName(), 'STOPPING')
  talk.stand.engine.opening.stopping = false
  talk.stand.change([{ put: 'no-service', protocol: 'tcp', address: VIP, port: VPORT }])
  assert.deepEqual(talk.raw(7700), [])
  assert.equal(talk.stand.verdictName(), 'TCP_NO_SERVICE')
  assert.equal(talk.state, State.TIME_WAIT)
  assert.equal(talk.stand.events('SYN_REUSED'), 0)
  talk.checkBooks()
})

test('with no RS left it is refused by that name, and nothing is left behind', () => {
  const talk = new Talk(config()).open().to('FIN_WAIT')
  for (const rs of RSS) talk.weight(rs, 0)
  assert.deepEqual(
    tcp(talk.raw(7700)).map(({ flags }) => flags),
    ['R'],
  )
  assert.equal(talk.stand.verdictName(), 'TCP_NO_RS')
  assert.equal(talk.stand.engine.conns.table.used, 0)
  talk.checkBooks()
})

test('it is heard on the arm of its client only', () => {
  const talk = new Talk(config()).open().to('TIME_WAIT')
  assert.deepEqual(talk.raw(7700, LAN), [])
  assert.equal(talk.stand.verdictName(), 'IP_SOURCE')
  assert.equal(talk.state, State.TIME_WAIT)
  assert.deepEqual(talk.conns(), [1, 0])
})

test('one with a wrong checksum is dropped, and ends, counts and asks nothing', () => {
  const ways: ((talk: Talk) => void)[] = [
    talk => talk.open().to('FIN_WAIT'),
    // Sent again to an RS that has not answered: it would be asked for its MAC, or left.
    talk => talk.stand.pass(5000),
    talk => talk.weight(talk.seen.dst, 0),
  ]
  for (const whole of ['', KEEP]) {
    for (const way of ways) {
      const talk = new Talk(config({ whole }))
      way(talk)
      const { stand, state } = talk
      const asked = stand.events('ARP_REQUESTS')
      const frame = tcpFrame({ ...SYN, seq: 7700, srcMac: CLIENT_MAC, dstMac: stand.macOf(WAN) })
      frame[14 + 20 + 16] ^= 1
      assert.deepEqual(stand.input(WAN, frame), [])
      assert.equal(stand.verdictName(), 'TCP_CHECKSUM')
      assert.equal(talk.state, state)
      assert.deepEqual(talk.conns(), [1, 0])
      const events = (['SYN_REUSED', 'SYN_RESCHEDULED'] as const).map(name => stand.events(name))
      assert.deepEqual([...events, stand.events('ARP_REQUESTS')], [0, 0, asked])
    }
  }
})

test('what began a connection is its latest SYN before the RS answered', () => {
  for (const whole of ['', KEEP]) {
    const talk = new Talk(config({ whole }))
    // The client has given up, and begins once more from the same port.
    talk.syn(5000)
    talk.open().to('TIME_WAIT')
    assert.equal(talk.raw(5000).length, 1)
    assert.equal(talk.stand.events('SYN_REUSED'), 0)
  }
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
        // One that is a little older, at once, would be late.
        fc.pre(ms % 3000 > 1000 || ((1000 - isn) | 0) < 0 || ((1000 - isn) | 0) >= 1 << 28)
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
    const [rst, syn, ...more] = tcp(talk.raw(7700))
    assert.equal(more.length, 0)
    // Exactly what the RS expects next, or it would not believe it (RFC 5961).
    const expected = (seq + (state === 'CLOSE_WAIT' ? 2 : 1)) >>> 0
    assert.deepEqual([rst?.flags, rst?.sport, rst?.seq], ['R', sport, expected])
    assert.deepEqual([syn?.flags, syn?.sport], ['S', sport + 1])
    assert.equal(talk.stand.events('RST_ON_REUSE'), 1)
    talk.checkBooks()
  })
}

test("the lport of an RS whose place another has is not that one's", () => {
  const talk = new Talk(config({ rss: [RSS[0]] })).open().to('TIME_WAIT')
  const { stand } = talk
  const { dst: address } = talk.seen
  stand.change([{ put: 'no-rs', protocol: 'tcp', vip: VIP, vport: VPORT, address, port: 6379 }])
  const at = {
    protocol: 'tcp' as const,
    vip: VIP,
    vport: VPORT,
    place: 0,
    address: '192.168.168.99',
    port: 6379,
    weight: 1,
  }
  stand.change([
    {
      put: 'rs',
      rs: {
        ...at,
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        forwarding: 'fullnat' as const,
      },
    },
  ])
  stand.arpReply('192.168.168.99', RS_MAC)
  const { dst, sport } = talk.syn(7700)
  assert.equal(dst, '192.168.168.99')
  assert.notEqual(stand.forward(WAN, { ...SYN, sport: 5000 }).sport, sport)
})

test('the only lport there is stays with a client that uses its port again', () => {
  const yaml = config({ rss: [RSS[0]], whole: FIRST_COME })
  const talk = new Talk(yaml).open().to('TIME_WAIT')
  const { engine } = talk.stand
  const pool = engine.lips[0]
  while ((pool?.fetch(ipv4Int(RSS[0]), 6379) ?? -1) >= 0) {}
  const { sport } = talk.seen
  for (let isn = 1; isn < 4; isn++) {
    assert.equal(talk.syn(isn * 5000).sport, sport)
    assert.equal(pool?.freeTowards(ipv4Int(RSS[0]), 6379), 0)
    // Nobody else gets one.
    talk.stand.segment(WAN, { ...SYN, sport: 5000 })
    assert.equal(talk.stand.verdictName(), 'LPORT_EXHAUSTED')
    talk.open().to(isn === 2 ? 'FIN_WAIT' : 'TIME_WAIT')
  }
})

test('a LIP that the service has lost is left', () => {
  const yaml = config({ rss: [RSS[0]] }).replace(
    '[192.168.168.7]',
    '[192.168.168.7, 192.168.168.8]',
  )
  const talk = new Talk(yaml).open().to('TIME_WAIT')
  const place = talk.seen.src === '192.168.168.7' ? 0 : 1
  const service = talk.stand.engine.setup.services.find(6, ipv4Int(VIP), VPORT)
  service?.lips.splice(service.lips.indexOf(place), 1)
  assert.notEqual(talk.syn(7700).src, '')
  assert.notEqual(talk.seen.src, place === 0 ? '192.168.168.7' : '192.168.168.8')
})

test('a persistent client keeps its RS while that takes connections', () => {
  const talk = new Talk(config({ service: '    persistence: 60\n' })).open().to('TIME_WAIT')
  const { dst, sport } = talk.seen
  for (let i = 1; i < 6; i++) {
    assert.deepEqual([talk.syn(i * 2000).dst, talk.seen.sport], [dst, sport])
    talk.open().to('TIME_WAIT')
  }
  talk.weight(dst, 0)
  assert.notEqual(talk.syn(90_000).dst, dst)
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
    talk.syn(7700)
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
