/** Images as bytes and back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pack, unpack } from '../../../src/control/journal/pack.ts'

const cells = fc.oneof(
  fc.int32Array({ maxLength: 9 }),
  fc.uint16Array({ maxLength: 9 }),
  fc.uint8Array({ maxLength: 9 }),
  fc.float64Array({ maxLength: 9 }),
)
const value = fc.dictionary(
  fc.string({ maxLength: 5 }).filter(key => key !== '$' && key !== '__proto__'),
  fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string(), cells, fc.array(cells)),
)

test('what is packed is unpacked, wherever the bytes lie', () => {
  fc.assert(
    fc.property(value, fc.nat(9), (any, shift) => {
      const bytes = Buffer.concat([Buffer.alloc(shift), ...pack(any)]).subarray(shift)
      assert.deepEqual(unpack(bytes), { ...any })
    }),
    { numRuns: 300 },
  )
})

test('bytes that are cut off, or point elsewhere, are refused', () => {
  const bytes = Buffer.concat(pack({ a: Int32Array.of(1, 2, 3) }))
  for (let cut = 0; cut < bytes.length - 4; cut++) {
    assert.throws(() => unpack(bytes.subarray(0, cut)), Error, `${cut} bytes`)
  }
  const text = (json: string) => {
    const words = Buffer.from(json)
    const head = Buffer.alloc(4)
    head.writeUInt32LE(words.length)
    return Buffer.concat([head, words, Buffer.alloc(8)])
  }
  assert.throws(() => unpack(text('{"a":{"$":["Int32Array",-8,1]}}')), /behind the end/)
  assert.throws(() => unpack(text('{"a":{"$":["Function",0,1]}}')), /unknown type/)
})
