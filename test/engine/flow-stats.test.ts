/** What passed on a connection, in words of 32 bits that others write as well. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlowStats } from '../../src/engine/flow-stats.ts'

const CONNS = 4

test('sums of any packets, far beyond a word, each tuple by itself', () => {
  const packet = fc.record({
    t: fc.nat(2 * CONNS - 1),
    packets: fc.integer({ min: 1, max: 0x7fff_ffff }),
    bytes: fc.integer({ min: 1, max: 0x7fff_ffff }),
  })
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 60, size: 'max' }), all => {
      const flows = new FlowStats(new ArrayBuffer(FlowStats.bytesFor(CONNS)), 0, CONNS)
      const sums = Array.from({ length: 2 * CONNS }, () => [0, 0])
      for (const { t, packets, bytes } of all) {
        flows.count(t, packets, bytes)
        const [p = 0, b = 0] = sums[t] as number[]
        sums[t] = [p + packets, b + bytes]
      }
      for (const [t, sum] of sums.entries())
        assert.deepEqual([flows.packets(t), flows.bytes(t)], sum)
    }),
  )
})

test('the last packet is that of the later direction, also where the clock goes round', () => {
  const flows = new FlowStats(new ArrayBuffer(FlowStats.bytesFor(CONNS)), 0, CONNS)
  const late = 0x7fff_ffff
  flows.count(2, 5, 5)
  flows.open(1, late - 1)
  assert.deepEqual([flows.packets(2), flows.last(1, late - 1)], [0, late - 1])
  flows.seen(3, late)
  assert.equal(flows.last(1, late), late)
  flows.seen(2, (late + 1) | 0)
  assert.equal(flows.last(1, (late + 1) | 0), (late + 1) | 0)
  assert.equal(flows.last(0, 5), 0)
  // Thirty days with answers to one side only.
  for (let day = 1; day <= 30; day++) {
    const now = (late + day * 86_400_000) | 0
    flows.seen(2, now)
    assert.equal(flows.last(1, now), now)
  }
})
