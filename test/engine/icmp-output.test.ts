/** ICMP errors of our own: what they quote, whom they go to, about what there are none, and how many. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADROOM } from '../../src/engine/frames.ts'
import { CLIENT, established, frameOf, LAN, open, RS, SYN, WAN } from '../kit/connection.ts'
import { type DecodedIcmp, decode } from '../kit/decode.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { concat, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const NARROW = SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 1000')
const HOP = `${SEED_CONFIG}\ntcp: { xmit_ttl: true }`
const LARGE = { ...CLIENT, payload: Uint8Array.from({ length: 1200 }, (_, i) => i & 255) }

function errorOf(stand: Stand, arm: string, frame: Uint8Array): DecodedIcmp {
  const out = stand.input(arm, frame)
  assert.equal(out.length, 1, stand.verdictName())
  assert.equal(out[0].arm, arm)
  assert.ok(out[0].decoded.kind === 'icmp')
  return out[0].decoded
}

test('576 bytes are sent at most, and the packet is quoted to the last bit as it came', () => {
  for (const length of [961, 1200, 1459]) {
    const stand = established(NARROW)
    const payload = LARGE.payload.subarray(0, Math.min(length, 1200))
    const frame = frameOf(stand, 'in', { payload, tos: 0x2b, ttl: 7, id: 4711 })
    const { rest, src, dst, ttl, tos, srcMac, dstMac } = errorOf(stand, WAN, frame)
    assert.deepEqual([src, dst], [CLIENT.dst, CLIENT.src])
    assert.deepEqual([srcMac, dstMac], [stand.macOf(WAN), CLIENT_MAC])
    assert.deepEqual([ttl, tos], [64, 0xc8])
    assert.deepEqual(rest.subarray(0, 4), Uint8Array.of(0, 0, 3, 0xe0))
    assert.deepEqual(rest.subarray(4), frame.subarray(14, 14 + 576 - 28))
  }
})

test('a short packet is quoted whole', () => {
  const stand = established(HOP)
  const frame = frameOf(stand, 'in', { ttl: 1, payload: Uint8Array.of(1, 2, 3) })
  const { type, code, rest } = errorOf(stand, WAN, frame)
  assert.deepEqual([type, code], [11, 0])
  assert.deepEqual(rest.subarray(4), frame.subarray(14))
})

test('an address that is none of ours does not answer: the arm does for it', () => {
  // The VIP is a service's and on no arm, so that another one of the arm speaks.
  const config = HOP.replace('addresses: [202.108.10.1/32]', 'addresses: [202.108.10.5/24]')
  const stand = new Stand(config).resolveRss()
  const { src } = errorOf(stand, WAN, frameOf(stand, 'in', { ...SYN, ttl: 1 }))
  assert.equal(src, '202.108.10.5')
})

test('what is too large towards the client is told to the RS by the LIP', () => {
  const stand = established(SEED_CONFIG.replace('- name: dpdk0', '$&\n    mtu: 1000'))
  const frame = frameOf(stand, 'out', { payload: LARGE.payload })
  const { src, dst, dstMac, rest } = errorOf(stand, LAN, frame)
  assert.deepEqual([src, dst, dstMac], [RS.dst, RS.src, RS_MAC])
  assert.deepEqual(rest.subarray(0, 4), Uint8Array.of(0, 0, 3, 0xe8))
})

test('50 at once, and then one a millisecond; the others have their drop reason', () => {
  const stand = established(HOP)
  const frame = frameOf(stand, 'in', { ttl: 1 })
  const burst = (frames: number) => {
    let told = 0
    for (let i = 0; i < frames; i++) told += stand.input(WAN, frame).length
    return told
  }
  assert.equal(burst(200), 50)
  assert.deepEqual([stand.drops('IP_TTL'), stand.events('ICMP_LIMITED')], [150, 150])
  assert.equal(stand.events('ICMP_TIME_EXCEEDED'), 50)
  stand.pass(20)
  assert.equal(burst(200), 20)
  stand.pass(10_000, 1000)
  assert.equal(burst(200), 50)
})

test('a clock that begins below 0 holds none back', () => {
  // That of ms as int32 does so for half of the time.
  const stand = new Stand(HOP, undefined, { now: -5_000_000 })
  stand.now = -5_000_000
  stand.resolveRss()
  const { type } = errorOf(stand, WAN, frameOf(stand, 'in', { ...SYN, ttl: 1 }))
  assert.equal(type, 11)
})

test('a restored engine has sent as many as the first one', () => {
  const stand = established(HOP)
  for (let i = 0; i < 45; i++) stand.input(WAN, frameOf(stand, 'in', { ttl: 1 }))
  const twin = new Stand(HOP, undefined, {}, stand.image())
  const left = (one: Stand) => {
    let told = 0
    for (let i = 0; i < 45; i++) told += one.input(WAN, frameOf(one, 'in', { ttl: 1 })).length
    return told
  }
  assert.equal(left(twin), 5)
})

test('no slot is lost by what an absent RS leaves behind, and nobody is told twice', () => {
  const stand = new Stand()
  const { free } = stand.engine.frames
  for (let i = 0; i < 70; i++) stand.segment(WAN, { ...SYN, sport: 20_000 + i })
  const errors = stand.pass(4000).filter(({ decoded }) => decoded.kind === 'icmp')
  assert.equal(errors.length, 50)
  assert.equal(stand.drops('NEIGH_UNRESOLVED'), 70)
  assert.equal(stand.events('ICMP_HOST_UNREACHABLE'), 50)
  assert.equal(stand.engine.frames.free, free)
  assert.equal(new Set(errors.map(({ bytes }) => decode(bytes))).size, 50)
})

test('an RST that waits for an absent RS is answered by nothing', () => {
  const stand = new Stand()
  open(stand)
  stand.segment(WAN, { ...SYN, flags: 'R', seq: 1001 })
  const errors = stand.pass(4000).filter(({ decoded }) => decoded.kind === 'icmp')
  // The SYN was.
  assert.equal(errors.length, 1)
})

test('nobody is told of a datagram that we sent ahead with the address of a client', () => {
  for (const [uoa, errors] of [
    ['ipo', 1],
    ['off', 1],
    // In a header of its own no connection is found.
    ['opp', 1],
  ] as const) {
    const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: ${uoa} }`)
    const { free } = stand.engine.frames
    const { src, sport, dst, dport } = SYN
    // There is no room for it in one of the MTU.
    stand.datagram(WAN, { src, sport, dst, dport, payload: new Uint8Array(1472) })
    assert.equal(stand.events('UOA_ALONE'), uoa === 'off' ? 0 : 1)
    const told = stand.pass(4000).filter(({ decoded }) => decoded.kind === 'icmp')
    assert.equal(told.length, errors, uoa)
    assert.equal(stand.engine.frames.free, free)
  }
})

test('a frame without room in front is dropped', () => {
  const stand = established(HOP)
  const { frames, arms } = stand.engine
  const slot = frames.take()
  const bytes = concat(
    vnetHeader(),
    tcpFrame({ ...CLIENT, ttl: 1, srcMac: CLIENT_MAC, dstMac: stand.macOf(WAN) }),
  )
  frames.start[slot] -= HEADROOM - 24
  new Uint8Array(frames.pkt.buffer, frames.start[slot], bytes.length).set(bytes)
  frames.length[slot] = bytes.length
  stand.judgeSlot(arms[0], slot)
  assert.deepEqual(stand.drain(), [])
  assert.equal(stand.verdictName(), 'IP_TTL')
})
