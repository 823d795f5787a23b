/** A question about the copy: which rows, in which order. Both are found on the arrays themselves, without a text. */

import { ALL_STATES, stateNamed } from '../../../api/names.ts'
import type { Sort } from '../../../api/page.ts'
import { METHOD_BITS, PROTOCOL_BITS, STATE_MASK } from '../../../engine/conn-layout.ts'
import type { IpAddress } from '../../../wire/ip-address.ts'
import { PAGE_REST } from '../../threads/snapshots.ts'
import { COPIED, type Copy, WORKER } from './copy.ts'
import { endpointTest, wideTest } from './search.ts'

export interface Endpoint {
  address: IpAddress
  /** -1 for any */
  port: number
}

interface StateOf {
  code: number
  state: number
}

/** Which rows and in which order. */
export interface Wanted {
  /** Words that all have to be found in a row; empty for any row. */
  search: string
  /** Code of KEY; -1 for any. */
  protocol: number
  /** Of a protocol, by its code; null for any. */
  state: StateOf | null
  rs: Endpoint | null
  client: Endpoint | null
  sort: Sort
  descending: boolean
}

/** => the rows of `copy` in order */
export function viewOf(copy: Copy, wanted: Wanted): Uint32Array {
  const rows = sorted(copy, matching(copy, wanted), wanted.sort)
  return wanted.descending ? rows.reverse() : rows
}

type RowTest = (row: number) => boolean

function matching(copy: Copy, { search, protocol, state, rs, client }: Wanted): Uint32Array {
  const tests: RowTest[] = []
  if (protocol >= 0) tests.push(protocolTest(copy, protocol))
  if (state) tests.push(stateTest(copy, [state]))
  if (rs) tests.push(isEndpoint(rs, copy, 'RIP', copy.column(COPIED.RS_PORTS)))
  if (client) tests.push(isEndpoint(client, copy, 'CIP', copy.column(COPIED.CLIENT_PORTS)))
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean))
    tests.push(wordTest(copy, word))
  let rows = new Uint32Array(copy.count).map((_, row) => row)
  for (const test of tests) {
    let kept = 0
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      if (test(row)) rows[kept++] = row
    }
    rows = rows.subarray(0, kept)
  }
  return rows
}

function protocolTest(copy: Copy, code: number): RowTest {
  const bindings = copy.column(COPIED.BINDING)
  return row => ((bindings[row] as number) & PROTOCOL_BITS) === code
}

function stateTest(copy: Copy, states: readonly StateOf[]): RowTest {
  const words = copy.column(COPIED.WORD)
  const bindings = copy.column(COPIED.BINDING)
  const wanted = new Set(states.map(({ code, state }) => (code << 4) | state))
  return row => {
    const code = (bindings[row] as number) & PROTOCOL_BITS
    return wanted.has((code << 4) | ((words[row] as number) & STATE_MASK))
  }
}

/** `ports` has the port in its upper half. */
function isEndpoint({ address, port }: Endpoint, copy: Copy, of: End, ports: Int32Array): RowTest {
  const wanted = typeof address === 'number' ? [0, 0, 0, address] : address
  const columns = wordsOf(copy, of)
  return row =>
    columns.every((column, i) => column[row] === wanted[i]) &&
    (port < 0 || (ports[row] as number) >>> 16 === port)
}

type End = keyof typeof PAGE_REST

const LAST = {
  CIP: COPIED.CLIENT,
  VIP: COPIED.VIP,
  RIP: COPIED.RS,
  LIP: COPIED.LIP,
} as const

/** The words of an address: of one of IPv4 the first three are 0. */
function wordsOf(copy: Copy, of: End): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const rest = PAGE_REST[of]
  const [a, b, c] = columns(copy, rest, rest + 1, rest + 2)
  return [a, b, c, copy.column(LAST[of])]
}

/** In the address of one of the four ends, or in the name of the state. */
function wordTest(copy: Copy, word: string): RowTest {
  const names = ALL_STATES.filter(name => name.toLowerCase().includes(word))
  const states = names.flatMap(name => stateNamed(name) ?? [])
  const tests = endsTests(copy, word)
  if (states.length > 0) tests.push(stateTest(copy, states))
  return row => tests.some(test => test(row))
}

/** Of each of the four ends, in either family, if one can have the word in it. */
function endsTests(copy: Copy, word: string): RowTest[] {
  const at = endpointTest(word)
  const wide = copy.isWide ? wideTest(word) : null
  if (at === null && wide === null) return []
  const [clientPorts, rsPorts] = [COPIED.CLIENT_PORTS, COPIED.RS_PORTS].map(cell =>
    copy.column(cell),
  ) as [Int32Array, Int32Array]
  const test = (of: End, ports: Int32Array, shift: number): RowTest => {
    const [a, b, c, d] = wordsOf(copy, of)
    return row => {
      const port = ((ports[row] as number) >>> shift) & 0xffff
      const words = [a[row], b[row], c[row], d[row]] as [number, number, number, number]
      if ((words[0] | words[1] | words[2]) === 0) return at?.(words[3], port) ?? false
      return wide?.(words, port) ?? false
    }
  }
  return [
    test('CIP', clientPorts, 16),
    test('VIP', clientPorts, 0),
    test('LIP', rsPorts, 0),
    test('RIP', rsPorts, 16),
  ]
}

type Three = [Int32Array, Int32Array, Int32Array]

function columns(copy: Copy, ...cells: [number, number, number]): Three {
  return cells.map(cell => copy.column(cell)) as Three
}

/** 16 bits of a cell. */
interface Digit {
  cell: number
  shift: number
  mask: number
}

const digit = (cell: number, shift = 0, mask = 0xffff): Digit => ({ cell, shift, mask })
/** Of an address of IPv6 the last word counts least, and IPv4 comes first. */
const address = (of: End) =>
  [LAST[of], PAGE_REST[of] + 2, PAGE_REST[of] + 1, PAGE_REST[of]].flatMap(cell => [
    digit(cell),
    digit(cell, 16),
  ])

/** What a row is sorted by, its least digit first. */
const KEYS: Record<Sort, readonly Digit[]> = {
  protocol: [digit(COPIED.BINDING, 0, PROTOCOL_BITS)],
  forwarding: [digit(COPIED.BINDING, 0, METHOD_BITS)],
  client: [digit(COPIED.CLIENT_PORTS, 16), ...address('CIP')],
  vip: [digit(COPIED.CLIENT_PORTS), ...address('VIP')],
  lip: [digit(COPIED.RS_PORTS), ...address('LIP')],
  rs: [digit(COPIED.RS_PORTS, 16), ...address('RIP')],
  state: [digit(COPIED.WORD, 0, STATE_MASK), digit(COPIED.BINDING, 0, PROTOCOL_BITS)],
  age: [digit(COPIED.AGE), digit(COPIED.AGE, 16)],
  worker: [digit(WORKER)],
}

/** From here on cells have the first words of addresses of IPv6. */
const WIDE_CELLS = Math.min(...Object.values(PAGE_REST))

/**
 * Radix sort by digits of 16 bits: three passes (nine with IPv6) put a million rows in order by address and port, whichever of them are
 * asked for, in some 40 ms; comparing them takes a second.
 */
function sorted(copy: Copy, rows: Uint32Array, by: Sort): Uint32Array {
  let from = rows
  let to: Uint32Array = new Uint32Array(rows.length)
  const starts = new Uint32Array(0x10000)
  for (const { cell, shift, mask } of KEYS[by]) {
    if (cell >= WIDE_CELLS && !copy.isWide) continue
    const column = copy.column(cell)
    starts.fill(0)
    for (const row of from) {
      const value = ((column[row] as number) >>> shift) & mask
      starts[value] = (starts[value] as number) + 1
    }
    let sum = 0
    for (let value = 0; value < starts.length; value++) {
      const many = starts[value] as number
      starts[value] = sum
      sum += many
    }
    for (const row of from) {
      const value = ((column[row] as number) >>> shift) & mask
      const place = starts[value] as number
      to[place] = row
      starts[value] = place + 1
    }
    ;[from, to] = [to, from]
  }
  return from
}
