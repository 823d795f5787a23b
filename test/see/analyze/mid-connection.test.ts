/** Captures that begin and end in the midst of connections, each where it likes: they pair all the same, and what is outside is no loss. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Analysis, analyze } from '../../../src/see/analyze/analyze.ts'
import { findingsOf } from '../../../src/see/analyze/findings.ts'
import { tcpFrame } from '../../kit/frame.ts'
import { pcapOf, type Sent } from '../../kit/pcap.ts'
import { type Manner, type Translated, translate } from '../../kit/translator.ts'

const LONG: Manner = {
  seed: 3,
  conns: 3,
  turns: 60,
  loss: 0,
  twice: 0,
  late: 0,
  moves: 'client',
  toa: false,
  newIds: true,
  offsetUs: 12_700_000,
  driftPpm: 0,
  alike: false,
  midway: true,
}

/** From one part of a capture's time to another, 0..1. */
function part(packets: readonly Sent[], from: number, to: number): Sent[] {
  const real = packets.slice(1, -1)
  const [first, last] = [real[0].atUs, real[real.length - 1].atUs]
  const at = (of: number) => first + (last - first) * of
  return real.filter(({ atUs }) => atUs >= at(from) && atUs <= at(to))
}

function analysed(outer: readonly Sent[], inner: readonly Sent[]): Analysis {
  return analyze(
    { name: 'client.pcap', bytes: pcapOf(outer) },
    { name: 'rs.pcap', bytes: pcapOf(inner) },
  )
}

function serious(analysis: Analysis): string[] {
  return findingsOf(analysis).flatMap(({ weight, code }) => (weight === 'note' ? [] : [code]))
}

function pairsOf({ conns }: Analysis): Map<string, string> {
  return new Map(conns.map(({ pair }) => [pair.outer.client, pair.inner.client]))
}

/** Every connection is paired with its own, with its own deltas, and only what was lost is lost. */
function judge(made: Translated, analysis: Analysis): void {
  assert.deepEqual(analysis.alone, { outer: [], inner: [] })
  const pairs = pairsOf(analysis)
  for (const truth of made.truths) {
    assert.equal(pairs.get(truth.client), truth.lip)
    const conn = analysis.conns.find(({ pair }) => pair.outer.client === truth.client)
    assert.equal((conn?.ways.clientDelta ?? 0) >>> 0, truth.clientDelta)
    assert.equal((conn?.ways.rsDelta ?? 0) >>> 0, truth.rsDelta)
    for (const direction of ['in', 'out'] as const) {
      const { entry } = conn?.ways[direction] ?? { entry: undefined }
      for (const { row } of conn?.[direction].lost ?? [])
        assert.ok(truth.lost[direction].includes(entry?.ipId[row] ?? -1), `${direction} ${row}`)
    }
  }
}

test('the RS side begins after 0, 16, 40, 100 and 190 of 200 requests', () => {
  for (const skip of [0, 15, 16, 40, 100, 190]) {
    const { outer, inner } = requests(200, skip)
    const found = analysed(outer, inner)
    assert.equal(found.conns.length, 1, `${skip}`)
    const [{ pair, ways }] = found.conns
    assert.deepEqual([pair.sureness, pair.inner.client], ['certain', '192.168.168.7:1025'])
    assert.deepEqual([ways.clientDelta, ways.rsDelta], [123_456_789, 0])
    assert.deepEqual(serious(found), [])
    // And the other way round: the client side is the one that begins later.
    const late = analysed(outer.slice(2 * skip), requests(200, 0).inner)
    assert.deepEqual([late.conns.length, serious(late)], [1, []], `${skip} turned`)
  }
})

/** One long connection as both sides see it, of which the RS side lacks the first `skip` requests and replies. */
function requests(count: number, skip: number): { outer: Sent[]; inner: Sent[] } {
  const [outer, inner]: Sent[][] = [[], []]
  const macs = { srcMac: '02:00:00:00:00:01', dstMac: '02:00:00:00:00:02', flags: 'P.' }
  let [x, y] = [1000, 5000]
  const client = { src: '202.108.10.2', sport: 40_000 }
  const vip = { dst: '202.108.10.1', dport: 6379 }
  const lip = { src: '192.168.168.7', sport: 1025 }
  const rs = { dst: '192.168.168.2', dport: 6379 }
  const back = (a: typeof client, b: typeof vip) => ({
    src: b.dst,
    sport: b.dport,
    dst: a.src,
    dport: a.sport,
  })
  for (let n = 0; n < count; n++) {
    const atUs = 1_700_000_000_000_000 + n * 50_000
    const asked = new TextEncoder().encode(`GET key${n}\r\n`)
    const told = new TextEncoder().encode(`+value${n * 7919}\r\n`)
    const get = { ...macs, ack: y, id: 100 + n, payload: asked }
    const set = { ...macs, seq: y, id: 9000 + n, payload: told }
    outer.push({ atUs, frame: tcpFrame({ ...get, ...client, ...vip, seq: x }) })
    const moved = x + 123_456_789
    inner.push({ atUs: atUs + 100, frame: tcpFrame({ ...get, ...lip, ...rs, seq: moved }) })
    x += asked.length
    const acked = x + 123_456_789
    inner.push({ atUs: atUs + 500, frame: tcpFrame({ ...set, ...back(lip, rs), ack: acked }) })
    outer.push({ atUs: atUs + 600, frame: tcpFrame({ ...set, ...back(client, vip), ack: x }) })
    y += told.length
  }
  return { outer, inner: inner.slice(2 * skip) }
}

const cuts = fc.record({
  seed: fc.integer(),
  moves: fc.constantFrom<Manner['moves']>('client', 'both', 'none'),
  loss: fc.constantFrom(0, 0, 0.02),
  newIds: fc.boolean(),
  midway: fc.boolean(),
  offsetUs: fc.integer({ min: -3_600_000_000, max: 3_600_000_000 }),
  // Where the two begin and end; half of the time at least they have in common.
  outerFrom: fc.double({ min: 0, max: 0.25, noNaN: true }),
  innerFrom: fc.double({ min: 0, max: 0.25, noNaN: true }),
  outerTo: fc.double({ min: 0.75, max: 1, noNaN: true }),
  innerTo: fc.double({ min: 0.75, max: 1, noNaN: true }),
})

test('wherever the two captures begin and end, connections find each other and nothing outside is lost', () => {
  fc.assert(
    fc.property(cuts, ({ outerFrom, outerTo, innerFrom, innerTo, ...manner }) => {
      const made = translate({ ...LONG, ...manner })
      const found = analysed(
        part(made.outer, outerFrom, outerTo),
        part(made.inner, innerFrom, innerTo),
      )
      judge(made, found)
    }),
    { numRuns: 60 },
  )
})

test('equal requests are told apart by the sequence numbers of the RS, wherever the captures begin', () => {
  const made = translate({ ...LONG, alike: true })
  judge(made, analysed(made.outer.slice(1), part(made.inner, 0.6, 1)))
  judge(made, analysed(part(made.outer, 0.6, 1), made.inner.slice(1)))
})

test('an old connection on one side only is no loss, a new one is', () => {
  const made = translate({ ...LONG, toa: true })
  const [gone] = made.truths
  const [address, port] = gone.lip.split(':')
  const without = made.inner.filter(({ frame }) => !isOf(frame, address, Number(port)))
  const found = analysed(made.outer, without)
  assert.deepEqual(serious(found), [])
  assert.ok(findingsOf(found).some(({ code }) => code === 'alone_unsure'))
  const young = translate({ ...LONG, midway: false })
  const fewer = young.inner.filter(({ frame }) => !isOf(frame, address, Number(port)))
  assert.deepEqual(serious(analysed(young.outer, fewer)), ['alone_outer'])
  // It began before the RS side's capture did: that one cannot have its SYN, and may have ended before the rest.
  assert.deepEqual(serious(analysed(young.outer, part(fewer, 0.5, 1))), [])
})

/** A frame with this address and port at either end. */
function isOf(frame: Uint8Array, address: string, port: number): boolean {
  if (frame.length < 54) return false
  const view = new DataView(frame.buffer, frame.byteOffset)
  const bytes = address.split('.').map(Number)
  const [a, b] = [26, 30].map(at => bytes.every((byte, k) => frame[at + k] === byte))
  return (a && view.getUint16(34) === port) || (b && view.getUint16(36) === port)
}

test('without a single pair there is no clock, and no claim of loss', () => {
  const [one, other] = [translate({ ...LONG, midway: false }), translate({ ...LONG, seed: 99 })]
  const found = analysed(one.outer, other.inner)
  assert.deepEqual([found.conns.length, serious(found)], [0, []])
})

test('one capture of both arms in the midst of connections knows which side is which', () => {
  const made = translate({ ...LONG, offsetUs: 0 })
  const both = [...made.outer, ...made.inner].sort((a, b) => a.atUs - b.atUs)
  for (const from of [0, 0.11, 0.23, 0.37, 0.5, 0.61]) {
    const found = analyze({ name: 'any.pcap', bytes: pcapOf(part(both, from, 1)) })
    const pairs = [...pairsOf(found)].sort()
    assert.deepEqual(pairs, made.truths.map(({ client, lip }) => [client, lip]).sort(), `${from}`)
    assert.deepEqual(serious(found), [])
  }
})

test('so it does of a single connection, whichever of its segments is the first', () => {
  const { outer, inner } = requests(40, 0)
  const both = [...outer, ...inner].sort((a, b) => a.atUs - b.atUs)
  for (const from of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const found = analyze({ name: 'any.pcap', bytes: pcapOf(both.slice(from)) })
    const told = found.conns.map(({ pair: { outer: a, inner: b } }) => [a.client, b.client])
    assert.deepEqual(told, [['202.108.10.2:40000', '192.168.168.7:1025']], `${from}`)
    assert.deepEqual(serious(found), [], `${from}`)
  }
})

test('frames of many segments on one side find their place in the middle of a download', () => {
  const { outer, inner } = download(200, 10)
  for (const from of [0, 20, 111, 150]) {
    const found = analysed(outer.slice(from), inner)
    assert.deepEqual([found.conns.length, serious(found)], [1, []], `outer from ${from}`)
    assert.equal(found.conns[0].ways.clientDelta, 123_456_789)
  }
  const late = analysed(outer, inner.slice(12))
  assert.deepEqual([late.conns.length, serious(late)], [1, []])
})

/** An RS that sends without end, `joined` segments to a frame on its own side; the client only acknowledges. */
function download(count: number, joined: number): { outer: Sent[]; inner: Sent[] } {
  const [outer, inner]: Sent[][] = [[], []]
  const common = { srcMac: '02:00:00:00:00:01', dstMac: '02:00:00:00:00:02', flags: '.' }
  const moved = 1000 + 123_456_789
  for (let n = 0; n < count; n++) {
    const atUs = 1_700_000_000_000_000 + n * 1000
    const bytes = (of: number) =>
      Uint8Array.from({ length: of }, (_, k) => ((n * 1448 + k) * 37) >> 5)
    const seq = 5000 + n * 1448
    const rs = { ...common, src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 1025 }
    const vip = { ...common, src: '202.108.10.1', sport: 6379, dst: '202.108.10.2', dport: 40_000 }
    if (n % joined === 0) {
      const frame = tcpFrame({ ...rs, seq, ack: moved, id: n, payload: bytes(joined * 1448) })
      inner.push({ atUs, frame })
    }
    outer.push({ atUs, frame: tcpFrame({ ...vip, seq, ack: 1000, id: n, payload: bytes(1448) }) })
    const [client, lip] = [vip, rs].map(({ src, sport, dst, dport }) => ({
      ...common,
      src: dst,
      sport: dport,
      dst: src,
      dport: sport,
      ack: seq + 1448,
      id: n,
    }))
    outer.push({ atUs: atUs + 300, frame: tcpFrame({ ...client, seq: 1000 }) })
    inner.push({ atUs: atUs + 350, frame: tcpFrame({ ...lip, seq: moved }) })
  }
  return { outer, inner }
}
