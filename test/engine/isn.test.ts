/**
 * SipHash-2-4 against the vectors of its authors and a plain implementation with BigInt, and what the sequence number
 * is made of.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { SipHash } from '../../src/engine/siphash.ts'

/** Key 00 01 .. 0f as k0 low, k0 high, k1 low, k1 high. */
const KEY = Int32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c)

/** Hashes of 00 01 .. n-1 for n = 0, 1, ..; the one for 15 is in appendix A of the paper. */
const VECTORS: Record<number, bigint> = {
  0: 0x726fdb47dd0e0e31n,
  1: 0x74f839c593dc67fdn,
  2: 0x0d6c8009d9a94f5an,
  3: 0x85676696d7fb7e2dn,
  4: 0xcf2794e0277187b7n,
  5: 0x18765564cd99a68dn,
  6: 0xcbc9466e58fee3cen,
  7: 0xab0200f58b01d137n,
  8: 0x93f5f5799a932462n,
  15: 0xa129ca6149be45e5n,
}

const WORD = (1n << 64n) - 1n
const rotl = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & WORD

/** The algorithm as the paper states it. */
function sipHash(key: Int32Array, bytes: Uint8Array): bigint {
  const word = (i: number) => (BigInt(key[i + 1] >>> 0) << 32n) | BigInt(key[i] >>> 0)
  let [v0, v1, v2, v3] = [
    word(0) ^ 0x736f6d6570736575n,
    word(2) ^ 0x646f72616e646f6dn,
    word(0) ^ 0x6c7967656e657261n,
    word(2) ^ 0x7465646279746573n,
  ]
  const round = () => {
    v0 = (v0 + v1) & WORD
    v1 = rotl(v1, 13n) ^ v0
    v0 = rotl(v0, 32n)
    v2 = (v2 + v3) & WORD
    v3 = rotl(v3, 16n) ^ v2
    v0 = (v0 + v3) & WORD
    v3 = rotl(v3, 21n) ^ v0
    v2 = (v2 + v1) & WORD
    v1 = rotl(v1, 17n) ^ v2
    v2 = rotl(v2, 32n)
  }
  const padded = new Uint8Array((bytes.length & ~7) + 8)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length & 255
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 8) {
    const m = view.getBigUint64(at, true)
    v3 ^= m
    round()
    round()
    v0 ^= m
  }
  v2 ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v0 ^ v1 ^ v2 ^ v3
}

const low32 = (hash: bigint) => Number(hash & 0xffff_ffffn)

for (const [length, hash] of Object.entries(VECTORS)) {
  test(`SipHash-2-4 of ${length} bytes, the published vector`, () => {
    const bytes = Uint8Array.from({ length: Number(length) }, (_, i) => i)
    assert.equal(new SipHash(KEY).hashBytes(bytes) >>> 0, low32(hash))
    assert.equal(sipHash(KEY, bytes), hash)
  })
}

const key = fc
  .array(fc.integer(), { minLength: 4, maxLength: 4 })
  .map(words => Int32Array.from(words))

test('any key, any bytes', () => {
  fc.assert(
    fc.property(key, fc.uint8Array({ maxLength: 40 }), (k, bytes) => {
      assert.equal(new SipHash(k).hashBytes(bytes) >>> 0, low32(sipHash(k, bytes)))
    }),
  )
})

test('the number is the hash of LIP, RIP and ports plus a clock of 64 ns', () => {
  fc.assert(
    fc.property(
      key,
      fc.integer(),
      fc.integer(),
      fc.integer(),
      fc.integer(),
      (k, lip, rip, ports, now) => {
        const message = new DataView(new ArrayBuffer(12))
        message.setInt32(0, lip, true)
        message.setInt32(4, rip, true)
        message.setInt32(8, ports, true)
        const hash = sipHash(k, new Uint8Array(message.buffer))
        const expected = BigInt.asIntN(32, hash + BigInt(now) * 15_625n)
        assert.equal(new KeyedIsn(k).choose(lip, rip, ports, now), Number(expected))
      },
    ),
  )
})

test('the same lport meets its RS again with a number ahead of all that it used', () => {
  const isn = new KeyedIsn(KEY)
  const first = isn.choose(1, 2, 3, 1000)
  // Seven seconds later, a connection of 100 MB in between.
  const second = isn.choose(1, 2, 3, 8000)
  assert.equal((second - first) | 0, 7000 * 15_625)
  assert.ok(((second - (first + 100_000_000)) | 0) > 0)
})

test('one tuple says nothing about the next', () => {
  const isn = new KeyedIsn(KEY)
  const all = Array.from({ length: 1000 }, (_, lport) => isn.choose(1, 2, lport, 0))
  assert.equal(new Set(all).size, 1000)
  const steps = new Set(all.slice(1).map((n, i) => (n - all[i]) | 0))
  assert.equal(steps.size, 999)
})
