import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CaptureFile } from '../../../src/see/capture/capture-file.ts'
import { momentsOfCapture } from '../../../src/see/capture/capture-moments.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'
import { anyMoment } from '../../kit/any-moment.ts'
import { concat } from '../../kit/frame.ts'

const HEAD = {
  application: 'tapvs test',
  os: 'Linux',
  comment: 'no filter',
  arms: [
    { name: 'ext0', description: 'external' },
    { name: 'int0', description: 'internal' },
  ],
  snaplen: 160,
  otherArm: 'another',
}

function write(moments: readonly Moment[], head = HEAD): { file: CaptureFile; bytes: Uint8Array } {
  const file = new CaptureFile(head)
  const parts = file.begin()
  for (const moment of moments) parts.push(...file.moment(moment))
  return { file, bytes: concat(...parts, ...file.end()) }
}

test('moments in a file are read back as they were', () => {
  fc.assert(
    fc.property(fc.array(anyMoment, { maxLength: 12 }), moments => {
      const { bytes, file } = write(moments)
      const read = readCapture(bytes)
      assert.equal(file.packets, moments.filter(({ kind }) => kind !== 'event').length)
      assert.equal(read.cut, null)
      for (const { comments } of read.packets) assert.ok(comments.length > 0)
      const plain = (list: readonly Moment[]) =>
        list.map(m => ('bytes' in m ? { ...m, bytes: [...m.bytes] } : m))
      assert.deepEqual(plain(momentsOfCapture(read)), plain(moments))
    }),
    { numRuns: 200 },
  )
})

const frame: Moment = {
  kind: 'in',
  atUs: 1_700_000_000_000_001,
  worker: 1,
  pair: 3,
  conn: null,
  arm: 'ext0',
  length: 200,
  bytes: new Uint8Array(200),
  gsoSize: 0,
  partial: false,
  direction: null,
  verdict: { done: true },
  states: null,
  said: [],
}

test('what was lost is told with the next packet of the file, and at its end', () => {
  const file = new CaptureFile(HEAD)
  const parts = file.begin()
  file.lose(5)
  parts.push(...file.moment(frame), ...file.moment(frame))
  file.lose(2)
  assert.equal(file.lost, 7)
  parts.push(...file.end())
  assert.equal(file.lost, 7)
  const { packets } = readCapture(concat(...parts))
  assert.deepEqual(
    packets.map(({ lost, bytes, length }) => [lost, bytes.length, length]),
    [
      [5, 160, 200],
      [0, 160, 200],
    ],
  )
})

test('an arm that was not named before becomes an interface of the same snaplen', () => {
  const { bytes } = write([frame, { ...frame, arm: 'new0' }])
  const { interfaces, packets } = readCapture(bytes)
  assert.deepEqual(
    interfaces.map(({ name }) => name),
    ['ext0', 'int0', 'new0'],
  )
  assert.deepEqual(
    packets.map(packet => packet.interface),
    [0, 2],
  )
})

test('each address gets one name, by its part in the connection it was first seen in', () => {
  const conn = (client: string) => ({
    protocol: 'TCP',
    client,
    vip: '9.9.9.9:80',
    lip: '10.0.0.1:1',
    rs: '10.0.0.2:80',
  })
  const { bytes } = write(
    ['1.1.1.1:5', '1.1.1.2:5', '1.1.1.1:6'].map(client => ({ ...frame, conn: conn(client) })),
  )
  const text = Buffer.from(bytes).toString('latin1')
  const named = [...text.matchAll(/([\s\S]{4})(client|vip|lip|rs)(-\d)?\0/g)]
  assert.deepEqual(
    named.map(([, address, role, more = '']) => {
      return `${[...Buffer.from(address, 'latin1')].join('.')} ${role}${more}`
    }),
    ['1.1.1.1 client', '9.9.9.9 vip', '10.0.0.1 lip', '10.0.0.2 rs', '1.1.1.2 client-2'],
  )
})

test('somebody else’s comments are passed over', () => {
  const { bytes } = write([frame])
  const read = readCapture(bytes)
  read.packets.push({ ...read.packets[0], comments: ['a comment'] })
  assert.equal(momentsOfCapture(read).length, 1)
})
