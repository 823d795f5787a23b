/**
 * Clients that speak IPv6 before RSs that speak IPv4: headers, lengths, offloads, MTUs. The conversation is a transcript
 * (nat64-seed-client-close.txt), errors of others are icmp64-errors.test.ts. decode() recomputes every checksum.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DecodedTcp } from '../kit/decode.ts'
import { ethernet, ipv6, offload, tcp } from '../kit/frame.ts'
import { bytes, CLIENT, LAN, Rig, RS, VIP, WAN } from '../kit/nat64.ts'
import { SEED64_CONFIG } from '../kit/nd.ts'
import { parseOptions } from '../kit/notation.ts'
import { CLIENT_MAC } from '../kit/stand.ts'

const XMIT_TTL = `${SEED64_CONFIG}\ntcp: { xmit_ttl: true }\n`

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
