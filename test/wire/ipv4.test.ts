/** The IPv4 header: its checksum, and what the appliance itself writes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipv4Int } from '../../src/wire/address.ts'
import {
  headerChecksumOk,
  headerLength,
  writeHeaderChecksum,
  writeIpv4,
} from '../../src/wire/ipv4.ts'
import { ipv4 } from '../kit/frame.ts'

/** A header often printed in textbooks; its checksum is b861. */
const EXAMPLE = '45000073000040004011b861c0a80001c0a800c7'
const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))

test('the checksum of a known header', () => {
  const header = bytesOf(EXAMPLE)
  const pkt = new DataView(header.buffer)
  assert.ok(headerChecksumOk(pkt, 0, 20))
  pkt.setUint16(10, 0x1234)
  writeHeaderChecksum(pkt, 0, 20)
  assert.equal(pkt.getUint16(10), 0xb861)
})

test('any flipped bit is seen', () => {
  const header = bytesOf(EXAMPLE)
  const pkt = new DataView(header.buffer)
  for (let bit = 0; bit < 160; bit++) {
    header[bit >> 3] ^= 1 << (bit & 7)
    assert.ok(!headerChecksumOk(pkt, 0, 20), `bit ${bit}`)
    header[bit >> 3] ^= 1 << (bit & 7)
  }
})

test('header length', () => {
  for (let words = 0; words < 16; words++) {
    assert.equal(headerLength(new DataView(Uint8Array.of(0xf0 | words).buffer), 0), words * 4)
  }
})

test('a header of our own: TTL 64, ID 0, DF, no options', () => {
  const pkt = new DataView(new Uint8Array(40).fill(0xee).buffer)
  writeIpv4(pkt, 4, 6, 40, ipv4Int('192.168.168.7'), ipv4Int('192.168.168.2'))
  const fields = { src: '192.168.168.7', dst: '192.168.168.2', protocol: 6, id: 0, ttl: 64 }
  const expected = ipv4({ ...fields, fragment: 0x4000 }, new Uint8Array(20)).subarray(0, 20)
  assert.deepEqual(new Uint8Array(pkt.buffer, 4, 20), expected)
})
