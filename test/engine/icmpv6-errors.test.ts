/** ICMPv6 errors about packets that were forwarded: they go on to whoever sent those, with what was sent in them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ethernet, icmpv6, ipv6, tcp } from '../kit/frame.ts'
import { SEED6_CONFIG } from '../kit/nd.ts'
import { CLIENT_MAC, type Out, RS_MAC, Stand } from '../kit/stand.ts'

const CLIENT = { host: '2001:db8:10::2', port: 4000 }
const VIP = { host: '2001:db8:10::1', port: 6379 }
const LIP = '2001:db8:168::7'
const RS = { host: '2001:db8:168::2', port: 6379 }
const ROUTER = '2001:db8:168::fe'

/** A connection whose client has sent bytes 2 to 101, and its RS 70 to 169. */
function established() {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const ends = `${CLIENT.host}.4000 > ${VIP.host}.6379:`
  const { sport: lport, seq } = stand.forward(
    'dpdk0',
    `${ends} Flags [S], seq 1, win 100, length 0`,
  )
  const back = `${RS.host}.6379 > ${LIP}.${lport}:`
  stand.forward('dpdk1', `${back} Flags [S.], seq 69, ack ${seq + 1}, win 100, length 0`)
  stand.forward('dpdk0', `${ends} Flags [.], seq 2, ack 70, win 100, length 0`)
  return { stand, lip: { host: LIP, port: lport }, delta: seq - 1 }
}

type End = { host: string; port: number }

/** An error with a packet of `from` to `to` in it. */
function error(router: string, type: number, rest: number, from: End, to: End, seq: number) {
  const inside = { src: from.host, dst: to.host }
  const segment = tcp({
    ...inside,
    sport: from.port,
    dport: to.port,
    flags: '.',
    seq,
    ack: 70,
    payload: new Uint8Array(20),
  })
  const body = new Uint8Array([
    0,
    0,
    rest >> 8,
    rest & 255,
    ...ipv6({ ...inside, next: 6 }, segment),
  ])
  const ends = { src: router, dst: from.host }
  return ipv6({ ...ends, next: 58 }, icmpv6(ends, type, 0, body))
}

/** From the IPv6 header on; that its checksum is right the stand has seen. */
const packetOf = (out: Out | undefined) => Buffer.from(out?.bytes.subarray(24) ?? [])

test('packet too big from behind the balancer reaches the client, with room for TOA, and its own packet in it', () => {
  const { stand, lip, delta } = established()
  const packet = error(ROUTER, 2, 1400, lip, RS, (2 + delta) >>> 0)
  const [told, ...more] = stand.input(
    'dpdk1',
    ethernet(stand.macOf('dpdk1'), RS_MAC, 0x86dd, packet),
  )
  assert.equal(more.length, 0)
  assert.equal(told?.arm, 'dpdk0')
  assert.equal(stand.events('ICMP_MTU_LOWERED'), 1)
  const expected = error(VIP.host, 2, 1380, CLIENT, VIP, 2)
  assert.deepEqual(packetOf(told), Buffer.from(expected))
})

test('an MTU of 1280 is not lowered: every link carries as much', () => {
  const { stand, lip, delta } = established()
  const packet = error(ROUTER, 2, 1280, lip, RS, (2 + delta) >>> 0)
  const [told] = stand.input('dpdk1', ethernet(stand.macOf('dpdk1'), RS_MAC, 0x86dd, packet))
  assert.deepEqual(packetOf(told), Buffer.from(error(VIP.host, 2, 1280, CLIENT, VIP, 2)))
})

test('an error with a flow label is passed on whole: no number of it is a length', () => {
  const { stand, lip, delta } = established()
  const labelled = (packet: Uint8Array) => {
    packet.set([0xff, 0xff], 2)
    return packet
  }
  const packet = labelled(error(ROUTER, 2, 1400, lip, RS, (2 + delta) >>> 0))
  const out = stand.input('dpdk1', ethernet(stand.macOf('dpdk1'), RS_MAC, 0x86dd, packet))
  assert.equal(out.length, 1, stand.verdictName())
  assert.deepEqual(
    packetOf(out[0]),
    Buffer.from(labelled(error(VIP.host, 2, 1380, CLIENT, VIP, 2))),
  )
})

test('an error of the client about what the RS has sent reaches the RS', () => {
  const { stand, lip } = established()
  const packet = error(CLIENT.host, 1, 0, VIP, CLIENT, 70)
  const [told] = stand.input('dpdk0', ethernet(stand.macOf('dpdk0'), CLIENT_MAC, 0x86dd, packet))
  assert.equal(told?.arm, 'dpdk1')
  assert.equal(stand.events('ICMP_TRANSLATED'), 1)
  // Inside it is from the RS to the LIP.
  const inside = packetOf(told).subarray(48)
  assert.deepEqual([inside.readUInt16BE(40), inside.readUInt16BE(42)], [RS.port, lip.port])
})

test('one with a number that nothing has come to, or from the other side, is refused', () => {
  const { stand, lip, delta } = established()
  const far = error(ROUTER, 2, 1400, lip, RS, (delta + (1 << 26)) >>> 0)
  assert.deepEqual(stand.input('dpdk1', ethernet(stand.macOf('dpdk1'), RS_MAC, 0x86dd, far)), [])
  assert.equal(stand.verdictName(), 'ICMP_SEQUENCE')
  const near = error(ROUTER, 2, 1400, lip, RS, (2 + delta) >>> 0)
  assert.deepEqual(
    stand.input('dpdk0', ethernet(stand.macOf('dpdk0'), CLIENT_MAC, 0x86dd, near)),
    [],
  )
  assert.equal(stand.verdictName(), 'IP_SOURCE')
})

test('who waits for an RS that does not answer is told so', () => {
  const stand = new Stand(SEED6_CONFIG)
  stand.segment(
    'dpdk0',
    `${CLIENT.host}.4000 > ${VIP.host}.6379: Flags [S], seq 1, win 100, length 0`,
  )
  assert.equal(stand.verdictName(), 'PARKED')
  const told = stand.pass(4000).filter(({ arm }) => arm === 'dpdk0')
  assert.equal(told.length, 1)
  const packet = packetOf(told[0])
  assert.deepEqual([packet[40], packet[41]], [1, 3])
  assert.equal(stand.events('ICMP_HOST_UNREACHABLE'), 1)
})

test('a packet with extension headers that waits in vain is not told of: it could not be quoted as it was sent', () => {
  const stand = new Stand(SEED6_CONFIG)
  const ends = { src: CLIENT.host, dst: VIP.host }
  const syn = tcp({ ...ends, sport: CLIENT.port, dport: VIP.port, flags: 'S', seq: 1 })
  const options = { kind: 60, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
  const packet = ipv6({ ...ends, next: 6, extensions: [options] }, syn)
  stand.input('dpdk0', ethernet(stand.macOf('dpdk0'), CLIENT_MAC, 0x86dd, packet))
  assert.equal(stand.verdictName(), 'PARKED')
  assert.deepEqual(
    stand.pass(4000).filter(({ arm }) => arm === 'dpdk0'),
    [],
  )
  assert.equal(stand.events('ICMP_HOST_UNREACHABLE'), 0)
})
