/** The same of prefixes of IPv6 as prefix-table.test.ts, and of both families in one list. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countPrefixes, rowOf, sortedPrefixes } from '../../src/engine/prefix-rows.ts'
import { buildTable, NOBODY, PrefixTable } from '../../src/engine/prefix-table.ts'
import { ipText } from '../../src/wire/ip-address.ts'
import {
  type Ipv6,
  inIpv6Prefix,
  ipv6Mask,
  ipv6Network,
  ipv6Words,
} from '../../src/wire/ipv6-address.ts'

type Pair = [network: Ipv6 | number, length: number]

const cells = (pairs: readonly Pair[]) =>
  Int32Array.from(pairs.flatMap(([network, length]) => rowOf(network, length)))
const tableOf = (pairs: readonly Pair[]) => new PrefixTable(buildTable(cells(pairs)))
const find = (table: PrefixTable, address: Ipv6) => table.find6(Int32Array.of(...address), 0)
const text = (table: PrefixTable, prefix: number) =>
  `${ipText(table.network(prefix))}/${table.length(prefix)}`

function naive(pairs: readonly Pair[], address: Ipv6): string | undefined {
  const holding = pairs.filter(
    ([network, length]) => typeof network !== 'number' && inIpv6Prefix(address, network, length),
  )
  const [longest] = holding.sort((a, b) => b[1] - a[1])
  if (longest === undefined) return undefined
  return `${ipText(ipv6Network(longest[0] as Ipv6, longest[1]))}/${longest[1]}`
}

/** Near one another, so that they nest and touch, at the borders of words too. */
const word = fc.oneof(fc.constantFrom(0, -1, 1, -(2 ** 31), 2 ** 31 - 1), fc.integer())
const address = fc.oneof(
  fc.tuple(fc.constantFrom(0x2001_0db8, 0), fc.constantFrom(0, -1), fc.constantFrom(0, -1), word),
  fc.tuple(word, word, word, word),
)
const length = fc.oneof(
  fc.integer({ min: 0, max: 128 }),
  fc.constantFrom(0, 31, 32, 33, 63, 64, 65, 96, 127, 128),
)

/** One more, or one less, all 128 bits. */
function beside(words: Ipv6, by: 1 | -1): Ipv6 {
  const cells = [...words]
  for (let i = 3; i >= 0; i--) {
    cells[i] = ((cells[i] as number) + by) | 0
    if (cells[i] !== (by === 1 ? 0 : -1)) break
  }
  return cells as unknown as Ipv6
}

test('any list: the longest prefix that holds an address, as one by one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(address, length), { maxLength: 50 }),
      fc.array(fc.tuple(fc.integer(), fc.integer({ min: 0, max: 32 })), { maxLength: 5 }),
      fc.array(address, { minLength: 1, maxLength: 40 }),
      (six, four, addresses) => {
        const pairs = [...six, ...four] as Pair[]
        const table = tableOf(pairs)
        const borders = (six as [Ipv6, number][]).flatMap(([network, bits]) => {
          const first = ipv6Network(network, bits)
          const last = first.map((one, i) => one | ~ipv6Mask(bits, i)) as unknown as Ipv6
          return [first, last, beside(first, -1), beside(last, 1)]
        })
        for (const one of [...(addresses as Ipv6[]), ...borders]) {
          const found = find(table, one)
          const expected = naive(pairs, one)
          assert.equal(found === NOBODY ? undefined : text(table, found), expected, ipText(one))
        }
        // What it was made of comes out again, each once, and makes the same.
        const out = table.prefixes()
        assert.deepEqual(out, sortedPrefixes(cells(pairs)))
        assert.deepEqual([...new PrefixTable(buildTable(out)).prefixes()], [...out])
        assert.equal(table.size, countPrefixes(out)[0] + countPrefixes(out)[1])
      },
    ),
    { numRuns: 300 },
  )
})

test('hits are of either family, and go on in the next list', () => {
  const [net, one] = [ipv6Words('2001:db8::'), ipv6Words('2001:db8::1')]
  const table = tableOf([
    [0x0a00_0000, 8],
    [net, 32],
    [one, 128],
  ])
  for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8::3'].map(ipv6Words))
    table.hit(find(table, address))
  table.hit(table.find(0x0a01_0203))
  const next = tableOf([
    [net, 32],
    [ipv6Words('::'), 0],
    [0x0a00_0000, 8],
  ])
  next.takeHits(table)
  const hits = (of: PrefixTable) =>
    Object.fromEntries(Array.from({ length: of.size }, (_, i) => [text(of, i), of.hits(i)]))
  assert.deepEqual(hits(table), { '10.0.0.0/8': 1, '2001:db8::/32': 2, '2001:db8::1/128': 1 })
  assert.deepEqual(hits(next), { '10.0.0.0/8': 1, '::/0': 0, '2001:db8::/32': 2 })
})

test('100,000 prefixes are found, and nothing beside them', () => {
  const of = (i: number): Ipv6 => [0x2001_0db8, Math.imul(i, 0x9e37_79b1), 0, 0]
  const pairs = Array.from({ length: 100_000 }, (_, i): Pair => [of(i), 64])
  const table = tableOf(pairs)
  assert.equal(table.size, 100_000)
  for (let i = 0; i < 100_000; i += 97) {
    const found = find(table, [0x2001_0db8, Math.imul(i, 0x9e37_79b1), 5, i])
    assert.deepEqual(table.network(found), of(i))
  }
  assert.equal(find(table, [0x2001_0db8, Math.imul(100_001, 0x9e37_79b1), 5, 5]), NOBODY)
})

test('what is no whole row is none, and a length is one that there is', () => {
  const row = rowOf(ipv6Words('2001:db8::'), 32)
  assert.deepEqual(countPrefixes(Int32Array.from([...row, ...row.slice(0, 4)])), [0, 1])
  assert.equal(new PrefixTable(buildTable(Int32Array.of(5, 0x1ff, 0, 0, 0, 0))).length(0), 128)
  assert.equal(new PrefixTable(buildTable(Int32Array.of(5, 63))).length(0), 32)
})
