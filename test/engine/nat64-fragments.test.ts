/**
 * What does not fit on the way from IPv6 to IPv4, or back: it is told of in its sender's words, or leaves in fragments of the other
 * family.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { datagram } from '../kit/datagram.ts'
import { pieces, whole } from '../kit/fragments.ts'
import { pieces6, sentWhole6, whole6 } from '../kit/fragments6.ts'
import { concat, ethernet, offload, vnetHeader } from '../kit/frame.ts'
import { bytes, CLIENT, judged, LAN, packetOf, Rig, RS, VIP, WAN } from '../kit/nat64.ts'
import { SEED64_CONFIG } from '../kit/nd.ts'
import { CLIENT_MAC, RS_MAC, Stand } from '../kit/stand.ts'

test("an answer that fits on the RS's arm and not on the client's goes back to the RS", () => {
  const rig = new Rig()
  const fits = rig.send('out', { payload: bytes(1440) })
  assert.equal(fits.ipTotal, 1500)
  const frame = rig.frame('out', { payload: bytes(1441) })
  const [told, ...more] = rig.stand.input(LAN, frame)
  assert.equal(more.length, 0)
  assert.equal(told?.arm, LAN)
  const packet = packetOf(told)
  // Destination unreachable, fragmentation needed, next-hop MTU.
  assert.deepEqual([packet[20], packet[21], packet.readUInt16BE(26)], [3, 4, 1480])
  assert.deepEqual(packet.subarray(28, 68), Buffer.from(frame.subarray(14, 54)))
})

test('one without DF is cut into what every link of IPv6 carries, however its checksum came', () => {
  for (const handOver of [(frame: Uint8Array) => concat(vnetHeader(), frame), offload]) {
    const rig = new Rig()
    const frame = rig.frame('out', { payload: bytes(1441), df: false })
    const sent = rig.stand.inputRaw(LAN, handOver(frame))
    assert.deepEqual(
      sent.map(({ arm, decoded }) => [arm, decoded.kind]),
      [
        [WAN, 'fragment'],
        [WAN, 'fragment'],
      ],
    )
    assert.ok(sent.every(out => packetOf(out).length <= 1280))
    const packet = whole6(sent.map(packetOf))
    assert.deepEqual(judged(packet).payload, bytes(1441))
  }
})

test('a segment of the client is told the MTU in its own terms, with room for TOA', () => {
  const rig = new Rig(SEED64_CONFIG.replace('- name: dpdk1', '- name: dpdk1\n    mtu: 1400'))
  // 1440 bytes over IPv6 are 1420 of IPv4.
  const [told] = rig.stand.input(WAN, rig.frame('in', { ack: 71, payload: bytes(1380) }))
  const packet = packetOf(told)
  assert.deepEqual([packet[40], packet[41], packet.readUInt32BE(44)], [2, 0, 1400])
  const out = rig.send('in', { ack: 71, payload: bytes(1360) })
  assert.equal(out.ipTotal, 1400)
})

test('what every link of IPv6 carries is cut for an arm that is narrower', () => {
  const rig = new Rig(SEED64_CONFIG.replace('- name: dpdk1', '- name: dpdk1\n    mtu: 1000'))
  const pieces = rig.stand.input(WAN, rig.frame('in', { ack: 71, payload: bytes(1220) }))
  assert.deepEqual(
    pieces.map(({ arm, decoded }) => [arm, decoded.kind]),
    [
      [LAN, 'fragment'],
      [LAN, 'fragment'],
    ],
  )
  const [told] = rig.stand.input(WAN, rig.frame('in', { ack: 71, payload: bytes(1221) }))
  assert.equal(packetOf(told).readUInt32BE(44), 1280)
})

test('answers that come in fragments leave in some that every link carries, or whole', () => {
  for (const [length, sizes] of [
    [1440, [1280, 276]],
    [1200, [1260]],
  ] as const) {
    const rig = new Rig()
    const frame = rig.frame('out', { payload: bytes(length), df: false })
    const sent = pieces(frame.subarray(14), 600).flatMap(packet =>
      rig.stand.input(LAN, ethernet(rig.stand.macOf(LAN), RS_MAC, 0x0800, packet)),
    )
    const { packet, sizes: found } = sentWhole6(sent, WAN)
    assert.deepEqual(found, sizes)
    assert.deepEqual(judged(packet).payload, bytes(length))
  }
})

test('datagrams in fragments leave in fragments of the other family, both ways', () => {
  const stand = new Stand(SEED64_CONFIG.replace('protocol: tcp', 'protocol: udp')).resolveRss()
  const put = (arm: string, mac: string, type: number, packets: readonly Uint8Array[]) =>
    packets.flatMap(packet => stand.input(arm, ethernet(stand.macOf(arm), mac, type, packet)))
  const up = datagram({
    src: CLIENT.host,
    dst: VIP.host,
    sport: 9,
    dport: 6379,
    payload: bytes(3000),
  })
  const toRs = put(WAN, CLIENT_MAC, 0x86dd, pieces6(up, 1280))
  assert.deepEqual(
    new Set(toRs.map(({ arm, decoded }) => `${arm} ${decoded.kind}`)),
    new Set([`${LAN} fragment`]),
  )
  assert.ok(toRs.every(out => packetOf(out).length <= 1260))
  const arrived = judged(whole(toRs.map(packetOf)))
  assert.deepEqual(arrived.payload, bytes(3000))
  const down = datagram({
    src: RS.host,
    dst: '192.168.168.7',
    sport: 6379,
    dport: arrived.sport,
    df: false,
    payload: bytes(2900),
  })
  const toClient = put(LAN, RS_MAC, 0x0800, pieces(down, 1500))
  assert.ok(toClient.every(out => out.arm === WAN && packetOf(out).length <= 1500))
  assert.deepEqual(judged(whole6(toClient.map(packetOf))).payload, bytes(2900))
})

test('a datagram that is larger than any of IPv4 does not leave', () => {
  for (const [length, verdict] of [
    [65_507, LAN],
    [65_508, 'IP_TOO_BIG'],
    [65_527, 'IP_TOO_BIG'],
  ] as const) {
    const stand = new Stand(SEED64_CONFIG.replace('protocol: tcp', 'protocol: udp')).resolveRss()
    const ends = { src: CLIENT.host, dst: VIP.host, sport: 9, dport: 6379 }
    const packets = pieces6(datagram({ ...ends, payload: bytes(length) }), 1480)
    const sent = packets.flatMap(packet =>
      stand.input(WAN, ethernet(stand.macOf(WAN), CLIENT_MAC, 0x86dd, packet)),
    )
    if (verdict === LAN) assert.deepEqual(judged(whole(sent.map(packetOf))).payload, bytes(length))
    else assert.deepEqual([sent.length, stand.verdictName()], [0, verdict])
  }
})

test('who waits for an RS that does not answer is told so in IPv6', () => {
  const stand = new Stand(SEED64_CONFIG)
  stand.segment(WAN, `${CLIENT.host}.4000 > ${VIP.host}.6379: Flags [S], seq 1, win 100, length 0`)
  assert.equal(stand.verdictName(), 'PARKED')
  const told = stand.pass(4000).filter(({ arm }) => arm === WAN)
  assert.equal(told.length, 1)
  const packet = packetOf(told[0])
  // No route to the destination, which RFC 7915 makes of host unreachable; inside the SYN as it was sent.
  assert.deepEqual([packet[40], packet[41]], [1, 0])
  const inside = packet.subarray(48)
  assert.equal(inside[0], 0x60)
  assert.deepEqual([inside.readUInt16BE(40), inside.readUInt32BE(44)], [4000, 1])
})
