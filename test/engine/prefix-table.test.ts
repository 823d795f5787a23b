/** Lists of prefixes: any list finds for any address what looking at each prefix would find, and counts it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sortedPrefixes } from '../../src/engine/prefix-rows.ts'
import { buildTable, NOBODY, PrefixTable } from '../../src/engine/prefix-table.ts'
import { inPrefix, ipv4Int, prefixMask } from '../../src/wire/address.ts'

type Pair = [network: number, length: number]

const cells = (pairs: readonly Pair[]) => Int32Array.from(pairs.flat())
const tableOf = (pairs: readonly Pair[]) => new PrefixTable(buildTable(cells(pairs)))

/** The longest prefix that holds the address, or undefined. */
function naive(pairs: readonly Pair[], address: number): Pair | undefined {
  const holding = pairs.filter(([network, length]) => inPrefix(address, network, length))
  return holding.sort((a, b) => b[1] - a[1])[0]
}

function check(pairs: readonly Pair[], table: PrefixTable, address: number): void {
  const expected = naive(pairs, address)
  const found = table.find(address)
  if (expected === undefined) {
    assert.equal(found, NOBODY)
    return
  }
  assert.notEqual(found, NOBODY, `${address >>> 0}`)
  const [network, length] = expected
  assert.equal(table.length(found), length)
  assert.equal(table.network(found), network & prefixMask(length))
}

/** Near one another, so that they nest and touch. */
const near = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 3 }))
  .map(([low, high]) => ((high * 0x5555_5555) & ~0xff) | low | 0)
const address = fc.oneof(
  near,
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, -1, 1, 2 ** 31 - 1, -(2 ** 31)),
)
const pair = fc.tuple(
  address,
  fc.oneof(fc.integer({ min: 0, max: 32 }), fc.integer({ min: 24, max: 32 })),
)

test('any list: the longest prefix that holds an address, as one by one', () => {
  fc.assert(
    fc.property(
      fc.array(pair, { maxLength: 60 }),
      fc.array(address, { minLength: 1, maxLength: 60 }),
      (pairs, addresses) => {
        const table = tableOf(pairs)
        // And the borders of all ranges.
        const borders = pairs.flatMap(([network, length]) => {
          const first = network & prefixMask(length)
          const last = first | ~prefixMask(length)
          return [first, last, (first - 1) | 0, (last + 1) | 0]
        })
        for (const one of [...addresses, ...borders]) check(pairs, table, one)
      },
    ),
    { numRuns: 500 },
  )
})

test('no prefix, and the prefix of everybody', () => {
  assert.equal(tableOf([]).find(5), NOBODY)
  for (const one of [0, -1, 2 ** 31 - 1, -(2 ** 31)]) assert.equal(tableOf([[0, 0]]).find(one), 0)
})

test('a prefix that is there twice, or with bits behind its length, is one', () => {
  const given = cells([
    [ipv4Int('10.1.2.3'), 8],
    [ipv4Int('10.0.0.0'), 8],
    [ipv4Int('9.0.0.0'), 8],
  ])
  const sorted = cells([
    [ipv4Int('9.0.0.0'), 8],
    [ipv4Int('10.0.0.0'), 8],
  ])
  assert.deepEqual(sortedPrefixes(given), sorted)
  assert.deepEqual(new PrefixTable(buildTable(given)).prefixes(), sorted)
})

test('hits are counted beyond 32 bits, and go on with the prefixes that stay', () => {
  const [a, b, c]: Pair[] = [
    [ipv4Int('10.0.0.0'), 8],
    [ipv4Int('10.1.0.0'), 16],
    [ipv4Int('11.0.0.1'), 32],
  ] as Pair[]
  const memory = buildTable(cells([a as Pair, b as Pair]), true)
  const table = new PrefixTable(memory)
  const other = new PrefixTable(memory)
  for (const one of ['10.1.2.3', '10.2.0.0', '10.1.0.0']) table.hit(table.find(ipv4Int(one)))
  table.hit(NOBODY)
  // Whoever has the same memory counts in it, too.
  other.hit(other.find(ipv4Int('10.1.2.3')))
  assert.deepEqual(
    [0, 1, NOBODY].map(prefix => table.hits(prefix)),
    [1, 3, 1],
  )
  assert.equal(table.allHits(), 4)

  const next = tableOf([b as Pair, c as Pair])
  next.takeHits(table)
  assert.deepEqual(
    [0, 1, NOBODY].map(prefix => next.hits(prefix)),
    [3, 0, 1],
  )

  const all = new Int32Array(memory)
  const at = all.length - 4
  all[at] = -1
  table.hit(0)
  assert.equal(table.hits(0), 2 ** 32)
})

test('100,000 prefixes: the same answer as a search by length', () => {
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    return (state ^ (state >>> 13) ^ (state << 7)) | 0
  }
  const pairs = Array.from({ length: 100_000 }, (): Pair => {
    const length = 12 + ((random() >>> 3) % 21)
    return [random() & prefixMask(length), length]
  })
  const byLength = Array.from({ length: 33 }, () => new Set<number>())
  for (const [network, length] of pairs) byLength[length]?.add(network)
  const table = tableOf(pairs)
  for (let i = 0; i < 100_000; i++) {
    const one = random()
    let length = 32
    while (length >= 0 && !byLength[length]?.has(one & prefixMask(length))) length--
    const found = table.find(one)
    assert.equal(found === NOBODY ? -1 : table.length(found), length)
  }
})
