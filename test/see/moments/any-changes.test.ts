/** Whatever differs between two frames is told, and nothing else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changesOf } from '../../../src/see/moments/changes.ts'
import type { Change } from '../../../src/see/moments/moment.ts'
import { MACS } from '../../kit/changed.ts'
import { concat, tcpFrame, vnetHeader } from '../../kit/frame.ts'
import { parseOptions } from '../../kit/notation.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../../kit/stand.ts'

const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const port = fc.integer({ min: 0, max: 65_535 })
const address = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
  .map(parts => parts.join('.'))
const fields = fc.record({
  src: address,
  dst: address,
  sport: port,
  dport: port,
  flags: fc.constantFrom('S', 'S.', '.', 'P.', 'F.', 'R', ''),
  seq: u32,
  ack: u32,
  win: port,
  urgent: port,
  ttl: fc.integer({ min: 1, max: 255 }),
  tos: fc.integer({ min: 0, max: 255 }),
  id: port,
  mss: port,
  payload: fc.uint8Array({ maxLength: 60 }),
})
type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never

/** Which change a field makes; both ends of a direction are one. */
const NAMES: [string, (f: Fields) => string | number][] = [
  ['tos', f => f.tos],
  ['length', f => f.payload.length],
  ['ip_id', f => f.id],
  ['ttl', f => f.ttl],
  ['source', f => `${f.src}:${f.sport}`],
  ['destination', f => `${f.dst}:${f.dport}`],
  ['seq', f => f.seq],
  ['ack', f => f.ack],
  ['flags', f => f.flags],
  ['window', f => f.win],
  ['urgent', f => f.urgent],
  ['mss', f => f.mss],
  ['payload', f => f.payload.join()],
]

function build({ mss, ...rest }: Fields): Uint8Array {
  return tcpFrame({ ...MACS, ...rest, options: parseOptions(`mss ${mss}`) })
}

test('any fields changed: exactly those are told, with what they were and are', () => {
  fc.assert(
    fc.property(
      fields,
      fields,
      fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }),
      (a, b, pick) => {
        const mixed = Object.fromEntries(
          Object.keys(a).map((key, i) => [key, (pick[i] ? b : a)[key as keyof Fields]]),
        ) as unknown as Fields
        const changes = changesOf(build(a), build(mixed)).filter(c => !c.what.endsWith('checksum'))
        const expected = NAMES.filter(([, value]) => value(a) !== value(mixed))
        assert.deepEqual(
          changes.map(({ what }) => what),
          expected.map(([name]) => name),
        )
        for (const change of changes) checkValues(change, a, mixed)
      },
    ),
  )
})

function checkValues({ what, before, after, delta }: Change, a: Fields, b: Fields): void {
  const value = NAMES.find(([name]) => name === what)?.[1] as (f: Fields) => string | number
  if (['flags', 'payload', 'length'].includes(what)) return
  assert.deepEqual([before, after], [`${value(a)}`, `${value(b)}`])
  if (what === 'seq' || what === 'ack') {
    assert.equal((Number(value(a)) + (delta as number) + 2 ** 32) % 2 ** 32, value(b))
    assert.equal(delta, (delta as number) | 0)
  }
}

test('frames cut short tell a part of what whole ones tell', () => {
  fc.assert(
    fc.property(fields, fields, fc.nat(140), fc.nat(140), (a, b, cutA, cutB) => {
      const [before, after] = [build(a), build(b)]
      const whole = changesOf(before, after).filter(({ what }) => what !== 'payload')
      const cut = changesOf(before.subarray(0, cutA), after.subarray(0, cutB))
      // A frame cut within the IP header has no addresses yet; from there on, nothing is made up.
      if (Math.min(cutA, cutB) < 34) return
      for (const change of cut.filter(({ what }) => what !== 'payload')) {
        const same = whole.find(({ what }) => what === change.what) as Change
        assert.ok(same, change.what)
        assert.ok(same.before.startsWith(change.before) && same.after.startsWith(change.after))
      }
    }),
  )
})

test('garbage is compared too, and harms nobody', () => {
  const garbage = fc.uint8Array({ minLength: 14, maxLength: 140 })
  fc.assert(
    fc.property(garbage, garbage, (a, b) => {
      const both = Math.min(a.length, b.length)
      const equal = Buffer.compare(a.subarray(0, both), b.subarray(0, both)) === 0
      assert.equal(changesOf(a, b).length === 0, equal)
      assert.deepEqual(changesOf(a, a), [])
    }),
  )
  fc.assert(
    fc.property(fields, fc.nat(100), fc.uint8Array({ maxLength: 30 }), (a, at, noise) => {
      const whole = build(a)
      const from = Math.min(at, whole.length - 1)
      const spoilt = whole.slice()
      spoilt.set(noise.subarray(0, whole.length - from), from)
      const equal = Buffer.compare(whole, spoilt) === 0
      // What lies behind the packet's own end, or in options behind their end, is nothing that changed.
      if (equal) assert.deepEqual(changesOf(whole, spoilt), [])
      else assert.equal(changesOf(whole, spoilt).length > 0, changesOf(spoilt, whole).length > 0)
    }),
  )
})

const option = fc.constantFrom(
  'nop',
  'nop,nop,TS val 77 ecr 88',
  'exp-0102 03040506',
  // Fast Open with a cookie of 8 bytes is let through; with one of 4 an RS module would take it for a TOA.
  'exp-f989 0102030405060708',
  'exp-f989 01020304',
  'nop,nop,sack 1 {7:9}',
  'nop,nop,sack 2 {7:9}{4294967295:1}',
  'mss 1400',
  'unknown-33 abcd',
)

test('what the engine does, and nothing else, is told of its frames', () => {
  const segment = fc.record({
    inward: fc.boolean(),
    seq: u32,
    ack: u32,
    win: port,
    payload: fc.uint8Array({ maxLength: 50 }),
    options: fc.array(option, { maxLength: 2 }),
  })
  fc.assert(
    fc.property(u32, fc.array(segment, { maxLength: 12 }), (isn, segments) => {
      const stand = new Stand(`${SEED_CONFIG}\ntcp: { xmit_ttl: true }`).resolveRss()
      const ends = { src: '202.108.10.2', sport: 33_896, dst: '202.108.10.1', dport: 6379 }
      const syn = stand.forward('dpdk0', { ...ends, flags: 'S', seq: isn })
      const delta = (syn.seq - isn) | 0
      const mirror = { src: syn.dst, sport: syn.dport, dst: syn.src, dport: syn.sport }
      for (const { inward, options, ...rest } of segments) {
        const arm = inward ? 'dpdk0' : 'dpdk1'
        const bytes = padded(options)
        const before = tcpFrame({
          ...(inward ? ends : mirror),
          ...rest,
          flags: 'P.',
          options: bytes,
          srcMac: inward ? CLIENT_MAC : RS_MAC,
          dstMac: stand.macOf(arm),
        })
        const [out] = stand.inputRaw(arm, concat(vnetHeader(), before))
        const after = (out as { bytes: Uint8Array }).bytes.subarray(10)
        const changes = changesOf(before, after)
        const expected = ['mac', 'ttl', 'source', 'destination']
        if (delta !== 0) expected.push(inward ? 'seq' : 'ack')
        const text = options.join()
        if (inward && text.includes('exp-')) {
          for (const o of options)
            if (/^exp-[\da-f]{4} [\da-f]{8}$/.test(o)) expected.push('toa_voided')
        }
        if (!inward && delta !== 0)
          for (const o of options) if (o.includes('sack')) expected.push('sack')
        assert.deepEqual(
          changes.map(({ what }) => what).filter(what => !what.endsWith('checksum')),
          expected,
        )
        for (const change of changes)
          if (change.delta !== undefined)
            assert.equal(change.delta, inward ? delta : -delta | 0, change.what)
      }
    }),
    { numRuns: 40 },
  )
})

function padded(options: string[]): Uint8Array {
  const bytes = options.length === 0 ? new Uint8Array() : parseOptions(options.join())
  return concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4).fill(1))
}
