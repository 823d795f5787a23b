import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CaptureError } from '../../../src/see/capture/captured.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import {
  interfaceBlock,
  namesBlock,
  packetBlock,
  sectionBlock,
  statisticsBlock,
} from '../../../src/see/capture/pcapng.ts'
import { utf8Bytes, utf8Text } from '../../../src/see/text/utf8.ts'
import { concat } from '../../kit/frame.ts'

const SECTION = sectionBlock({ application: 'tapvs 1', os: 'Linux', comment: 'a comment' })
const ARMS = concat(
  interfaceBlock('ext0', 'of clients', 160),
  interfaceBlock('int0', 'of servers', 160),
)

const packet = fc.record({
  atUs: fc.integer({ min: 0, max: 2 ** 51 }),
  interface: fc.nat(1),
  direction: fc.constantFrom('in' as const, 'out' as const),
  bytes: fc.uint8Array({ minLength: 14, maxLength: 70 }),
  more: fc.nat(100),
  comments: fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 3 }),
  lost: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 52 })),
})

/** Lone surrogates have no UTF-8. */
const wellFormed = (text: string) => Buffer.from(text).toString()

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 5 }), packets => {
      const file = concat(
        SECTION,
        ARMS,
        namesBlock([{ address: Uint8Array.of(10, 0, 0, 1), name: 'vip' }]),
        ...packets.map(({ more, ...p }) => packetBlock({ ...p, length: p.bytes.length + more })),
        statisticsBlock(1, 1_700_000_000_000_001, 7, 3, ['the end']),
      )
      const read = readCapture(file)
      assert.deepEqual(
        { ...read, packets: [] },
        {
          application: 'tapvs 1',
          interfaces: [
            { name: 'ext0', linkType: 1 },
            { name: 'int0', linkType: 1 },
          ],
          packets: [],
          endComments: ['the end'],
          cut: null,
        },
      )
      assert.deepEqual(
        read.packets.map(p => ({ ...p, bytes: [...p.bytes] })),
        packets.map(({ atUs, more, comments, bytes, ...p }) => ({
          ...p,
          atNs: BigInt(atUs) * 1000n,
          length: bytes.length + more,
          bytes: [...bytes],
          link: 'ethernet',
          comments: comments.map(wellFormed),
        })),
      )
    }),
  )
})

/** A block of another writer's, with code of its own. */
function block(little: boolean, type: number, body: number[]): Uint8Array {
  const bytes = new Uint8Array(12 + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, little)
  view.setUint32(4, bytes.length, little)
  bytes.set(body, 8)
  view.setUint32(8 + body.length, bytes.length, little)
  return bytes
}

function words(little: boolean, ...values: number[]): number[] {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => {
    view.setUint32(i * 4, value, little)
  })
  return [...bytes]
}

function section(little: boolean): Uint8Array {
  const version = little ? [1, 0, 0, 0] : [0, 1, 0, 0]
  return block(little, 0x0a0d0d0a, [
    ...words(little, 0x1a2b3c4d),
    ...version,
    ...words(little, 0xffff_ffff, 0xffff_ffff),
  ])
}

/** An interface whose name is `eth9`, with a resolution and an offset of one second. */
function described(little: boolean, resolution: number): Uint8Array {
  const short = (n: number) => (little ? [n, 0] : [0, n])
  const options = [
    ...short(2),
    ...short(4),
    ...Buffer.from('eth9'),
    ...short(9),
    ...short(1),
    resolution,
    0,
    0,
    0,
    ...short(14),
    ...short(8),
    ...(little ? [1, 0, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 1]),
    ...words(little, 0),
  ]
  return block(little, 1, [...short(1), 0, 0, ...words(little, 0), ...options])
}

const frame = Array.from({ length: 14 }, (_, i) => i)

function enhanced(little: boolean, ticks: number, index = 0): Uint8Array {
  const head = words(little, index, Math.floor(ticks / 2 ** 32), ticks >>> 0, 14, 99)
  return block(little, 6, [...head, ...frame, 0, 0])
}

test('either byte order, resolutions of ten and of two, an offset, unknown blocks, several sections', () => {
  for (const little of [true, false]) {
    const file = concat(
      section(little),
      block(little, 0xbad, [1, 2, 3, 4]),
      described(little, 9),
      enhanced(little, 5e15 + 1),
      section(!little),
      described(!little, 0x80 | 10),
      enhanced(!little, 1536),
      block(!little, 3, [...words(!little, 16), ...frame, 0, 0]),
    )
    const { packets, interfaces, cut } = readCapture(file)
    assert.equal(cut, null)
    assert.deepEqual(interfaces, [
      { name: 'eth9', linkType: 1 },
      { name: 'eth9', linkType: 1 },
    ])
    assert.deepEqual(
      packets.map(p => [p.atNs, p.interface, p.length, p.bytes.length]),
      [
        [5_000_001_000_000_001n, 0, 99, 14],
        [2_500_000_000n, 1, 99, 14],
        [0n, 1, 16, 16],
      ],
    )
  }
})

test('a file that ends too early gives what is there and says so', () => {
  const one = packetBlock({
    atUs: 1,
    interface: 0,
    direction: 'in',
    length: 14,
    bytes: Uint8Array.from(frame),
    comments: [],
    lost: 0,
  })
  const parts = [
    SECTION,
    ARMS.subarray(0, ARMS.length / 2),
    ARMS.subarray(ARMS.length / 2),
    one,
    one,
  ]
  const ends = parts.map((_, i) => concat(...parts.slice(0, i + 1)).length)
  const whole = concat(...parts)
  for (let bytes = 13; bytes <= whole.length; bytes++) {
    const { packets, cut } = readCapture(whole.subarray(0, bytes))
    const blocks = ends.filter(end => end <= bytes).length
    assert.equal(packets.length, Math.max(0, blocks - 3))
    if (ends.includes(bytes)) assert.equal(cut, null)
    else
      assert.equal(cut, `the file ends in the midst of the block at byte ${ends[blocks - 1] ?? 0}`)
  }
})

test('a contradiction is one line that says where', () => {
  const bad = (file: Uint8Array, message: RegExp) =>
    assert.throws(
      () => readCapture(file),
      (error: Error) => error instanceof CaptureError && message.test(error.message),
    )
  bad(Uint8Array.of(1), /less than 4 bytes/)
  bad(Uint8Array.from(Buffer.from('#!/bin/sh')), /neither pcapng nor pcap/)
  const spoil = (at: number, value: number) => {
    const file = concat(SECTION, ARMS)
    file[at] = value
    return file
  }
  bad(spoil(8, 0), /section at byte 0 has no byte order/)
  bad(spoil(12, 9), /version 9 at byte 0/)
  bad(spoil(4, SECTION.length - 1), /block at byte 0 says that it has/)
  bad(spoil(SECTION.length - 4, 1), /block at byte 0 does not end as it begins/)
  bad(concat(SECTION, enhanced(true, 1, 3)), /packet at byte \d+ is of interface 3, of 0/)
  bad(concat(SECTION, block(true, 1, [1, 0])), /says that it has 14 bytes/)
  bad(concat(SECTION, block(true, 6, words(true, 0))), /is too short/)
  bad(concat(SECTION, block(true, 1, words(true, 1, 0, 0xff_0002))), /an option .* is too long/)
})

test('any damage: a CaptureError or packets, and never a byte from beyond the file', () => {
  const whole = concat(
    section(true),
    described(true, 6),
    enhanced(true, 5),
    SECTION,
    ARMS,
    enhanced(true, 7, 1),
    statisticsBlock(0, 1, 2, 3, ['x']),
  )
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 })
  const readOr = (file: Uint8Array) => {
    try {
      return readCapture(file)
    } catch (error) {
      assert.ok(error instanceof CaptureError, String(error))
      return (error as Error).message
    }
  }
  fc.assert(
    fc.property(damage, fc.nat(whole.length), fc.nat(255), (changes, bytes, guard) => {
      const file = whole.slice()
      for (const [at, value] of changes) file[at] = value
      const around = new Uint8Array(bytes + 64).fill(guard)
      around.set(file.subarray(0, bytes), 32)
      assert.deepEqual(readOr(around.subarray(32, 32 + bytes)), readOr(file.slice(0, bytes)))
    }),
    { numRuns: 1000 },
  )
})

test('UTF-8 there and back, and of garbage what Node makes of it, but for how many signs', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      assert.deepEqual(Buffer.from(utf8Bytes(text)), Buffer.from(text))
      assert.equal(utf8Text(utf8Bytes(text)), wellFormed(text))
    }),
  )
  const squeeze = (text: string) => text.replace(/\ufffd+/g, '\ufffd')
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      assert.equal(squeeze(utf8Text(bytes)), squeeze(Buffer.from(bytes).toString()))
    }),
    { numRuns: 1000 },
  )
})
