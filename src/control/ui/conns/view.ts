/** A question about the copy: which rows, in which order. Both are found on the arrays themselves, without a text. */

import { ALL_STATES, stateNamed } from '../../../api/names.ts'
import type { Sort } from '../../../api/page.ts'
import { PROTOCOL_BITS, STATE_MASK } from '../../../engine/conn-layout.ts'
import { COPIED, type Copy, WORKER } from './copy.ts'
import { type EndpointTest, endpointTest } from './search.ts'

export interface Endpoint {
  /** int32 */
  address: number
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
  if (rs) tests.push(isEndpoint(rs, copy.column(COPIED.RS), copy.column(COPIED.RS_PORTS)))
  if (client)
    tests.push(isEndpoint(client, copy.column(COPIED.CLIENT), copy.column(COPIED.CLIENT_PORTS)))
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
function isEndpoint(
  { address, port }: Endpoint,
  addresses: Int32Array,
  ports: Int32Array,
): RowTest {
  return row => addresses[row] === address && (port < 0 || (ports[row] as number) >>> 16 === port)
}

/** In the address of one of the four ends, or in the name of the state. */
function wordTest(copy: Copy, word: string): RowTest {
  const names = ALL_STATES.filter(name => name.toLowerCase().includes(word))
  const states = names.flatMap(name => stateNamed(name) ?? [])
  const inState = stateTest(copy, states)
  const at = endpointTest(word)
  if (!at) return states.length > 0 ? inState : () => false
  const inEnds = endsTest(copy, at)
  return states.length > 0 ? row => inEnds(row) || inState(row) : inEnds
}

function endsTest(copy: Copy, at: EndpointTest): RowTest {
  const [client, vip, clientPorts] = columns(copy, COPIED.CLIENT, COPIED.VIP, COPIED.CLIENT_PORTS)
  const [rs, lip, rsPorts] = columns(copy, COPIED.RS, COPIED.LIP, COPIED.RS_PORTS)
  return row => {
    const inPorts = clientPorts[row] as number
    const outPorts = rsPorts[row] as number
    return (
      at(client[row] as number, inPorts >>> 16) ||
      at(vip[row] as number, inPorts & 0xffff) ||
      at(lip[row] as number, outPorts & 0xffff) ||
      at(rs[row] as number, outPorts >>> 16)
    )
  }
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
const address = (cell: number) => [digit(cell), digit(cell, 16)]

/** What a row is sorted by, its least digit first. */
const KEYS: Record<Sort, readonly Digit[]> = {
  protocol: [digit(COPIED.BINDING, 0, PROTOCOL_BITS)],
  client: [digit(COPIED.CLIENT_PORTS, 16), ...address(COPIED.CLIENT)],
  vip: [digit(COPIED.CLIENT_PORTS), ...address(COPIED.VIP)],
  lip: [digit(COPIED.RS_PORTS), ...address(COPIED.LIP)],
  rs: [digit(COPIED.RS_PORTS, 16), ...address(COPIED.RS)],
  state: [digit(COPIED.WORD, 0, STATE_MASK), digit(COPIED.BINDING, 0, PROTOCOL_BITS)],
  age: [digit(COPIED.AGE), digit(COPIED.AGE, 16)],
  worker: [digit(WORKER)],
}

/**
 * Radix sort by digits of 16 bits: three passes put a million rows in order by address and port, whichever of them are
 * asked for, in some 40 ms; comparing them takes a second.
 */
function sorted(copy: Copy, rows: Uint32Array, by: Sort): Uint32Array {
  let from = rows
  let to: Uint32Array = new Uint32Array(rows.length)
  const starts = new Uint32Array(0x10000)
  for (const { cell, shift, mask } of KEYS[by]) {
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
