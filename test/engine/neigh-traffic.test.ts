/**
 * Neighbours as a conversation sees them: frames that wait, an RS that is silent, moves or ages, what ARP teaches. The
 * states themselves are in neigh.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Family, linkOf } from '../../src/engine/family.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { RS } from '../kit/connection.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { arpFrame } from '../kit/frame.ts'
import { lines, type Out, RS_MAC, Stand } from '../kit/stand.ts'

const OTHER_MAC = '52:54:00:00:01:99'

/** SYN of client port `port`. */
function syn(port: number): string {
  return `202.108.10.2.${port} > 202.108.10.1.6379: Flags [S], seq 1, win 1, length 0`
}

function ports(out: readonly Out[]): number[] {
  return out.flatMap(({ decoded }) => (decoded.kind === 'tcp' ? [decoded.sport] : []))
}

test('frames wait for resolution and leave in order; 129 fit, the next is dropped with a name', () => {
  const stand = new Stand()
  const free = stand.engine.frames.free
  for (let i = 0; i < 129; i++) {
    assert.deepEqual(stand.segment('dpdk0', syn(20_000 + i)), [])
    assert.equal(stand.verdictName(), 'PARKED')
  }
  stand.segment('dpdk0', syn(30_000))
  assert.equal(stand.verdictName(), 'NEIGH_QUEUE_FULL')
  assert.equal(stand.drops('NEIGH_QUEUE_FULL'), 1)
  const out = stand.arpReply('192.168.168.2', RS_MAC)
  assert.deepEqual(
    ports(out),
    Array.from({ length: 129 }, (_, i) => 1025 + i),
  )
  for (const { arm, decoded } of out) {
    assert.equal(arm, 'dpdk1')
    assert.equal(decoded.dstMac, RS_MAC)
    assert.equal(decoded.srcMac, stand.macOf('dpdk1'))
  }
  assert.equal(stand.engine.frames.free, free)
})

test('nobody answers: asked again each second, then failure is reported and the frames are dropped', () => {
  const stand = new Stand()
  const free = stand.engine.frames.free
  stand.log()
  for (let i = 0; i < 3; i++) stand.segment('dpdk0', syn(20_000 + i))
  const first = lines(stand.pass(1100))
  assert.deepEqual(first, ['dpdk1 | arp'])
  assert.deepEqual(lines(stand.pass(1000)), ['dpdk1 | arp'])
  stand.log()
  stand.pass(1300)
  assert.deepEqual(stand.log(), [
    'NEIGHBOUR: 192.168.168.2 on dpdk1 does not answer, 3 packets dropped',
    'NEIGHBOUR: SEND trans state to NONE.',
  ])
  assert.equal(stand.drops('NEIGH_UNRESOLVED'), 3)
  assert.equal(stand.events('NEIGH_FAILED'), 1)
  assert.equal(stand.engine.frames.free, free)
  assert.equal(stand.engine.neighs.used, 1)
  // The next packet, a retransmission, asks again, and an answer helps it.
  assert.deepEqual(lines(stand.segment('dpdk0', syn(20_000))), ['dpdk1 | arp'])
  assert.equal(ports(stand.arpReply('192.168.168.2', RS_MAC)).length, 1)
  assert.equal(stand.events('NEIGH_FAILED'), 1)
})

test('an RS is asked for as soon as it is added; without packets a silent one is forgotten', () => {
  const stand = new Stand()
  assert.equal(stand.events('ARP_REQUESTS'), 1)
  assert.equal(stand.engine.neighs.used, 1)
  stand.pass(6000)
  assert.equal(stand.engine.neighs.used, 0)
})

const FROM_RS = '192.168.168.2.6379 > 192.168.168.7.1025: Flags'

test('the first confirmation by traffic is logged, further ones within 30 s are not, then one is', () => {
  const stand = new Stand().resolveRss()
  const line = 'NEIGHBOUR: REACHABLE trans state to REACHABLE.'
  const neighbourLines = () => stand.log().filter(text => text.startsWith('NEIGHBOUR'))
  stand.segment('dpdk0', syn(20_000))
  assert.deepEqual(neighbourLines(), [])
  // A segment without ACK confirms nothing.
  stand.segment('dpdk1', `${FROM_RS} [P], seq 9000:9001, win 1, length 1`)
  assert.deepEqual(neighbourLines(), [])
  stand.segment('dpdk1', `${FROM_RS} [S.], seq 9000, ack ${RS.ack}, win 1, length 0`)
  assert.deepEqual(neighbourLines(), [line])
  for (let i = 0; i < 29; i++) {
    stand.pass(1000)
    stand.segment('dpdk1', `${FROM_RS} [.], seq 9001, ack ${RS.ack}, win 1, length 0`)
  }
  assert.deepEqual(neighbourLines(), [])
  stand.pass(1100)
  stand.segment('dpdk1', `${FROM_RS} [.], seq 9001, ack ${RS.ack}, win 1, length 0`)
  assert.deepEqual(neighbourLines(), [line])
})

test('PROBE: the packet leaves with the old MAC and a request goes with it; the answer or traffic confirms', () => {
  for (const confirmation of ['reply', 'traffic']) {
    const stand = new Stand().resolveRss()
    stand.pass(60_400)
    stand.log()
    const out = stand.segment('dpdk0', syn(20_000))
    assert.deepEqual(
      out.map(({ decoded }) => [decoded.kind, decoded.dstMac]),
      [
        ['arp', 'ff:ff:ff:ff:ff:ff'],
        ['tcp', RS_MAC],
      ],
    )
    assert.ok(stand.log().includes('NEIGHBOUR: PROBE trans state to DELAY.'))
    // In DELAY packets still leave, without a request each.
    assert.equal(stand.segment('dpdk0', syn(20_000)).length, 1)
    if (confirmation === 'reply') stand.arpReply('192.168.168.2', RS_MAC)
    else {
      const ack = ((out[1].decoded as DecodedTcp).seq + 1) >>> 0
      stand.segment('dpdk1', `${FROM_RS} [S.], seq 9000, ack ${ack}, win 1, length 0`)
    }
    assert.ok(stand.log().includes('NEIGHBOUR: DELAY trans state to REACHABLE.'))
  }
})

test('an RS whose MAC changes: its packets make us ask, the answer is learned and logged', () => {
  const stand = new Stand().resolveRss()
  stand.segment('dpdk0', syn(20_000))
  stand.pass(1200)
  stand.log()
  const synAck = {
    src: '192.168.168.2',
    sport: 6379,
    dst: '192.168.168.7',
    dport: 1025,
    flags: 'S.',
    seq: 9000,
    ack: RS.ack,
    srcMac: OTHER_MAC,
  }
  assert.equal(stand.segment('dpdk1', synAck).length, 1)
  assert.ok(stand.log().includes('NEIGHBOUR: REACHABLE trans state to PROBE.'))
  const [request, segment] = stand.segment('dpdk0', syn(20_000))
  assert.equal(request.decoded.kind, 'arp')
  assert.equal(segment.decoded.dstMac, RS_MAC, 'believed only when asked')
  stand.arpReply('192.168.168.2', OTHER_MAC)
  assert.ok(
    stand.log().includes(`NEIGHBOUR: 192.168.168.2 on dpdk1 moved from ${RS_MAC} to ${OTHER_MAC}`),
  )
  assert.equal(stand.events('NEIGH_MOVED'), 1)
  assert.equal(stand.segment('dpdk0', syn(20_000))[0].decoded.dstMac, OTHER_MAC)
})

test('gratuitous ARP of a known neighbour moves it, as request and as reply', () => {
  for (const op of [1, 2]) {
    const stand = new Stand().resolveRss()
    const self = { mac: OTHER_MAC, ip: '192.168.168.2' }
    const target = { mac: '00:00:00:00:00:00', ip: '192.168.168.2' }
    stand.input('dpdk1', arpFrame(op, self, target, 'ff:ff:ff:ff:ff:ff'))
    assert.equal(stand.verdictName(), 'DONE')
    assert.equal(stand.events('NEIGH_MOVED'), 1)
    assert.equal(stand.segment('dpdk0', syn(20_000))[0].decoded.dstMac, OTHER_MAC)
  }
})

test('a request of a known neighbour to us is answered, and its new MAC learned', () => {
  const stand = new Stand().resolveRss()
  const self = { mac: OTHER_MAC, ip: '192.168.168.2' }
  const target = { mac: '00:00:00:00:00:00', ip: '192.168.168.7' }
  const [answer] = stand.input('dpdk1', arpFrame(1, self, target, 'ff:ff:ff:ff:ff:ff'))
  assert.equal(answer.decoded.dstMac, OTHER_MAC)
  assert.equal(stand.events('NEIGH_MOVED'), 1)
})

test('a MAC that changes again and again is told once in ten seconds, and counted each time', () => {
  const stand = new Stand().resolveRss()
  const claim = (mac: string) => {
    const self = { mac, ip: '192.168.168.2' }
    stand.input(
      'dpdk1',
      arpFrame(1, self, { ...self, mac: '00:00:00:00:00:00' }, 'ff:ff:ff:ff:ff:ff'),
    )
  }
  const flapping = () => {
    const before = stand.log().length
    for (let i = 0; i < 50; i++) {
      claim(i % 2 === 0 ? OTHER_MAC : RS_MAC)
      stand.pass(20)
    }
    return stand.log().slice(before)
  }
  const said = flapping()
  assert.equal(said.filter(line => / moved from /.test(line)).length, 5)
  assert.deepEqual(
    said.filter(line => / again and again/.test(line)),
    [
      `NEIGHBOUR: 192.168.168.2 on dpdk1 changes its MAC again and again, now from ${RS_MAC} to ${OTHER_MAC}: two have the address, or somebody pretends to; arms[].neighbours fixes the right one`,
    ].map(line => line.replace(`from ${RS_MAC} to ${OTHER_MAC}`, `from ${OTHER_MAC} to ${RS_MAC}`)),
  )
  assert.deepEqual([stand.events('NEIGH_MOVED'), stand.events('NEIGH_FLAPS')], [50, 1])
  const { neighs } = stand.engine
  const n = neighs.find(linkOf(1, Family.IPV4), ipv4Int('192.168.168.2'), -1)
  assert.equal(neighs.flaps(n), true)
  // It goes on: once more in the next ten seconds; then it rests, and a failover is a failover.
  stand.pass(10_000, 100)
  assert.equal(neighs.flaps(n), false)
  flapping()
  assert.equal(stand.events('NEIGH_FLAPS'), 2)
  stand.pass(10_000, 100)
  claim(OTHER_MAC)
  assert.match(stand.log().at(-1) ?? '', / moved from /)
  // What the operator has fixed moves for nobody.
  neighs.fix(linkOf(1, Family.IPV4), ipv4Int('192.168.168.2'), 0x0200, 2, stand.now)
  flapping()
  assert.equal(stand.events('NEIGH_MOVED'), 101)
})

test('gratuitous ARP does not resolve an entry that is being asked for', () => {
  const stand = new Stand()
  stand.segment('dpdk0', syn(20_000))
  const self = { mac: OTHER_MAC, ip: '192.168.168.2' }
  const target = { mac: '00:00:00:00:00:00', ip: '192.168.168.2' }
  assert.deepEqual(stand.input('dpdk1', arpFrame(1, self, target, 'ff:ff:ff:ff:ff:ff')), [])
  assert.equal(stand.events('NEIGH_LEARNED'), 0)
})

test('the RST of an expiry waits for a neighbour that has aged away', () => {
  const stand = new Stand().resolveRss()
  stand.segment('dpdk0', syn(20_000))
  stand.segment('dpdk1', `${FROM_RS} [S.], seq 9000, ack ${RS.ack}, win 1, length 0`)
  stand.pass(20_000)
  stand.segment('dpdk1', `${FROM_RS} [.], seq 9001, ack ${RS.ack}, win 1, length 0`)
  stand.pass(60_000)
  // The confirmation at 20 s lay in the quiet period, so by now the entry has left REACHABLE and ages in PROBE.
  const out = stand.pass(31_200)
  const sent = out.map(({ decoded }) => decoded.kind)
  assert.equal(sent.filter(kind => kind === 'tcp').length, 1, 'the client is reset at once')
  assert.ok(sent.includes('arp'))
  const [reset] = stand.arpReply('192.168.168.2', RS_MAC)
  assert.deepEqual(lines([reset]), [
    `dpdk1 | 192.168.168.7.1025 > 192.168.168.2.6379: Flags [R], seq ${RS.ack}, win 0, length 0`,
  ])
  assert.equal(stand.engine.conns.table.used, 0)
})

test('a request is a broadcast and names the source that selection by prefix gives', () => {
  const stand = new Stand()
  stand.pass(3300)
  const [request] = stand.segment('dpdk0', syn(20_000))
  assert.deepEqual(request.decoded, {
    kind: 'arp',
    srcMac: stand.macOf('dpdk1'),
    dstMac: 'ff:ff:ff:ff:ff:ff',
    op: 1,
    senderMac: stand.macOf('dpdk1'),
    sender: '192.168.168.3',
    targetMac: '00:00:00:00:00:00',
    target: '192.168.168.2',
  })
})
