/** Ways to an RS but FullNAT over IPv6, in what IPv4 has otherwise: digests, headers of a tunnel and its fragments. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwardedBy, LAN, SEEDS, WAN } from '../kit/connection.ts'
import { datagram, icmpPacket, offloadUdp } from '../kit/datagram.ts'
import { body, notLost, put, putAll } from '../kit/fragments.ts'
import { bytesOf, endsOf, pieces6, sentWhole6, whole6 } from '../kit/fragments6.ts'
import { concat, ethernet, ipv6, tcp } from '../kit/frame.ts'
import { printed } from '../kit/printed.ts'
import { CLIENT_MAC, type Out, Stand } from '../kit/stand.ts'

const { seed, client: CLIENT, vip: VIP, own: OWN, rip: RS } = SEEDS.IPv6
const QUESTION = { src: CLIENT, sport: 5000, dst: VIP, dport: 6379 }
const ANSWER = { src: RS, sport: 6379, dst: CLIENT, dport: 5000 }

const configOf = (way: string, protocol = 'tcp') =>
  forwardedBy(way, seed).replace('protocol: tcp', `protocol: ${protocol}`)
const standBy = (way: string, protocol?: string, mtu = 1500) =>
  new Stand(configOf(way, protocol).replace('- name: dpdk1', `$&\n    mtu: ${mtu}`)).resolveRss()

/** Packets that were sent, from the IP header on. */
const packetsOf = (out: readonly Out[]) => out.map(({ bytes }) => bytes.subarray(24))
/** What is inside of the header in front. */
const inside = (packet: Uint8Array) => packet.subarray(40)

test('traffic class and flow label of what goes into a tunnel are those of the header in front, whose hop limit is 64', () => {
  const stand = standBy('tunnel')
  const segment = tcp({ ...QUESTION, flags: 'S', seq: 1, ack: 0 })
  const packet = ipv6({ src: CLIENT, dst: VIP, next: 6, hopLimit: 9, trafficClass: 0xb9 }, segment)
  packet[1] |= 0x0a
  packet.set([0xbc, 0xde], 2)
  const [sent] = put(stand, packet)
  assert.ok(sent)
  const outer = sent.bytes.subarray(24, 64)
  assert.deepEqual(
    outer.subarray(0, 8),
    Uint8Array.of(0x6b, 0x9a, 0xbc, 0xde, 0, packet.length, 41, 64),
  )
  assert.deepEqual(endsOf(outer), bytesOf(OWN, RS))
  assert.deepEqual(inside(sent.bytes.subarray(24)), packet)
})

test('a datagram that came in fragments goes into a tunnel in such, each by itself', () => {
  const stand = standBy('tunnel', 'udp')
  const question = datagram({ ...QUESTION, payload: body(3000) })
  notLost(stand, () => {
    const packets = packetsOf(putAll(stand, pieces6(question, 1400).reverse()))
    assert.deepEqual(
      packets.map(({ length }) => length),
      [1440, 1440, 40 + 48 + 3008 - 2 * 1352],
    )
    for (const packet of packets) assert.deepEqual(endsOf(packet), bytesOf(OWN, RS))
    assert.deepEqual(whole6(packets.map(inside)), question)
  })
  // A fragment is a packet, and larger than the tunnel carries.
  const [told] = putAll(stand, pieces6(question, 1500, 78))
  assert.ok(told)
  assert.equal(told.arm, WAN)
  assert.deepEqual([told.bytes[64], [...told.bytes.subarray(68, 72)]], [2, [0, 0, 5, 180]])
})

test('what every link carries goes into a tunnel over one that is narrower, in fragments of the header in front', () => {
  const stand = standBy('tunnel', 'udp', 1300)
  const question = datagram({ ...QUESTION, payload: body(1232) })
  assert.equal(question.length, 1280)
  notLost(stand, () => {
    const packet = whole6(packetsOf(put(stand, question)))
    assert.deepEqual(endsOf(packet), bytesOf(OWN, RS))
    assert.deepEqual(inside(packet), question)
  })
  const [told] = put(stand, datagram({ ...QUESTION, payload: body(1233) }))
  assert.equal(
    told && printed(told.decoded).split(', about')[0],
    `${VIP} > ${CLIENT}: ICMP6 2/0, mtu 1280`,
  )
})

test('datagrams in one frame go into a tunnel one by one, as long as they were', () => {
  for (const mtu of [1500, 1300]) {
    const stand = standBy('tunnel', 'udp', mtu)
    const frame = ethernet(
      stand.macOf(WAN),
      CLIENT_MAC,
      0x86dd,
      datagram({ ...QUESTION, payload: body(3000) }),
    )
    const out = packetsOf(stand.inputRaw(WAN, offloadUdp(frame, 1230)))
    if (mtu === 1500)
      assert.deepEqual(
        out.map(({ length }) => length - 88),
        [1230, 1230, 540],
      )
    else assert.equal(inside(whole6(out.slice(0, 2))).length, 1278)
  }
})

test('a datagram in fragments by NAT, there and back', () => {
  const stand = standBy('nat', 'udp', 1400)
  const question = datagram({ ...QUESTION, payload: body(3000) })
  const there = sentWhole6(putAll(stand, pieces6(question, 1400)), LAN)
  assert.deepEqual(endsOf(there.packet), bytesOf(CLIENT, RS))
  const back = sentWhole6(
    putAll(stand, pieces6(datagram({ ...ANSWER, payload: body(3000) }), 1400), LAN),
    WAN,
  )
  assert.deepEqual(endsOf(back.packet), bytesOf(VIP, CLIENT))
  assert.equal(back.sizes.length, 3)
})

test('clients with one digest are told apart in answers by NAT', () => {
  const stand = standBy('nat', 'udp')
  // All clients have one digest where its key is 0.
  const { addressBook } = stand.engine
  addressBook.restore(new Int32Array(8))
  const others = Array.from({ length: 20 }, (_, i) => `2001:db8:10::1:${i + 1}`)
  for (const src of others)
    assert.equal(put(stand, datagram({ ...QUESTION, src, payload: body(4) })).length, 1)
  for (const dst of others) {
    const [back] = put(stand, datagram({ ...ANSWER, dst, payload: body(4) }), LAN)
    assert.equal(back && printed(back.decoded).split(': ')[0], `${VIP}.6379 > ${dst}.5000`)
  }
  assert.equal(stand.events('CONNS_OPENED'), others.length)
  assert.deepEqual(
    put(stand, datagram({ ...ANSWER, dst: '2001:db8:10::9', payload: body(4) }), LAN),
    [],
  )
  assert.equal(stand.drops('UDP_NO_SERVICE'), 1)
})

test('an RS that is reached by NAT may be a client of the service itself', () => {
  const stand = standBy('nat')
  const [sent] = stand.segment(LAN, `${RS}.4000 > ${VIP}.6379: Flags [S], seq 1, win 100, length 0`)
  assert.equal(sent && printed(sent.decoded).split(': ')[0], `${RS}.4000 > ${RS}.6379`)
})

test('errors about packets by NAT reach who sent them, as that one knows them', () => {
  const stand = standBy('nat', 'udp')
  put(stand, datagram({ ...QUESTION, payload: body(4) }))
  const about = (packet: Uint8Array, src: string, dst: string) =>
    icmpPacket({ src, dst }, 2, 0, concat(Uint8Array.of(0, 0, 5, 80), packet))
  const asSent = datagram({ ...QUESTION, dst: RS, payload: body(4) })
  const [told] = put(stand, about(asSent, '2001:db8:168::fe', CLIENT), LAN)
  assert.equal(
    told && printed(told.decoded),
    `${VIP} > ${CLIENT}: ICMP6 2/0, mtu 1360, about udp ${CLIENT}.5000 > ${VIP}.6379`,
  )
  const answer = datagram({ ...ANSWER, src: VIP, payload: body(4) })
  const [back] = put(stand, about(answer, '2001:db8:10::fe', VIP))
  assert.equal(
    back && printed(back.decoded),
    `${CLIENT} > ${RS}: ICMP6 2/0, mtu 1360, about udp ${RS}.6379 > ${CLIENT}.5000`,
  )
})

test('a client whose RS by NAT is not there hears so', () => {
  const stand = new Stand(`${configOf('nat')}neighbours: { unres_queue_length: 16 }\n`)
  stand.segment(WAN, `${CLIENT}.4000 > ${VIP}.6379: Flags [S], seq 1, win 100, length 0`)
  const told = stand.pass(10_000).filter(({ arm }) => arm === WAN)
  assert.deepEqual(
    told.map(({ decoded }) => printed(decoded)),
    [`${VIP} > ${CLIENT}: ICMP6 1/3, about tcp ${CLIENT}.4000 > ${VIP}.6379, seq 1, ack 0`],
  )
})
