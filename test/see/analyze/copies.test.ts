/** Captures that have packets twice: of a mirror port, of all devices, of two points merged. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyze } from '../../../src/see/analyze/analyze.ts'
import { reportOf } from '../../../src/see/analyze/report.ts'
import { analysed, around, changed, type Seen, type Talk, talk } from '../../kit/both-sides.ts'
import type { Sent } from '../../kit/pcap.ts'

/** The same frame with a TTL of one less, as a router between two points makes it. */
function routed(frame: Uint8Array): Uint8Array {
  const other = frame.slice()
  other[22]--
  return other
}

test('a capture that has each packet twice says so, and nothing else', () => {
  const ways: Record<string, (segment: Seen) => Sent> = {
    'a mirror port': ({ frame, atUs }) => ({ frame, atUs: atUs + 3 }),
    'before and behind a router': ({ frame, atUs }) => ({ frame: routed(frame), atUs: atUs + 400 }),
    'two clocks merged': ({ frame, atUs }) => ({ frame: routed(frame), atUs: atUs + 9_500_000 }),
  }
  const seconds = (made: Talk, side: 'outer' | 'inner', of: (segment: Seen) => Sent) => {
    const both: Sent[] = [...made[side], ...made[side].map(of)]
    return around(both.sort((a, b) => a.atUs - b.atUs))
  }
  for (const [name, of] of Object.entries(ways)) {
    for (const ids of [true, false]) {
      const made = talk()
      // Linux gives no IDs to what may not be fragmented and is no data.
      if (!ids)
        for (const side of [made.outer, made.inner])
          for (const [k, segment] of side.entries())
            if ((segment.fields.payload?.length ?? 0) === 0) side[k] = changed(segment, { id: 0 })
      const a = { name: 'a.pcap', bytes: seconds(made, 'outer', of) }
      const b = { name: 'b.pcap', bytes: seconds(made, 'inner', of) }
      const found = reportOf(analyze(a, b))
      const told = found.findings.map(({ code, text }) => `${code} ${text.slice(0, 32)}`)
      const expected = ['a', 'b'].map(
        file => `captured_twice ${file}.pcap has 10 of its 20 segments`,
      )
      assert.deepEqual(told, expected, `${name}, IDs ${ids}`)
      const [{ in: wentIn, out }] = found.connections
      assert.deepEqual([wentIn.entered, wentIn.left, out.entered, out.left], [6, 6, 4, 4])
    }
  }
  // One capture of all devices of the balancer, in which each packet is on a bridge and on its port.
  const made = talk()
  const all = [...made.outer, ...made.inner].flatMap(segment => [
    segment,
    { ...segment, atUs: segment.atUs + 2 },
  ])
  all.sort((x, y) => x.atUs - y.atUs)
  const { findings } = reportOf(analyze({ name: 'any.pcap', bytes: around(all) }))
  assert.deepEqual(
    findings.map(({ code, text }) => `${code} ${text.slice(0, 34)}`),
    ['captured_twice any.pcap has 20 of its 40 segments'],
  )
})

test('what an end sends anew, and what the balancer doubles one way, are no copies of the capture', () => {
  const made = talk()
  made.inner = made.inner.flatMap(segment =>
    segment.fields.sport === 1025 ? [segment, { ...segment, atUs: segment.atUs + 20 }] : [segment],
  )
  assert.deepEqual(analysed(made).codes, ['fault duplicated'])
  const again = talk()
  for (const side of ['outer', 'inner'] as const)
    again[side] = again[side].flatMap(segment => [
      segment,
      { ...changed(segment, { id: (segment.fields.id ?? 0) + 50 }), atUs: segment.atUs + 400 },
    ])
  assert.deepEqual(analysed(again).codes, [])
})
