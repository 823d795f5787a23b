/** The examples of RFC 1071 and RFC 1624, and the incremental update against the plain sum. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  adjust,
  adjustPartial,
  diff16,
  diff32,
  fold,
  pseudoSum,
  sumWords,
} from '../../src/wire/checksum.ts'
import { checksum, pseudoHeader } from '../kit/frame.ts'

function view(...bytes: number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer)
}

test('RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2', () => {
  const bytes = view(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  assert.equal(sumWords(bytes, 0, 8), 0x2ddf0)
  assert.equal(fold(0x2ddf0), 0xddf2)
})

test('RFC 1624 section 4: dd2f with 5555 -> 3285 becomes 0000, not ffff', () => {
  const field = view(0xdd, 0x2f)
  adjust(field, 0, diff16(0x5555, 0x3285))
  assert.equal(field.getUint16(0), 0x0000)
})

test('an odd last byte counts as the high one', () => {
  assert.equal(sumWords(view(1, 2, 3), 0, 3), 0x0102 + 0x0300)
  assert.equal(sumWords(view(9), 0, 1), 0x0900)
  assert.equal(sumWords(view(9), 0, 0), 0)
})

test('64 KiB of ones do not overflow', () => {
  const bytes = new DataView(new Uint8Array(65_535).fill(255).buffer)
  assert.equal(fold(sumWords(bytes, 0, 65_535)), fold(0xff00))
})

test('fold takes any sum of 32 bits', () => {
  for (const sum of [0, 1, 0xffff, 0x10000, 0x1ffff, 0x7fff_ffff, 0xffff_ffff]) {
    const folded = fold(sum)
    assert.ok(folded >= 0 && folded <= 0xffff)
    assert.equal(folded % 0xffff, sum % 0xffff)
  }
})

test('the pseudo header', () => {
  const [src, dst] = [0xca6c0a02 | 0, 0xffff_ffff | 0]
  const bytes = pseudoHeader([0xca, 0x6c, 0x0a, 0x02], [255, 255, 255, 255], 6, 65_515)
  assert.equal(fold(pseudoSum(src, dst, 6, 65_515)), 0xffff - checksum(bytes))
})

/** Words of bytes, of which some are changed: [at, new value]. */
const bytes = fc
  .uint8Array({ minLength: 4, maxLength: 64 })
  .map(list => list.slice(0, list.length & ~3))
const changes = fc.array(fc.tuple(fc.nat(15), fc.integer(), fc.boolean()), { maxLength: 12 })

test('adjusting by any number of differences equals summing anew', () => {
  fc.assert(
    fc.property(bytes, changes, (before, edits) => {
      const data = new DataView(before.slice().buffer)
      const field = view(0, 0)
      field.setUint16(0, checksum(before))
      const partial = view(0, 0)
      partial.setUint16(0, 0xffff - checksum(before))
      let difference = 0
      for (const [word, value, half] of edits) {
        const at = (word * 4) % before.length
        if (half) {
          difference += diff16(data.getUint16(at), value)
          data.setUint16(at, value)
        } else {
          difference += diff32(data.getInt32(at), value)
          data.setInt32(at, value)
        }
      }
      adjust(field, 0, difference)
      adjustPartial(partial, 0, difference)
      const after = checksum(new Uint8Array(data.buffer))
      // 0x0000 and 0xffff are the same number; which of them it is matters only to data that is all zero.
      assert.equal(field.getUint16(0) % 0xffff, after % 0xffff)
      assert.equal(partial.getUint16(0) % 0xffff, (0xffff - after) % 0xffff)
    }),
    { numRuns: 2000 },
  )
})

test('no difference changes nothing, 0x0000 and 0xffff included', () => {
  for (const value of [0x0000, 0x0001, 0x1234, 0xfffe, 0xffff]) {
    const field = view(value >> 8, value & 255)
    adjust(field, 0, 0)
    assert.equal(field.getUint16(0), value)
  }
})
