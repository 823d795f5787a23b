import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CaptureError } from '../../../src/see/capture/captured.ts'
import { linkTypeText } from '../../../src/see/capture/link-types.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'

interface Fields {
  little?: boolean
  ns?: boolean
  link?: number
  packets: { second: number; fraction: number; bytes: number[]; length?: number }[]
}

function pcap({ little = true, ns = false, link = 1, packets }: Fields): Uint8Array {
  const u32 = (...values: number[]) =>
    values.flatMap(value => {
      const bytes = [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
      return little ? bytes : bytes.reverse()
    })
  const version = little ? [2, 0, 4, 0] : [0, 2, 0, 4]
  return Uint8Array.from([
    ...u32(ns ? 0xa1b23c4d : 0xa1b2c3d4),
    ...version,
    ...u32(0, 0, 65_535, link),
    ...packets.flatMap(({ second, fraction, bytes, length = bytes.length }) => [
      ...u32(second, fraction, bytes.length, length),
      ...bytes,
    ]),
  ])
}

const IP = [0x45, 0, 0, 20, 9, 9]
const ethernet = (source: number[], type: number[], body: number[]) => [
  ...[0, 0, 0, 0, 0, 0],
  ...source,
  ...type,
  ...body,
]

test('µs and ns, both byte orders', () => {
  for (const little of [true, false]) {
    for (const ns of [true, false]) {
      const bytes = [1, 2, 3]
      const packets = [{ second: 0xf000_0000, fraction: 999_999, bytes, length: 1500 }]
      const read = readCapture(pcap({ little, ns, packets }))
      assert.deepEqual(read.interfaces, [{ name: 'if0', linkType: 1 }])
      const [packet] = read.packets
      const fraction = ns ? 999_999n : 999_999_000n
      assert.equal(packet.atNs, 0xf000_0000n * 1_000_000_000n + fraction)
      assert.deepEqual([packet.length, ...packet.bytes], [1500, 1, 2, 3])
      assert.deepEqual([packet.direction, packet.comments, packet.lost], [null, [], 0])
    }
  }
})

test('raw IP and cooked packets get an Ethernet header', () => {
  const zero = [0, 0, 0, 0, 0, 0]
  const one = (link: number, bytes: number[]) => {
    const packets = [{ second: 1, fraction: 0, bytes, length: bytes.length + 100 }]
    const read = readCapture(pcap({ link, packets }))
    const [{ bytes: frame, length, direction, interface: index }] = read.packets
    assert.equal(length, frame.length + 100)
    return { frame: [...frame], direction, name: read.interfaces[index].name }
  }
  for (const link of [101, 12, 228]) {
    const frame = ethernet(zero, [8, 0], IP)
    assert.deepEqual(one(link, IP), { frame, direction: null, name: 'if0' })
  }
  const v6 = [0x60, ...IP]
  assert.deepEqual(one(229, v6).frame, ethernet(zero, [0x86, 0xdd], v6))

  const nulls = [
    [2, 0, 0, 0],
    [0, 0, 0, 2],
  ]
  for (const family of nulls)
    for (const link of [0, 108])
      assert.deepEqual(one(link, [...family, ...IP]).frame, ethernet(zero, [8, 0], IP))
  for (const family of [24, 28, 30])
    assert.deepEqual(one(0, [family, 0, 0, 0, ...v6]).frame, ethernet(zero, [0x86, 0xdd], v6))
  // A cooked header has one MAC; that is not made two of.
  const mac = [2, 3, 4, 5, 6, 7]
  const sll = (type: number) => [0, type, 0, 1, 0, 6, ...mac, 0, 0, 8, 0, ...IP]
  const frame = ethernet(zero, [8, 0], IP)
  assert.deepEqual(one(113, sll(4)), { frame, direction: 'out', name: 'if0' })
  assert.deepEqual(one(113, sll(0)), { frame, direction: 'in', name: 'if0' })
  const sll2 = [8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, ...mac, 0, 0, ...IP]
  assert.deepEqual(one(276, sll2), { frame, direction: 'out', name: 'if0-7' })
})

test('a link type that nobody knows stays as it is, and of a packet too short for its header nothing is left', () => {
  const one = (link: number) => {
    const packets = [{ second: 1, fraction: 0, bytes: [1, 2] }]
    const [packet] = readCapture(pcap({ link, packets })).packets
    return [packet.link, ...packet.bytes]
  }
  assert.deepEqual(one(147), ['unknown', 1, 2])
  assert.deepEqual(one(1), ['ethernet', 1, 2])
  for (const link of [0, 108, 113, 276]) assert.deepEqual(one(link), ['none'])
})

test('link types are told by number and name', () => {
  assert.equal(linkTypeText(105), '105 (IEEE 802.11)')
  assert.equal(linkTypeText(4711), '4711')
})

test('a file that ends too early gives what is there and says so', () => {
  const packets = [1, 2].map(second => ({ second, fraction: 0, bytes: IP }))
  const whole = pcap({ packets })
  assert.equal(readCapture(whole).cut, null)
  const { packets: read, cut } = readCapture(whole.subarray(0, whole.length - 1))
  assert.equal(read.length, 1)
  assert.equal(cut, 'the file ends in the midst of the packet at byte 46')
  assert.throws(() => readCapture(whole.subarray(0, 20)), /ends in its header/)
})

test('any damage gives packets or a CaptureError', () => {
  const link = fc.constantFrom(0, 1, 12, 108, 101, 113, 228, 229, 276)
  fc.assert(
    fc.property(link, fc.uint8Array({ maxLength: 40 }), fc.nat(60), fc.nat(255), (l, b, at, v) => {
      const file = pcap({ link: l, packets: [{ second: 1, fraction: 2, bytes: [...b] }] })
      file[at % file.length] = v
      try {
        for (const { bytes } of readCapture(file).packets) assert.ok(bytes.length <= file.length)
      } catch (error) {
        assert.ok(error instanceof CaptureError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})
