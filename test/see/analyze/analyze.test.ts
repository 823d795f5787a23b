/** Conversations through a simulated translator: what it did to them has to be found out from the two captures. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Analysis, analyze, type Conn } from '../../../src/see/analyze/analyze.ts'
import type { Differences } from '../../../src/see/analyze/losses.ts'
import { reportOf } from '../../../src/see/analyze/report.ts'
import { analysisRows } from '../../../src/see/analyze/rows.ts'
import { CaptureError } from '../../../src/see/capture/captured.ts'
import { pcapOf } from '../../kit/pcap.ts'
import { type Manner, type Translated, translate } from '../../kit/translator.ts'

const NONE = { entry: 0, exit: 0 }

const QUIET: Manner = {
  seed: 1,
  conns: 8,
  loss: 0,
  twice: 0,
  late: 0,
  moves: 'client',
  toa: true,
  newIds: false,
  offsetUs: 12_700_000,
  driftPpm: 0,
  alike: false,
  midway: false,
}

function analysed({ outer, inner }: Translated): Analysis {
  return analyze(
    { name: 'client.pcap', bytes: pcapOf(outer) },
    { name: 'rs.pcap', bytes: pcapOf(inner) },
  )
}

/** Of rows of the entry, their IP IDs in order. */
function ids(
  conn: Conn,
  direction: 'in' | 'out',
  rows: readonly number[],
  side: 'entry' | 'exit',
): number[] {
  const packets = conn.ways[direction][side]
  return rows.map(row => packets.ipId[row]).sort((a, b) => a - b)
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b)
}

/** Everything that the translator did is told, and nothing else. */
function judge(manner: Manner): void {
  const made = translate(manner)
  const found = analysed(made)
  assert.equal(found.isTurned, false)
  assert.deepEqual(found.alone, { outer: [], inner: [] })
  const { offsetNs, boundNs } = found.clock
  assert.ok(boundNs !== null)
  const off = Math.abs(offsetNs / 1000 - manner.offsetUs)
  // A drift that is too small to be seen in these few seconds is part of the error.
  const unseen = Math.abs(manner.driftPpm) * 8
  assert.ok(
    off <= boundNs / 1000 + 1 + unseen,
    `offset is off by ${off} us, bound ${boundNs / 1000}`,
  )
  assert.ok(boundNs < 1e6, `bound of ${boundNs} ns`)
  for (const truth of made.truths) {
    const conn: Conn | undefined = found.conns.find(
      ({ pair }) => pair.outer.client === truth.client,
    )
    assert.ok(conn, truth.client)
    assert.equal(conn.pair.inner.client, truth.lip)
    assert.equal(conn.ways.clientDelta >>> 0, truth.clientDelta)
    assert.equal(conn.ways.rsDelta >>> 0, truth.rsDelta)
    assert.deepEqual(conn.compared.odd, [])
    for (const direction of ['in', 'out'] as const) {
      const { lost, added, duplicated, outside, missed }: Differences = conn[direction]
      const gone = lost.map(({ row }) => row)
      assert.deepEqual([added, outside, missed], [[], NONE, NONE])
      assert.deepEqual(ids(conn, direction, gone, 'entry'), sorted(truth.lost[direction]))
      assert.deepEqual(ids(conn, direction, duplicated, 'exit'), sorted(truth.twice[direction]))
    }
  }
}

test('nothing happens to conversations, and nothing is said', () => {
  judge(QUIET)
})

const manners = fc.record<Manner>({
  seed: fc.integer(),
  conns: fc.integer({ min: 2, max: 12 }),
  loss: fc.constantFrom(0, 0.02, 0.2),
  twice: fc.constantFrom(0, 0.05),
  late: fc.constantFrom(0, 0.1),
  moves: fc.constantFrom('client', 'both', 'none'),
  toa: fc.boolean(),
  newIds: fc.boolean(),
  offsetUs: fc.integer({ min: -3_600_000_000, max: 3_600_000_000 }),
  driftPpm: fc.constantFrom(0, 0, 25, -40),
  alike: fc.boolean(),
  midway: fc.boolean(),
})

/**
 * Equal requests with new IP IDs are told apart by their sequence numbers alone: those of one end must be left, or a TOA; and
 * somewhere the count must begin.
 */
function leavesTraces({ moves, toa, newIds, alike, midway }: Manner): boolean {
  return !newIds || !alike || (!midway && (moves !== 'both' || toa))
}

test('losses, duplicates and late segments are told, whatever is translated', () => {
  fc.assert(fc.property(manners.filter(leavesTraces), judge), { numRuns: 100 })
})

test('spoiled files are refused in a line or analysed as far as they go', () => {
  const { outer, inner } = translate({ ...QUIET, conns: 3, loss: 0.05, twice: 0.05 })
  const files = [pcapOf(outer), pcapOf(inner)]
  const spots = fc.array(fc.tuple(fc.nat(files[0].length - 1), fc.nat(255)), { maxLength: 40 })
  fc.assert(
    fc.property(spots, fc.nat(1), fc.nat(200), (changes, which, cut) => {
      const spoiled = files.map(bytes => bytes.slice())
      for (const [at, value] of changes) spoiled[which][at] = value
      const [a, b] = [spoiled[0].subarray(0, spoiled[0].length - cut), spoiled[1]]
      try {
        const found = analyze({ name: 'a.pcap', bytes: a }, { name: 'b.pcap', bytes: b })
        JSON.stringify(reportOf(found))
        analysisRows(found)
      } catch (error) {
        assert.ok(error instanceof CaptureError, String((error as Error).stack))
        assert.doesNotMatch(error.message, /\n/)
      }
    }),
    { numRuns: 100 },
  )
})
