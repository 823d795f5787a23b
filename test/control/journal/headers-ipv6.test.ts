/** What a journal keeps of frames of IPv6, and how a replay fills up the rest. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  filled,
  headersEnd,
  keptBytes,
  sumOfPayloadAt,
} from '../../../src/control/journal/headers.ts'
import { datagram } from '../../kit/datagram.ts'
import { decode } from '../../kit/decode.ts'
import { concat, ethernet, fragmentHeader, icmpv6, ipv6, tcp, vnetHeader } from '../../kit/frame.ts'

const MACS = ['52:54:00:00:00:01', '52:54:00:00:00:02'] as const
const ENDS = { src: '2001:db8::1', dst: '2001:db8::2', sport: 40_000, dport: 80 }
const OPTIONS = { kind: 60, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
const framed = (packet: Uint8Array) => concat(vnetHeader(), ethernet(...MACS, 0x86dd, packet))
const body = (bytes: number) => Uint8Array.from({ length: bytes }, (_, i) => i * 7)

function segment(payload: number, extensions = [OPTIONS]): Uint8Array {
  const fields = { ...ENDS, flags: 'P.', seq: 5, ack: 6, payload: body(payload) }
  return framed(ipv6({ ...ENDS, next: 6, extensions }, tcp(fields)))
}

test('of TCP and UDP the headers, of ICMPv6 all', () => {
  assert.equal(keptBytes(segment(100)), 10 + 14 + 40 + 8 + 20)
  assert.equal(keptBytes(segment(100, [])), 10 + 14 + 40 + 20)
  const udp = framed(datagram({ ...ENDS, payload: body(50) }))
  assert.equal(keptBytes(udp), 10 + 14 + 40 + 8)
  assert.equal(sumOfPayloadAt(udp), 10 + 14 + 40 + 6)
  const echo = framed(ipv6({ ...ENDS, next: 58 }, icmpv6(ENDS, 128, 0, body(60))))
  assert.equal(keptBytes(echo), echo.length)
  assert.equal(sumOfPayloadAt(echo), -1)
  const error = framed(ipv6({ ...ENDS, next: 58 }, icmpv6(ENDS, 1, 4, body(60))))
  assert.equal(sumOfPayloadAt(error), 10 + 14 + 40 + 2)
  const later = { ...ENDS, next: 17, extensions: [fragmentHeader(64, false, 7)] }
  assert.equal(headersEnd(framed(ipv6(later, body(40)))), 10 + 14 + 40 + 8)
})

test('whatever the payload was, the frame that is filled up has a right checksum', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 1400 }), fc.constantFrom('tcp', 'udp'), (bytes, kind) => {
      const udp = { ...ENDS, payload: body(bytes) }
      const frame = kind === 'tcp' ? segment(bytes) : framed(datagram(udp))
      const whole = filled(frame.subarray(0, keptBytes(frame)), frame.length)
      assert.equal(whole.length, frame.length)
      assert.equal(decode(whole).kind, kind)
    }),
  )
})
