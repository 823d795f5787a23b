/** ICMP echo: answered for addresses of the receiving arm, with the request's bytes. What is refused is in drops.test.ts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum, concat, ethernet, ipv4, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, Stand } from '../kit/stand.ts'

const stand = new Stand()
const free = stand.engine.frames.free

function echo(dst: string, body: Uint8Array, l3: object = {}): Uint8Array {
  const message = concat(Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1), body)
  const sum = checksum(message)
  message.set([sum >> 8, sum & 255], 2)
  return ipv4({ src: '202.108.10.2', dst, protocol: 1, ...l3 }, message)
}

function ping(arm: string, packet: Uint8Array, vnet = vnetHeader()) {
  const out = stand.input(arm, ethernet(stand.macOf(arm), CLIENT_MAC, 0x0800, packet), vnet)
  assert.equal(out.length, 1, stand.verdictName())
  assert.equal(out[0].arm, arm)
  assert.equal(out[0].decoded.kind, 'icmp')
  return { bytes: out[0].bytes, ...out[0].decoded } as (typeof out)[0] &
    Extract<(typeof out)[0]['decoded'], { kind: 'icmp' }>
}

for (const [arm, dst] of [
  ['dpdk0', '202.108.10.1'],
  ['dpdk1', '192.168.168.7'],
  ['dpdk1', '192.168.168.3'],
]) {
  test(`echo to ${dst} on ${arm} is answered with its own bytes`, () => {
    for (const length of [0, 1, 56, 57, 1472]) {
      const body = Uint8Array.from({ length }, (_, i) => i & 255)
      const reply = ping(arm, echo(dst, body, { ttl: 3, tos: 0xb8 }))
      assert.deepEqual([reply.src, reply.dst], [dst, '202.108.10.2'])
      assert.deepEqual([reply.srcMac, reply.dstMac], [stand.macOf(arm), CLIENT_MAC])
      assert.deepEqual([reply.type, reply.code, reply.ttl, reply.tos], [0, 0, 64, 0xb8])
      assert.deepEqual(reply.rest, concat(Uint8Array.of(0x12, 0x34, 0, 1), body))
    }
  })
}

test('every checksum that an echo can have gives a good one', () => {
  for (let i = 0; i < 65_536; i += i < 300 || i > 65_200 ? 1 : 97) {
    ping('dpdk0', echo('202.108.10.1', Uint8Array.of(i >> 8, i & 255)))
  }
})

test('padding is not echoed; IP options are', () => {
  const packet = echo('202.108.10.1', new Uint8Array(2), { options: Uint8Array.of(1, 1, 1, 0) })
  const padded = concat(packet, Uint8Array.of(9, 9, 9, 9))
  assert.equal(ping('dpdk0', padded).bytes.length, 10 + 14 + packet.length)
})

test('a checksum that somebody vouched for (DATA_VALID) is no reason to refuse the echo', () => {
  const reply = ping('dpdk0', echo('202.108.10.1', new Uint8Array(8)), vnetHeader({ flags: 2 }))
  assert.deepEqual(reply.bytes.slice(0, 10), new Uint8Array(10))
})

test('no slot is lost', () => assert.equal(stand.engine.frames.free, free))
