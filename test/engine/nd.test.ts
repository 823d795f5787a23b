/** Neighbour discovery, pings, and what the appliance originates over IPv6, frame by frame. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, ethernet, icmpv6, ipv6 } from '../kit/frame.ts'
import { advertisement, SEED6_CONFIG } from '../kit/nd.ts'
import { CLIENT_MAC, lines, type Out, Stand } from '../kit/stand.ts'

const CLIENT = '2001:db8:10::2'
const VIP = '2001:db8:10::1'
const LIP = '2001:db8:168::7'
const RS = '2001:db8:168::2'
const RS_MAC = '52:54:00:00:01:02'

function give(stand: Stand, packet: Uint8Array, dst = stand.macOf('dpdk0'), arm = 'dpdk0'): Out[] {
  return stand.input(arm, ethernet(dst, CLIENT_MAC, 0x86dd, packet))
}

/** The frame from the Ethernet header on, in hex. */
const hex = (out: Out | undefined) => Buffer.from(out?.bytes.subarray(10) ?? []).toString('hex')
const plain = (mac: string) => mac.replaceAll(':', '')

test('who asks for our address is told, with or without a MAC of its own', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  for (const link of [CLIENT_MAC, null]) {
    const [told, ...more] = give(stand, advertisement({ src: CLIENT, dst: VIP }, VIP, link, 0, 135))
    assert.deepEqual(more, [])
    const own = stand.macOf('dpdk0')
    const packet = advertisement({ src: VIP, dst: CLIENT }, VIP, own, 0x60)
    assert.equal(hex(told), Buffer.from(ethernet(CLIENT_MAC, own, 0x86dd, packet)).toString('hex'))
  }
  assert.equal(stand.events('ND_REPLIES'), 2)
  assert.equal(stand.engine.neighs.used, 1, 'a stranger is not learned')
})

test('an address of ours is defended against who looks whether it is free', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const group = 'ff02::1:ff00:1'
  const probe = advertisement({ src: '::', dst: group }, VIP, null, 0, 135)
  const [told] = give(stand, probe, '33:33:ff:00:00:01')
  const own = stand.macOf('dpdk0')
  const packet = advertisement({ src: VIP, dst: 'ff02::1' }, VIP, own, 0x20)
  const frame = ethernet('33:33:00:00:00:01', own, 0x86dd, packet)
  assert.equal(hex(told), Buffer.from(frame).toString('hex'))
  assert.match(stand.log().join(), /2001:db8:10::1/)
  // With a MAC it would be no probe (RFC 4861 7.1.1).
  const spoilt = advertisement({ src: '::', dst: group }, VIP, CLIENT_MAC, 0, 135)
  assert.deepEqual(give(stand, spoilt, '33:33:ff:00:00:01'), [])
  assert.equal(stand.verdictName(), 'ND_HEADER')
})

test('a next hop is asked for, waited for, and learned from', () => {
  const stand = new Stand(SEED6_CONFIG)
  assert.equal(stand.events('ND_REQUESTS'), 1)
  const asked = stand.pass(1100)
  assert.equal(asked.length, 1)
  const own = stand.macOf('dpdk1')
  const ends = { src: '2001:db8:168::3', dst: 'ff02::1:ff00:2' }
  const question = ethernet('33:33:ff:00:00:02', own, 0x86dd, advertisement(ends, RS, own, 0, 135))
  assert.equal(hex(asked[0]), Buffer.from(question).toString('hex'))
  const syn = `${CLIENT}.4000 > ${VIP}.6379: Flags [S], seq 1, win 100, length 0`
  assert.deepEqual(stand.segment('dpdk0', syn), [])
  assert.equal(stand.verdictName(), 'PARKED')
  const flushed = stand.arpReply(RS, RS_MAC)
  assert.match(
    lines(flushed)[0] ?? '',
    /^dpdk1 \| 2001:db8:168::7\.\d+ > 2001:db8:168::2\.6379: Flags \[S\]/,
  )
  assert.equal(hex(flushed[0]).slice(0, 24), plain(RS_MAC) + plain(own))
})

test('a new address is announced, and the group at which it is asked for reported', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const address = '2001:db8:10::5'
  stand.carryOut([{ put: 'address', arm: 0, address, prefixLength: 128 }])
  const [report, news, ...more] = stand.drain()
  assert.deepEqual(more, [])
  const own = stand.macOf('dpdk0')
  const all = { src: address, dst: 'ff02::1' }
  const told = ethernet('33:33:00:00:00:01', own, 0x86dd, advertisement(all, address, own, 0x20))
  assert.equal(hex(news), Buffer.from(told).toString('hex'))
  const listener = { src: '::', dst: 'ff02::16' }
  const group = '000000010400 0000 ff0200000000000000000001ff000005'.replaceAll(' ', '')
  const message = icmpv6(listener, 143, 0, Buffer.from(group, 'hex'))
  const alert = { kind: 0, rest: Uint8Array.of(0, 5, 2, 0, 0, 1, 0) }
  const packet = ipv6({ ...listener, next: 58, hopLimit: 1, extensions: [alert] }, message)
  assert.equal(
    hex(report),
    Buffer.from(ethernet('33:33:00:00:00:16', own, 0x86dd, packet)).toString('hex'),
  )
  // Whoever wants to know is told again, of both addresses.
  const query = icmpv6({ src: 'fe80::1', dst: 'ff02::1' }, 130, 0, new Uint8Array(20))
  const asked = ipv6({ src: 'fe80::1', dst: 'ff02::1', next: 58, hopLimit: 1 }, query)
  const again = () => give(stand, asked, '33:33:00:00:00:01').length
  assert.equal(again(), 2)
  assert.equal(again(), 0, 'once a second')
  stand.pass(999)
  assert.equal(again(), 0)
  stand.pass(1)
  assert.equal(again(), 2)
})

test('a ping is answered by the address that it is for, on its arm', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const body = Buffer.from('1234000161626364', 'hex')
  const ping = (dst: string) =>
    ipv6(
      { src: CLIENT, dst, next: 58, trafficClass: 7, hopLimit: 9 },
      icmpv6({ src: CLIENT, dst }, 128, 0, body),
    )
  const [pong] = give(stand, ping(VIP))
  const answer = icmpv6({ src: VIP, dst: CLIENT }, 129, 0, body)
  const packet = ipv6({ src: VIP, dst: CLIENT, next: 58, trafficClass: 7 }, answer)
  assert.equal(
    hex(pong),
    Buffer.from(ethernet(CLIENT_MAC, stand.macOf('dpdk0'), 0x86dd, packet)).toString('hex'),
  )
  assert.deepEqual(give(stand, ping(LIP)), [])
  assert.equal(stand.verdictName(), 'ICMP_NOT_OURS')
})

test('a segment that is too large is told so, with room for TOA, and so is who sends too many hops', () => {
  const stand = new Stand(
    SEED6_CONFIG.replace('- name: dpdk1', '- name: dpdk1\n    mtu: 1300'),
  ).resolveRss()
  const ends = `${CLIENT}.4000 > ${VIP}.6379:`
  stand.segment('dpdk0', `${ends} Flags [S], seq 1, win 100, length 0`)
  const [told] = stand.segment(
    'dpdk0',
    `${ends} Flags [.], seq 2:1300, ack 1, win 100, length 1298`,
  )
  assert.ok(told)
  const icmp = told.bytes.subarray(10 + 14 + 40)
  assert.deepEqual(
    [...icmp.subarray(0, 2), ...icmp.subarray(4, 8)],
    [2, 0, 0, 0, 1280 >> 8, 1280 & 255],
  )
  assert.equal(told.bytes.length, 10 + 14 + 1280)
  assert.equal(stand.events('ICMP_FRAG_NEEDED'), 1)
})

test('a bare ACK, a refused SYN and an expired connection are reset over IPv6', () => {
  const yaml = `${SEED6_CONFIG}\ntcp: { bare_ack: rst }\n`
  const stand = new Stand(yaml).resolveRss()
  const ends = `${CLIENT}.4000 > ${VIP}.6379:`
  assert.deepEqual(
    lines(stand.segment('dpdk0', `${ends} Flags [.], seq 5, ack 9, win 100, length 0`)),
    [`dpdk0 | (ttl 63) ${VIP}.6379 > ${CLIENT}.4000: Flags [R.], seq 9, ack 5, win 0, length 0`],
  )
  const [syn] = stand.segment('dpdk0', `${ends} Flags [S], seq 1, win 100, length 0`)
  assert.equal(syn?.decoded.kind, 'tcp')
  const { sport, seq } = syn.decoded
  const back = `${RS}.6379 > ${LIP}.${sport}: Flags [S.], seq 70, ack ${seq + 1}, win 100, length 0`
  stand.segment('dpdk1', back)
  stand.segment('dpdk0', `${ends} Flags [.], seq 2, ack 71, win 100, length 0`)
  // Its next hop is asked for anew meanwhile.
  stand.pass(60_000)
  stand.arpReply(RS, RS_MAC)
  assert.deepEqual(
    lines(stand.pass(100_000)).filter(line => line.includes('[R')),
    [
      `dpdk0 | ${VIP}.6379 > ${CLIENT}.4000: Flags [R], seq 71, win 0, length 0`,
      `dpdk1 | ${LIP}.${sport} > ${RS}.6379: Flags [R], seq ${seq + 1}, win 0, length 0`,
    ],
  )
})

test('digests keep their key, and two addresses differ', () => {
  const { addressBook } = new Stand(SEED6_CONFIG).engine
  assert.notEqual(
    addressBook.digest(0x2001_0db8, 0x10_0000, 0, 2),
    addressBook.digest(0x2001_0db8, 0x10_0000, 0, 3),
  )
  assert.notEqual(addressBook.digest(1 << 31, 0, 0, 2), addressBook.digest(0, 1 << 31, 0, 2))
})

test('frames of IPv6 are nothing of ours where nothing of it is set up', () => {
  const stand = new Stand().resolveRss()
  stand.input(
    'dpdk0',
    ethernet(stand.macOf('dpdk0'), CLIENT_MAC, 0x86dd, concat(new Uint8Array(46))),
  )
  assert.equal(stand.verdictName(), 'ETH_TYPE')
})
