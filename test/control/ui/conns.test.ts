/** Questions about the connection table, against an oracle that puts every row into words. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PAGE_AGE, PAGE_REST, RECORD_CELLS } from '../../../src/control/threads/snapshots.ts'
import { Copy, WORKER } from '../../../src/control/ui/conns/copy.ts'
import { connQuery } from '../../../src/control/ui/conns/query.ts'
import { endpointTest } from '../../../src/control/ui/conns/search.ts'
import { viewOf } from '../../../src/control/ui/conns/view.ts'
import { CELL, KEY } from '../../../src/engine/conn-layout.ts'
import { State } from '../../../src/engine/tcp-state.ts'
import { endpointText } from '../../../src/wire/address.ts'
import { type IpAddress, ipAddress, ipEndpointText, ipText } from '../../../src/wire/ip-address.ts'

interface Row {
  /** Code of KEY. */
  protocol: number
  client: [address: IpAddress, port: number]
  vip: [IpAddress, number]
  lip: [IpAddress, number]
  rs: [IpAddress, number]
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
/** Of IPv6 too, one with the last word of an address of IPv4. */
const any: fc.Arbitrary<[IpAddress, number]> = fc.oneof(
  { weight: 2, arbitrary: end },
  fc.tuple(
    fc.constantFrom(
      ...['2001:db8::1', '2001:db8::a00:1', 'fd00::80', '2001:db9::1', 'fe80::1'].map(ipAddress),
    ),
    fc.constantFrom(1, 80, 6379),
  ),
)
const rowOf = (end: fc.Arbitrary<[IpAddress, number]>) =>
  fc.record({
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
    const put = (of: 'CIP' | 'VIP' | 'LIP' | 'RIP', [address]: [IpAddress, number]) => {
      page[CELL[of]] = typeof address === 'number' ? address : address[3]
      if (typeof address !== 'number') page.set(address.slice(0, 3), PAGE_REST[of])
    }
    put('CIP', client)
    put('VIP', vip)
    page[CELL.CLIENT_PORTS] = (client[1] << 16) | vip[1]
    put('RIP', rs)
    put('LIP', lip)
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
    '2001:db8',
    '[fd00::80]:80',
    'b9::1]:6',
    'fe 1',
  ),
  protocol: fc.constantFrom('', 'tcp', 'udp'),
  state: fc.constantFrom('', 'ESTABLISHED', 'time_wait', 'UDP_ONEWAY'),
  rs: fc.constantFrom('', '10.0.0.1', '192.168.168.7:80', '[2001:db8::1]:80'),
  client: fc.constantFrom('', '10.0.0.1:80', '255.255.255.255', '2001:db8::a00:1'),
  sort: fc.constantFrom('protocol', 'client', 'vip', 'lip', 'rs', 'state', 'age', 'worker'),
  order: fc.constantFrom('', 'asc', 'desc'),
})

function matches(r: Row, query: Record<string, string>): boolean {
  const texts = ENDS.map(name => ipEndpointText(...(r[name] as [IpAddress, number])))
  const is = ([address, port]: [IpAddress, number], wanted = '') =>
    wanted === '' || [ipText(address), ipEndpointText(address, port)].includes(wanted)
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
function keyOf(r: Row, sort: string): bigint {
  if (sort === 'state')
    return BigInt(r.protocol * 16 + (r.protocol === KEY.TCP ? r.state : r.state % 3))
  const value = r[sort as keyof Row]
  if (typeof value === 'number') return BigInt(value)
  const [address, port] = value
  const words: readonly number[] = typeof address === 'number' ? [address] : address
  const number = words.reduce<bigint>((all, word) => (all << 32n) | BigInt(word >>> 0), 0n)
  return (number << 16n) | BigInt(port)
}

test('filters, search and order are those of the rows in words', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.array(rowOf(end), { maxLength: 60 }), fc.array(rowOf(any), { maxLength: 60 })),
      anyQuery,
      (rows, query) => {
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
          keys.toSorted((a, b) => (a === b ? 0 : a < b ? -sign : sign)),
        )
      },
    ),
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
  assert.match(wrong('rs=1.2.3'), /^query\.rs: expected an address, or one with a port/)
  assert.match(wrong('client=1.2.3.4:x'), /^query\.client: /)
  assert.match(wrong('sort=name'), /^query\.sort: expected client, vip/)
  assert.match(wrong('limit=0'), /^query\.limit: expected a whole number 1-1000/)
  assert.equal(wrong('colour=red'), 'query: there is no "colour"')
  assert.equal(wrong('search=&rs=&state='), 'nothing')
})
