/** Where headers are said to be, in frames that are whole, cut short or something else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { locate } from '../../src/wire/locate.ts'
import { ethernet, ipv4 } from '../kit/frame.ts'

const MAC = '02:00:00:00:00:01'
const ENDS = { src: '10.0.0.1', dst: '10.0.0.2' }

function view(packet: Uint8Array, type = 0x0800): DataView {
  const frame = ethernet(MAC, MAC, type, packet)
  return new DataView(frame.buffer, frame.byteOffset, frame.length)
}

test('a packet with options, a fragment, and what padding does not belong to', () => {
  const fields = { ...ENDS, protocol: 17, fragment: 0x2003, options: new Uint8Array(8) }
  const padded = new Uint8Array(28 + 5 + 9)
  padded.set(ipv4(fields, new Uint8Array(5)))
  const found = locate(view(padded))
  assert.deepEqual(
    { ...found },
    { l3: 14, l4: 42, isIpv6: false, version: 4, protocol: 17, fragment: 0x2003, end: 47 },
  )
})

test('bytes in front, and a header cut short by one byte', () => {
  const { buffer } = view(ipv4({ ...ENDS, protocol: 6 }, new Uint8Array()))
  const frame = new Uint8Array(10 + buffer.byteLength)
  frame.set(new Uint8Array(buffer), 10)
  assert.equal(locate(new DataView(frame.buffer), 10)?.l4, 44)
  assert.equal(locate(new DataView(frame.buffer, 0, 43), 10), undefined)
})

test('anything but IPv4 is nowhere', () => {
  assert.equal(locate(view(new Uint8Array(40), 0x0806)), undefined)
  assert.equal(locate(new DataView(new ArrayBuffer(3))), undefined)
})
