/** lports: order, partition and totals (semantics 5.1 to 5.6), and a model of the sixteen rings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  lportsOf,
  NO_LPORT,
  type Partition,
  SaPool,
  SUB_POOLS,
  subPoolOf,
} from '../../src/engine/sa-pool.ts'
import { ipv4Int } from '../../src/wire/address.ts'

const RS = ipv4Int('192.168.168.2')
const LIP = ipv4Int('192.168.168.7')

function pool(partition: Partition = { mask: 0, residue: 0 }): SaPool {
  return new SaPool(new ArrayBuffer(SaPool.bytesFor(partition)), 1, partition)
}

const fetchThree = (of: SaPool) => [0, 1, 2].map(() => of.fetch(RS, 6379))

test('one worker begins at 1025; the seventh part with residue 4, the worker 5 of the seed, at 1028', () => {
  assert.deepEqual(fetchThree(pool()), [1025, 1026, 1027])
  assert.deepEqual(fetchThree(pool({ mask: 7, residue: 4 })), [1028, 1036, 1044])
})

test("the sub-pool of the seed's RS is 13", () => {
  assert.equal(subPoolOf(RS, 6379), 13)
  assert.equal(subPoolOf(ipv4Int('10.0.255.255'), 65_535), (0xffff + 65_535) % 16)
})

/** Workers -> sa_used + sa_free over all of them, the table of 5.2. */
const TOTALS: Record<number, number> = {
  1: 1_032_176,
  2: 1_032_176,
  3: 774_128,
  4: 1_032_176,
  5: 645_104,
  6: 774_128,
  7: 903_152,
  8: 1_032_176,
}

for (const [workers, total] of Object.entries(TOTALS)) {
  test(`${workers} workers own ${total} lports together`, () => {
    let mask = 0
    while (mask + 1 < Number(workers)) mask = mask * 2 + 1
    let sum = 0
    for (let residue = 0; residue < Number(workers); residue++) {
      sum += lportsOf({ mask, residue }) * SUB_POOLS
      if (mask === 7) assert.ok([8063, 8064].includes(lportsOf({ mask, residue })))
    }
    assert.equal(sum, total)
  })
}

test('a whole pool hands out every lport once, ascending, then misses; FIFO when they come back', () => {
  const all = pool({ mask: 7, residue: 0 })
  const size = lportsOf({ mask: 7, residue: 0 })
  const ports = Array.from({ length: size }, () => all.fetch(RS, 6379))
  assert.deepEqual([ports[0], ports.at(-1)], [1032, 65_528])
  ports.forEach((port, i) => {
    assert.equal(port, 1032 + i * 8)
  })
  assert.equal(all.fetch(RS, 6379), NO_LPORT)
  assert.equal(all.fetch(RS, 6379), NO_LPORT)
  assert.equal(all.misses, 2)
  for (const port of [2000, 1032, 65_528]) all.release(RS, 6379, port, 0)
  assert.deepEqual(fetchThree(all), [2000, 1032, 65_528])
  // An RS of another sub-pool is not short, and gets the same first lport.
  assert.equal(all.fetch(RS, 6380), 1032)
})

test('used and free add up to the capacity, no lport is out twice in a sub-pool, order is FIFO', () => {
  const partition = { mask: 63, residue: 9 }
  const size = lportsOf(partition)
  // 0 fetches, others release the oldest or the newest that is out.
  const step = fc.record({ rs: fc.nat(3), what: fc.nat(3), times: fc.nat(600) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const tested = pool(partition)
      const first = Array.from({ length: size }, (_, i) => 1033 + i * 64)
      const rings = Array.from({ length: SUB_POOLS }, () => [...first])
      const out: [number, number][] = []
      let misses = 0
      for (const { rs, what, times } of steps) {
        for (let i = 0; i < times; i++) {
          // RSs 0 and 3 share a sub-pool.
          const rport = rs === 3 ? 16 : rs
          const ring = rings[subPoolOf(RS, rport)]
          if (what < 2) {
            const expected = ring.shift() ?? NO_LPORT
            if (expected === NO_LPORT) misses++
            else out.push([rport, expected])
            assert.equal(tested.fetch(RS, rport), expected)
          } else {
            const taken = what === 2 ? out.shift() : out.pop()
            if (taken === undefined) break
            rings[subPoolOf(RS, taken[0])].push(taken[1])
            tested.release(RS, ...taken, 0)
          }
        }
        assert.equal(tested.used, out.length)
        assert.equal(tested.used + tested.free, size * SUB_POOLS)
        assert.equal(tested.misses, misses)
        const keys = out.map(([rport, port]) => subPoolOf(RS, rport) * 65_536 + port)
        assert.equal(new Set(keys).size, keys.length)
      }
    }),
    { numRuns: 60 },
  )
})

test('a port remembers where its last connection towards this sub-pool had come to', () => {
  for (const partition of [
    { mask: 0, residue: 0 },
    { mask: 7, residue: 4 },
    { mask: 63, residue: 0 },
    { mask: 63, residue: 63 },
  ]) {
    const pool = new SaPool(new ArrayBuffer(SaPool.bytesFor(partition)), LIP, partition)
    const ports = lportsOf(partition)
    for (let i = 0; i < ports; i++) {
      const port = pool.fetch(RS, 6379)
      assert.equal(pool.lastSeq(RS, 6379, port), 0)
      pool.release(RS, 6379, port, port * 3)
    }
    for (let i = 0; i < ports; i++) {
      const port = pool.fetch(RS, 6379)
      assert.equal(pool.lastSeq(RS, 6379, port), port * 3)
      assert.equal(pool.lastSeq(RS, 6380, port), 0, 'the next sub-pool has its own')
    }
  }
})
