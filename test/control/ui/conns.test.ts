/** Questions about the connection table, against an oracle that puts every row into words. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PAGE_AGE, RECORD_CELLS } from '../../../src/control/threads/snapshots.ts'
import { Copy, WORKER } from '../../../src/control/ui/conns/copy.ts'
import { connQuery } from '../../../src/control/ui/conns/query.ts'
import { endpointTest } from '../../../src/control/ui/conns/search.ts'
import { viewOf } from '../../../src/control/ui/conns/view.ts'
import { CELL, KEY } from '../../../src/engine/conn-layout.ts'
import { State } from '../../../src/engine/tcp-state.ts'
import { endpointText, ipv4Text } from '../../../src/wire/address.ts'

interface Row {
  /** Code of KEY. */
  protocol: number
  client: [address: number, port: number]
  vip: [number, number]
  lip: [number, number]
  rs: [number, number]
  state: number
  age: number
  worker: number
}

const ENDS = ['client', 'vip', 'lip', 'rs'] as const
const end = fc.tuple(
  // Both halves of the sign, and few enough that some are the same.
  fc.constantFrom(0x0a000001, 0x0b0a0001, 0xc0a8a807 | 0, 0xca6c0a01 | 0, 0x01020304, -1),
  fc.oneof(fc.constantFrom(1, 80, 1025, 6379, 65_535), fc.integer({ min: 0, max: 65_535 })),
)
const row: fc.Arbitrary<Row> = fc.record({
  ...{ client: end, vip: end, lip: end, rs: end },
  protocol: fc.constantFrom(KEY.TCP, KEY.UDP),
  state: fc.integer({ min: 0, max: 10 }),
  age: fc.integer({ min: 0, max: 100_000 }),
  worker: fc.integer({ min: 1, max: 3 }),
})

function copyOf(rows: readonly Row[]): Copy {
  const copy = new Copy()
  copy.clear(rows.length)
  for (const { protocol, client, vip, lip, rs, state, age, worker } of rows) {
    const page = new Int32Array(RECORD_CELLS)
    page[CELL.CIP] = client[0]
    page[CELL.VIP] = vip[0]
    page[CELL.CLIENT_PORTS] = (client[1] << 16) | vip[1]
    page[4] = rs[0]
    page[5] = lip[0]
    page[6] = (rs[1] << 16) | lip[1]
    page[CELL.BINDING] = 0x7fff_fffc | protocol
    page[CELL.WORD] = 0x7fff_ffc0 | (protocol === KEY.TCP ? state : state % 3)
    page[PAGE_AGE] = age
    copy.add(page, 1, worker)
  }
  return copy
}

const UDP = ['udp_none', 'udp_oneway', 'udp_norm']
const nameOf = ({ protocol, state }: Row) =>
  protocol === KEY.TCP ? (Object.keys(State)[state] ?? '').toLowerCase() : UDP[state % 3]

test('a word is found in an endpoint exactly where its text has it', () => {
  const word = fc.oneof(
    fc.stringMatching(/^[0-9.:]{1,8}$/),
    fc
      .tuple(end, fc.nat(20), fc.nat(20))
      .map(([[address, port], from, length]) =>
        endpointText(address, port).slice(from, from + 1 + length),
      ),
  )
  fc.assert(
    fc.property(end, word, ([address, port], part) => {
      const found = endpointTest(part)?.(address, port) ?? false
      assert.equal(found, endpointText(address, port).includes(part), part)
    }),
    { numRuns: 2000 },
  )
})

const anyQuery = fc.record({
  search: fc.constantFrom(
    '',
    '10.0',
    ':80',
    '168.7:1025',
    'est',
    'udp_',
    'one',
    'TIME 0.1',
    'x',
    '1 2',
    '.',
    '4:6379',
  ),
  protocol: fc.constantFrom('', 'tcp', 'udp'),
  state: fc.constantFrom('', 'ESTABLISHED', 'time_wait', 'UDP_ONEWAY'),
  rs: fc.constantFrom('', '10.0.0.1', '192.168.168.7:80'),
  client: fc.constantFrom('', '10.0.0.1:80', '255.255.255.255'),
  sort: fc.constantFrom('protocol', 'client', 'vip', 'lip', 'rs', 'state', 'age', 'worker'),
  order: fc.constantFrom('', 'asc', 'desc'),
})

function matches(r: Row, query: Record<string, string>): boolean {
  const texts = ENDS.map(name => endpointText(...(r[name] as [number, number])))
  const is = ([address, port]: [number, number], wanted = '') =>
    wanted === '' || [ipv4Text(address), endpointText(address, port)].includes(wanted)
  const words = (query.search ?? '').toLowerCase().split(' ').filter(Boolean)
  return (
    words.every(word => [...texts, nameOf(r)].some(text => text.includes(word))) &&
    (!query.protocol || (query.protocol === 'udp') === (r.protocol === KEY.UDP)) &&
    (!query.state || nameOf(r) === query.state.toLowerCase()) &&
    is(r.rs, query.rs) &&
    is(r.client, query.client)
  )
}

/** What is sorted by, as one number. */
function keyOf(r: Row, sort: string): number {
  if (sort === 'state') return r.protocol * 16 + (r.protocol === KEY.TCP ? r.state : r.state % 3)
  const value = r[sort as keyof Row]
  return typeof value === 'number' ? value : (value[0] >>> 0) * 65_536 + value[1]
}

test('filters, search and order are those of the rows in words', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), anyQuery, (rows, query) => {
      const { wanted } = connQuery(new URLSearchParams(query))
      const found = [...viewOf(copyOf(rows), wanted)]
      const expected = [...rows.keys()].filter(i => matches(rows[i] as Row, query))
      assert.deepEqual(
        [...found].sort((a, b) => a - b),
        expected,
      )
      const keys = found.map(i => keyOf(rows[i] as Row, query.sort))
      const sign = query.order === 'desc' ? -1 : 1
      assert.deepEqual(
        keys,
        keys.toSorted((a, b) => sign * (a - b)),
      )
    }),
    { numRuns: 500 },
  )
})

test('a copy grows, is filled anew, and hands out rows as a page', () => {
  const copy = new Copy()
  copy.clear(0)
  const page = new Int32Array(256 * RECORD_CELLS)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 256; i++) page[i * RECORD_CELLS] = round * 256 + i
    copy.add(page, 256, round)
  }
  assert.equal(copy.count, 5120)
  const some = copy.page(Uint32Array.of(5119, 0, 300))
  const cell = (i: number, of: number) => some[i * RECORD_CELLS + of]
  assert.deepEqual([cell(0, 0), cell(1, 0), cell(2, 0)], [5119, 0, 300])
  assert.deepEqual([cell(0, WORKER), cell(1, WORKER), cell(2, WORKER)], [19, 0, 1])
  copy.clear(10)
  copy.add(page, 1, 1)
  assert.equal(copy.count, 1)
})

test('what is asked wrongly is told in a line', () => {
  const wrong = (query: string) => {
    try {
      connQuery(new URLSearchParams(query))
      return 'nothing'
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.match(wrong('state=OPEN'), /^query\.state: expected a state: NONE, ESTABLISHED, .*"OPEN"$/)
  assert.match(wrong('rs=1.2.3'), /^query\.rs: expected an IPv4 address/)
  assert.match(wrong('client=1.2.3.4:x'), /^query\.client: /)
  assert.match(wrong('sort=name'), /^query\.sort: expected client, vip/)
  assert.match(wrong('limit=0'), /^query\.limit: expected a whole number 1-1000/)
  assert.equal(wrong('colour=red'), 'query: there is no "colour"')
  assert.equal(wrong('search=&rs=&state='), 'nothing')
})
