/** A SYN that is sent again because its RS has not answered: to another one if that takes no more, and the MAC is asked for. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { State } from '../../src/engine/tcp-state.ts'
import { SYN, WAN } from '../kit/connection.ts'
import { type Out, RS_MAC } from '../kit/stand.ts'
import { config, KEEP, RSS, Talk, tcp, VIP, VPORT } from '../kit/talk.ts'

const OTHER_MAC = '52:54:00:00:01:99'

const macsOf = (out: Out[]) => tcp(out).map(({ dstMac }) => dstMac)

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
    talk.stand.change([
      { put: 'no-rs', protocol: 'tcp', vip: VIP, vport: VPORT, address, port: 6379 },
    ])
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
      const at = {
        protocol: 'tcp' as const,
        vip: VIP,
        vport: VPORT,
        place,
        address: '192.168.168.99',
        port: 6379,
      }
      const rs = {
        ...at,
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        forwarding: 'fullnat' as const,
      }
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
  stand.pass(5000)
  const before = stand.events('ARP_REQUESTS')
  // It has another MAC now, and has told nobody.
  assert.deepEqual(macsOf(talk.raw(1000)), [RS_MAC])
  assert.equal(stand.events('ARP_REQUESTS'), before + 1)
  for (let i = 0; i < 20; i++) talk.raw(1000)
  assert.equal(stand.events('ARP_REQUESTS'), before + 1)
  stand.arpReply(RSS[0], OTHER_MAC)
  assert.equal(stand.events('NEIGH_MOVED'), 1)
  assert.deepEqual(macsOf(talk.raw(1000)), [OTHER_MAC])
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

test('also one whose clients give up within a second, as a check does, and never send a second SYN', () => {
  const talk = new Talk(config({ rss: [RSS[0]] }))
  const { stand } = talk
  stand.pass(5000)
  stand.arpReply(RSS[0], RS_MAC)
  stand.pass(5000)
  const before = stand.events('ARP_REQUESTS')
  let sport = 40_000
  const check = () => stand.segment(WAN, { ...SYN, sport: sport++ })
  check()
  assert.equal(
    stand.events('ARP_REQUESTS'),
    before + 1,
    'the SYN of 10 s ago was not answered either',
  )
  stand.arpReply(RSS[0], OTHER_MAC)
  assert.deepEqual(macsOf(check()), [OTHER_MAC])
})

test('an RS that answers, or refuses, owes no answer', () => {
  for (const flags of ['S.', 'R.']) {
    const talk = new Talk(config({ rss: [RSS[0]] }))
    const { stand } = talk
    talk.rs(flags, 0, 9000)
    stand.pass(5000)
    const before = stand.events('ARP_REQUESTS')
    stand.segment(WAN, { ...SYN, sport: 40_000 })
    stand.pass(900)
    stand.segment(WAN, { ...SYN, sport: 40_001 })
    assert.equal(stand.events('ARP_REQUESTS'), before, flags)
    stand.pass(900)
    stand.segment(WAN, { ...SYN, sport: 40_002 })
    assert.equal(stand.events('ARP_REQUESTS'), before + 1, flags)
  }
})
