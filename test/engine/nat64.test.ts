/**
 * Clients that speak IPv6 before RSs that speak IPv4: headers, lengths, offloads, MTUs. The conversation is a transcript
 * (nat64-seed-client-close.txt), errors of others are icmp64-errors.test.ts. decode() recomputes every checksum.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DecodedTcp } from '../kit/decode.ts'
import { pieces } from '../kit/fragments.ts'
import { ethernet, ipv6, offload, type TcpFields, tcp, tcpFrame } from '../kit/frame.ts'
import { CLIENT, established64, LAN, packetOf, RS, VIP, WAN } from '../kit/nat64.ts'
import { SEED64_CONFIG } from '../kit/nd.ts'
import { parseOptions } from '../kit/notation.ts'
import { CLIENT_MAC, RS_MAC, Stand } from '../kit/stand.ts'

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 31) & 255)
const XMIT_TTL = `${SEED64_CONFIG}\ntcp: { xmit_ttl: true }\n`

class Rig {
  readonly stand: Stand
  readonly lport: number
  readonly seq: number

  constructor(config = SEED64_CONFIG) {
    const { stand, lip, delta } = established64(config)
    this.stand = stand
    this.lport = lip.port
    this.seq = (2 + delta) >>> 0
  }

  frame(dir: 'in' | 'out', change: Partial<TcpFields>): Uint8Array {
    const arm = dir === 'in' ? WAN : LAN
    const macs = { srcMac: dir === 'in' ? CLIENT_MAC : RS_MAC, dstMac: this.stand.macOf(arm) }
    const ends =
      dir === 'in'
        ? { src: CLIENT.host, dst: VIP.host, sport: CLIENT.port, dport: VIP.port, seq: 2, ack: 70 }
        : {
            src: RS.host,
            dst: '192.168.168.7',
            sport: RS.port,
            dport: this.lport,
            seq: 70,
            ack: this.seq,
          }
    return tcpFrame({ ...macs, ...ends, flags: '.', ...change })
  }

  send(dir: 'in' | 'out', change: Partial<TcpFields>, gsoSize?: number): DecodedTcp {
    const frame = this.frame(dir, change)
    const arm = dir === 'in' ? WAN : LAN
    const out =
      gsoSize === undefined
        ? this.stand.input(arm, frame)
        : this.stand.inputRaw(arm, offload(frame, gsoSize))
    assert.equal(out.length, 1, this.stand.verdictName())
    assert.equal(out[0].arm, dir === 'in' ? LAN : WAN)
    return out[0].decoded as DecodedTcp
  }
}

test('the header towards the RS: TOS 0, ID 0, DF, the hop limit as TTL', () => {
  const out = new Rig().send('in', { ack: 71, ttl: 37, tos: 0xb9, payload: bytes(100) })
  assert.deepEqual(
    [out.ttl, out.tos, out.id, out.df, out.ipHeaderBytes, out.ipTotal],
    [37, 0, 0, true, 20, 140],
  )
  assert.deepEqual([out.src, out.dst], ['192.168.168.7', RS.host])
  assert.deepEqual(out.payload, bytes(100))
})

test('the header towards the client: traffic class 0, the TTL as hop limit, and no options of IPv4', () => {
  for (const ipOptions of [
    new Uint8Array(),
    Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0),
    new Uint8Array(40).fill(1),
  ]) {
    const out = new Rig().send('out', { ttl: 21, tos: 0xb9, payload: bytes(100), ipOptions })
    assert.deepEqual([out.ttl, out.tos, out.ipHeaderBytes, out.ipTotal], [21, 0, 40, 160])
    assert.deepEqual([out.src, out.dst], [VIP.host, CLIENT.host])
    assert.deepEqual(out.payload, bytes(100))
  }
})

test('with xmit_ttl both are one less, and a packet with none left is told of in the words of its sender', () => {
  const rig = new Rig(XMIT_TTL)
  assert.equal(rig.send('in', { ttl: 37 }).ttl, 36)
  assert.equal(rig.send('out', { ttl: 21 }).ttl, 20)
  const [toClient] = rig.stand.input(WAN, rig.frame('in', { ttl: 1 }))
  assert.deepEqual([toClient?.arm, toClient?.decoded.kind], [WAN, 'icmpv6'])
  const [toRs] = rig.stand.input(LAN, rig.frame('out', { ttl: 1 }))
  assert.deepEqual([toRs?.arm, toRs?.decoded.kind], [LAN, 'icmp'])
  assert.equal(rig.stand.events('ICMP_TIME_EXCEEDED'), 2)
})

for (const gsoSize of [0, 1420, 536]) {
  const kind = gsoSize === 0 ? 'a partial checksum' : `GSO of ${gsoSize}`
  const length = gsoSize === 0 ? 100 : gsoSize * 3 + 17

  test(`in, ${kind}: what was to be segments of IPv6 is to be such of IPv4`, () => {
    for (const [ack, grown] of [
      [70, 20],
      [71, 0],
    ]) {
      const out = new Rig().send('in', { ack, payload: bytes(length) }, gsoSize)
      assert.equal(out.options.length, grown)
      assert.deepEqual(out.vnet, {
        flags: 1,
        gsoType: gsoSize ? 1 : 0,
        hdrLen: gsoSize ? 54 + (grown ?? 0) : 0,
        gsoSize,
        csumStart: 34,
        csumOffset: 16,
      })
      assert.deepEqual(out.payload, bytes(length))
    }
  })

  test(`out, ${kind}: and the other way round`, () => {
    for (const text of ['', 'nop,nop,TS val 1 ecr 2', 'nop,nop,sack 1 {5:6}']) {
      const options = text === '' ? new Uint8Array() : parseOptions(text)
      const out = new Rig().send('out', { payload: bytes(length), options }, gsoSize)
      assert.deepEqual(out.vnet, {
        flags: 1,
        gsoType: gsoSize ? 4 : 0,
        hdrLen: gsoSize ? 74 + options.length : 0,
        gsoSize,
        csumStart: 54,
        csumOffset: 16,
      })
      assert.deepEqual(out.payload, bytes(length))
    }
  })
}

test('ECN: the flag beside the GSO type passes', () => {
  const rig = new Rig()
  const frame = offload(rig.frame('out', { flags: 'W.', payload: bytes(4000) }), 1400)
  frame[1] |= 0x80
  const [out] = rig.stand.inputRaw(LAN, frame)
  assert.ok(out)
  assert.equal((out.decoded as DecodedTcp).vnet.gsoType, 0x84)
})

test('64 KiB go through, both ways', () => {
  const rig = new Rig()
  const up = rig.send('in', { ack: 71, payload: bytes(65_475) }, 1440)
  assert.equal(up.ipTotal, 65_535 - 20)
  const down = rig.send('out', { payload: bytes(65_495) }, 1440)
  assert.equal(down.ipTotal, 65_535 + 20)
  assert.deepEqual(down.payload, bytes(65_495))
})

test('a segment that was corrupt is still so behind us', () => {
  const rig = new Rig()
  for (const dir of ['in', 'out'] as const) {
    const frame = rig.frame(dir, { ack: dir === 'in' ? 71 : rig.seq, payload: bytes(10) })
    const last = frame.length - 1
    frame[last] = (frame[last] ?? 0) ^ 1
    assert.throws(() => rig.stand.input(dir === 'in' ? WAN : LAN, frame), /checksum/)
  }
})

test('extension headers have no place in IPv4', () => {
  const rig = new Rig()
  const ends = { src: CLIENT.host, dst: VIP.host }
  const options = { kind: 60, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
  for (const [flags, sport] of [
    ['.', CLIENT.port],
    ['S', 4001],
  ] as const) {
    const segment = tcp({ ...ends, sport, dport: VIP.port, flags, seq: 2, ack: 70 })
    const packet = ipv6({ ...ends, next: 6, extensions: [options] }, segment)
    rig.stand.input(WAN, ethernet(rig.stand.macOf(WAN), CLIENT_MAC, 0x86dd, packet))
    assert.equal(rig.stand.verdictName(), 'NAT64_EXTENSION')
  }
  assert.equal(rig.stand.engine.conns.table.used, 1, 'nothing was opened for it')
})

test("an answer that fits on the RS's arm and not on the client's goes back to the RS", () => {
  const rig = new Rig()
  const fits = rig.send('out', { payload: bytes(1440) })
  assert.equal(fits.ipTotal, 1500)
  for (const df of [true, false]) {
    const frame = rig.frame('out', { payload: bytes(1441), df })
    const [told, ...more] = rig.stand.input(LAN, frame)
    assert.equal(more.length, 0)
    assert.equal(told?.arm, LAN)
    const packet = packetOf(told)
    // Destination unreachable, fragmentation needed, next-hop MTU.
    assert.deepEqual([packet[20], packet[21], packet.readUInt16BE(26)], [3, 4, 1480])
    assert.deepEqual(packet.subarray(28, 68), Buffer.from(frame.subarray(14, 54)))
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

test('answers that come in fragments leave as one packet', () => {
  const rig = new Rig()
  const frame = rig.frame('out', { payload: bytes(1440), df: false })
  const fragments = pieces(frame.subarray(14), 600)
  const out = fragments.flatMap(packet =>
    rig.stand.input(LAN, ethernet(rig.stand.macOf(LAN), RS_MAC, 0x0800, packet)),
  )
  assert.equal(fragments.length, 3)
  assert.equal(out.length, 1, rig.stand.verdictName())
  assert.deepEqual((out[0].decoded as DecodedTcp).payload, bytes(1440))
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

test('a connection that dies of age is reset on both sides, each in its own family', () => {
  const { stand } = new Rig()
  stand.pass(85_000, 100)
  const resets = stand.resolveRss().pass(10_000, 100)
  assert.deepEqual(
    resets.map(({ arm, decoded }) => [arm, decoded.kind, (decoded as DecodedTcp).flags]).sort(),
    [
      [WAN, 'tcp', 'R'],
      [LAN, 'tcp', 'R'],
    ].sort(),
  )
  const toClient = resets.find(({ arm }) => arm === WAN)?.decoded as DecodedTcp
  assert.equal(toClient.dst, CLIENT.host)
})
