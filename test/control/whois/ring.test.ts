import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PROTOCOL_NAMES } from '../../../src/api/protocols.ts'
import { ALL_FORWARDINGS } from '../../../src/api/words.ts'
import { type Ended, isOf, type Search } from '../../../src/control/whois/ended.ts'
import { EndedRing } from '../../../src/control/whois/ring.ts'
import { ended } from '../../kit/ended.ts'

/** Few enough to meet again and again, and the ends of what fits. */
const ADDRESSES = [0, 1, -1, 0x7fffffff, 0x80000000 | 0]
const PORTS = [1, 1025, 1026, 65_535]
const TIMES = [0, 10, 20, 30, 40, 1e12, 2 ** 42]

const address = fc.constantFrom(...ADDRESSES)
const port = fc.constantFrom(...PORTS)
const time = fc.constantFrom(...TIMES)
const span = fc.constantFrom(0, 1, 10, 3_000_000_000)

const anyEnded: fc.Arbitrary<Ended> = fc
  .record({
    worker: fc.integer({ min: 1, max: 32 }),
    protocol: fc.constantFrom(...PROTOCOL_NAMES),
    forwarding: fc.constantFrom(...ALL_FORWARDINGS),
    ...{ cip: address, cport: port, vip: address, vport: port },
    ...{ lip: address, lport: port, rip: address, rport: port },
    ...{ openedMs: time, last: span, rest: span },
    ...{ state: fc.integer({ min: 0, max: 10 }), end: fc.integer({ min: 0, max: 6 }) },
  })
  .map(({ last, rest, ...e }) => ({
    ...e,
    lastMs: e.openedMs + last,
    endedMs: e.openedMs + last + rest,
  }))

const anySearch: fc.Arbitrary<Search> = fc.record({
  key: fc.record({ by: fc.constantFrom('lip' as const, 'client' as const), address, port }),
  rs: fc.option(fc.record({ rip: address, rport: fc.constantFrom(0, ...PORTS) })),
  fromMs: fc.constantFrom(...TIMES, Number.NEGATIVE_INFINITY),
  toMs: fc.constantFrom(...TIMES, Number.POSITIVE_INFINITY),
  limit: fc.constantFrom(1, 2, 1000),
})

/** All that was ever added, the newest first; `kept` of them are still known. */
function naive(all: readonly Ended[], kept: number, search: Search): Ended[] {
  const { key, rs, fromMs, toMs, limit } = search
  return all
    .slice(0, kept)
    .filter(e =>
      key.by === 'lip'
        ? e.lip === key.address && e.lport === key.port
        : e.cip === key.address && e.cport === key.port,
    )
    .filter(e => isOf(e, rs) && e.openedMs <= toMs && e.endedMs >= fromMs)
    .slice(0, limit)
}

test('it finds what a list of the newest finds, however often it has gone round', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3, 8, 16),
      fc.array(anyEnded, { maxLength: 60 }),
      fc.array(anySearch, { minLength: 20, maxLength: 20 }),
      (capacity, list, searches) => {
        const ring = new EndedRing(capacity)
        for (const one of list) ring.add(one)
        const all = list.toReversed()
        assert.equal(ring.used, Math.min(list.length, ring.capacity))
        for (const search of searches)
          assert.deepEqual(ring.find(search), naive(all, ring.capacity, search))
        const forgotten = all.slice(ring.capacity).map(({ endedMs }) => endedMs)
        assert.equal(ring.forgottenMs, Math.max(...forgotten))
      },
    ),
    { numRuns: 300 },
  )
})

test('room for a power of two', () => {
  assert.deepEqual(
    [1, 2, 3, 100_000].map(n => new EndedRing(n).capacity),
    [1, 2, 4, 131_072],
  )
})

test('one lport again and again: the newest first, each with its own client', () => {
  const ring = new EndedRing(100)
  for (let i = 0; i < 1000; i++) {
    const openedMs = i * 10_000
    ring.add(ended({ cport: 10_000 + i, openedMs, lastMs: openedMs, endedMs: openedMs + 7000 }))
  }
  const key = { by: 'lip', address: ended().lip, port: 1025 } as const
  const at = (ms: number) =>
    ring.find({ key, rs: null, fromMs: ms, toMs: ms, limit: 9 }).map(({ cport }) => cport)
  assert.deepEqual(at(9_900_000), [10_990])
  assert.deepEqual(at(9_907_000), [10_990])
  assert.deepEqual(at(9_908_000), [])
  assert.deepEqual(at(8_720_000), [10_872])
  assert.deepEqual(at(8_710_000), [], 'overwritten')
  assert.equal(ring.forgottenMs, 8_717_000)
})
