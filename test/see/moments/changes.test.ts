import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changesOf } from '../../../src/see/moments/changes.ts'
import type { Change } from '../../../src/see/moments/moment.ts'
import { arpFrame, concat, type TcpFields, tcpFrame, vnetHeader } from '../../kit/frame.ts'
import { parseOptions, parseTcp } from '../../kit/notation.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../../kit/stand.ts'

const MACS = { srcMac: '52:54:00:00:00:02', dstMac: '52:54:00:00:00:01' }
const BASE = 'Flags [.], seq 1000, ack 2000, win 229'

/** A frame of a segment in tcpdump's words. */
function frame(line: string, more: Partial<TcpFields> = {}): Uint8Array {
  return tcpFrame({ ...MACS, ...parseTcp(line), ...more })
}

function client(rest: string, more?: Partial<TcpFields>): Uint8Array {
  return frame(`202.108.10.2.33896 > 202.108.10.1.6379: ${rest}`, more)
}

/** What changed, without what follows from every change. */
function changed(before: Uint8Array, after: Uint8Array): string[] {
  return changesOf(before, after)
    .filter(({ what }) => !what.endsWith('checksum'))
    .map(({ what, before: was, after: is, delta }) =>
      [what, was, is, ...(delta === undefined ? [] : [delta])].join(' | '),
    )
}

function withOptions(options: string, extra = ''): Uint8Array {
  return client(`${BASE}, options [${options}], length 0${extra}`)
}

test('the seed: what becomes of SYN, SYN+ACK and a segment with data', () => {
  const syn = client(
    'Flags [S], seq 4164191644, win 29200, options [mss 1460,sackOK,TS val 125357496 ecr 0,nop,wscale 7], length 0',
  )
  const nops = new Array(10).fill('nop').join(',')
  const synOut = frame(
    `192.168.168.7.1028 > 192.168.168.2.6379: Flags [S], seq 2976553321, win 29200, options [exp-8468 ca6c0a02,mss 1460,sackOK,${nops},nop,wscale 7], length 0`,
    { srcMac: '52:54:00:00:01:01', dstMac: '52:54:00:00:01:02' },
  )
  assert.deepEqual(changed(syn, synOut), [
    'mac | 52:54:00:00:00:02 > 52:54:00:00:00:01 | 52:54:00:00:01:01 > 52:54:00:00:01:02',
    'length | 60 | 68',
    'source | 202.108.10.2:33896 | 192.168.168.7:1028',
    'destination | 202.108.10.1:6379 | 192.168.168.2:6379',
    'seq | 4164191644 | 2976553321 | -1187638323',
    'toa_added |  | 202.108.10.2:33896',
    'timestamp_removed | TS val 125357496 ecr 0 | 10 NOPs',
  ])
  const back = 'win 29200, options [mss 1460,nop,nop,sackOK,nop,wscale 7], length 0'
  assert.deepEqual(
    changed(
      client(`Flags [S.], seq 4072520983, ack 2976553322, ${back}`),
      client(`Flags [S.], seq 4072520983, ack 4164191645, ${back.replace('1460', '1452')}`),
    ),
    ['ack | 2976553322 | 4164191645 | 1187638323', 'mss | 1460 | 1452'],
  )
  const names = changesOf(syn, synOut).map(({ what }) => what)
  assert.deepEqual(
    names.filter(name => name.endsWith('checksum')),
    ['ip_checksum', 'tcp_checksum'],
  )
})

test('SACK edges that moved by the same, and edges that did not', () => {
  const before = withOptions('nop,nop,sack 2 {100:200}{4294967290:50}')
  assert.deepEqual(changed(before, withOptions('nop,nop,sack 2 {110:210}{4:60}')), [
    'sack | {100:200}{4294967290:50} | {110:210}{4:60} | 10',
  ])
  assert.deepEqual(changed(before, withOptions('nop,nop,sack 2 {110:210}{4:61}')), [
    'options | nop,nop,sack {100:200}{4294967290:50} | nop,nop,sack {110:210}{4:61}',
  ])
})

test('a forged TOA, with and without the true one in front', () => {
  const forged = 'exp-0050 01020304'
  const nops = new Array(8).fill('nop').join(',')
  const voided = 'toa_voided | 1.2.3.4:80 | 8 NOPs'
  assert.deepEqual(changed(withOptions(forged), withOptions(nops)), [voided])
  const added = ['length | 48 | 56', 'toa_added |  | 202.108.10.2:33896', voided]
  assert.deepEqual(changed(withOptions(forged), withOptions(`exp-8468 ca6c0a02,${nops}`)), added)
  assert.deepEqual(changed(withOptions(forged), withOptions(`${forged},${forged}`)), [
    'length | 48 | 56',
    'toa_added |  | 1.2.3.4:80',
  ])
})

test('room made for TOA', () => {
  assert.deepEqual(
    changed(
      withOptions('nop,nop,nop,nop,TS val 7 ecr 8,nop,nop'),
      withOptions('exp-8468 ca6c0a02,TS val 7 ecr 8,eol,eol'),
    ),
    [
      'length | 56 | 60',
      'toa_added |  | 202.108.10.2:33896',
      'options | nop,nop,nop,nop,TS val 7 ecr 8,nop,nop | TS val 7 ecr 8,eol',
    ],
  )
})

test('what must not change is told when it does', () => {
  const before = client(`${BASE}, length 5 "hello"`)
  const after = (rest: string, more?: Partial<TcpFields>) => changed(before, client(rest, more))
  const same = `${BASE}, length 5 "hello"`
  assert.deepEqual(after(same), [])
  assert.deepEqual(after(same.replace('[.]', '[P.]')), ['flags | . | P.'])
  assert.deepEqual(after(same.replace('229', '230')), ['window | 229 | 230'])
  assert.deepEqual(after(same.replace('hello', 'help!')), [
    'payload | 5 bytes (6c6f at 3) | 5 bytes (7021 at 3)',
  ])
  assert.deepEqual(after(`${BASE}, length 2 "he"`), [
    'length | 45 | 42',
    'payload | 5 bytes | 2 bytes',
  ])
  assert.deepEqual(after(same, { ttl: 63 }), ['ttl | 64 | 63'])
  assert.deepEqual(after(same, { tos: 2, id: 9, df: false, urgent: 1 }), [
    'tos | 0 | 2',
    'ip_id | 1 | 9',
    'fragment | 16384 | 0',
    'urgent | 0 | 1',
  ])
  assert.deepEqual(after(same, { ipOptions: Uint8Array.of(1, 1, 1, 0) }), [
    'length | 45 | 49',
    'ip_options | none | 01010100',
  ])
  assert.deepEqual(changed(withOptions('sackOK,nop,nop'), withOptions('nop,nop,sackOK')), [
    'options | sackOK,nop,nop | nop,nop,sackOK',
  ])
})

test('frames other than TCP', () => {
  const arp = (ip: string) =>
    arpFrame(1, { mac: MACS.srcMac, ip }, { mac: MACS.dstMac, ip: '10.0.0.1' }, MACS.dstMac)
  assert.deepEqual(changed(arp('10.0.0.2'), arp('10.0.0.2')), [])
  assert.deepEqual(
    changesOf(arp('10.0.0.2'), arp('10.0.0.3')).map(({ what }) => what),
    ['payload'],
  )
  assert.deepEqual(
    changesOf(arp('10.0.0.2'), client(`${BASE}, length 0`)).map(({ what }) => what),
    ['ethertype', 'payload'],
  )
})

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
