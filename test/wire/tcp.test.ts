/** The walk over TCP options: where it stops, and that it always does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findOption, headerLength, OPT, optionLength } from '../../src/wire/tcp.ts'

function view(...bytes: number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer)
}

test('lengths: NOP is 1, EOL ends, others say their own', () => {
  assert.equal(optionLength(view(1), 0, 1), 1)
  assert.equal(optionLength(view(0, 4), 0, 2), 0)
  assert.equal(optionLength(view(2, 4, 5, 180), 0, 4), 4)
  assert.equal(optionLength(view(4, 2), 0, 2), 2)
})

for (const [name, bytes] of [
  ['a length of 0', [2, 0, 1, 1]],
  ['a length of 1', [2, 1, 1, 1]],
  ['a length beyond the header', [2, 5, 1, 1]],
  ['a kind without a length', [2]],
] as [string, number[]][]) {
  test(`there is nothing more to read at ${name}`, () => {
    assert.equal(optionLength(view(...bytes), 0, bytes.length), 0)
  })
}

test('findOption: the first of that kind and length, and none behind the end', () => {
  const bytes = view(1, 8, 4, 0, 0, 2, 4, 5, 180, 2, 4, 0, 1, 0, 3, 3, 7)
  const end = bytes.byteLength
  assert.equal(findOption(bytes, 0, end, OPT.MSS, 4), 5)
  assert.equal(findOption(bytes, 6 + 3, end, OPT.MSS, 4), 9)
  assert.equal(findOption(bytes, 0, 8, OPT.MSS, 4), -1)
  // A timestamp of another length is not one; behind EOL there is nothing.
  assert.equal(findOption(bytes, 0, end, OPT.TIMESTAMP, 10), -1)
  assert.equal(findOption(bytes, 0, end, OPT.WSCALE, 3), -1)
  assert.equal(findOption(bytes, 0, 0, OPT.MSS, 4), -1)
})

test('a walk over any bytes ends, inside', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), list => {
      const bytes = view(...list)
      let at = 0
      for (let steps = 0; at < list.length; steps++) {
        assert.ok(steps <= 40)
        const length = optionLength(bytes, at, list.length)
        if (length === 0) break
        at += length
        assert.ok(at <= list.length)
      }
    }),
  )
})

test('the data offset is in the top four bits', () => {
  for (let words = 0; words < 16; words++) {
    const header = view(...new Uint8Array(12), (words << 4) | 0x0f)
    assert.equal(headerLength(header, 0), words * 4)
  }
})
