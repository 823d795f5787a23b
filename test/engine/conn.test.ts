/** The connection table against a Map: both tuples of every open conn are found, nothing else is, nothing is lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConnTable, NO_CONN } from '../../src/engine/conn.ts'
import {
  binding,
  CELL,
  COLUMN_BYTES,
  CONN_BYTES,
  DESTS_MAX,
  firstWord,
  KEY,
  kindOf,
  LAYOUT,
  type Layout,
  LIPS_MAX,
  RECORD,
} from '../../src/engine/conn-layout.ts'
import { STATES } from '../../src/engine/tcp-state.ts'

function table(capacity: number, seed = 12_345, layout: Layout = LAYOUT.IPV4): ConnTable {
  const memory = new ArrayBuffer(ConnTable.bytesFor(capacity, layout))
  return new ConnTable(memory, 0, capacity, seed, layout)
}

/** What a packet of a conn is found by. */
type Tuple = [key: number, saddr: number, daddr: number, ports: number]

interface Named {
  in: Tuple
  out: Tuple
  /** All four words of the client's address; nothing where one is enough. */
  client: number[]
}

/** Few addresses, many ports, so that chains share words; two at a time differ in nothing but the protocol. */
function named(n: number): Named {
  const key = n % 2 === 0 ? KEY.TCP : KEY.UDP
  const port = n >> 1
  return {
    in: [key, n % 5, 0x0a000001, (port << 16) | 80],
    out: [key, -(port % 3) - 1, 0x0a000002, (8080 << 16) | port],
    client: [],
  }
}

/**
 * The same where IPv6 is at home: of eight, two differ in the protocol only, and four clients have the same word, two as their
 * digest and two as their address. Their RSs may be of the other family.
 */
function namedWide(n: number): Named {
  const protocol = n % 2 === 0 ? KEY.TCP : KEY.UDP
  const family = n & 4 ? KEY.IPV6 : 0
  const port = n >> 3
  const ports = (port << 16) | (family ? 80 : 80 + ((n >> 1) & 1))
  return {
    in: [protocol | family, port % 3, 0x0a000001, ports],
    out: [
      protocol | ((n >> 1) & 1 ? KEY.IPV6 : 0),
      -((n >> 1) % 3) - 1,
      2,
      (8080 << 16) | (n >> 1),
    ],
    client: family ? [0x20010db8, 0, n & 2, port] : [],
  }
}

/** Opens conn number n of the model; n names both of its tuples. */
function open(conns: ConnTable, n: number, of: Named): number {
  const conn = conns.take()
  if (conn === NO_CONN) return NO_CONN
  const at = RECORD.at(conn)
  conns.cells.set(of.in.slice(1), at | CELL.CIP)
  conns.cells.set(of.out.slice(1), at | CELL.RIP)
  if (of.client.length > 0) conns.wide.set(of.client, RECORD.column(conn))
  conns.cells[at | CELL.WORD] = firstWord(0x5254, n % 1000)
  conns.setLip(conn, n & 63)
  conns.open(conn, binding(kindOf(of.in[0], of.out[0], 0), n, n & 7))
  return conn
}

function find(conns: ConnTable, tuple: Tuple, client: number[] = []): number {
  if ((tuple[0] & KEY.IPV6) === 0) return conns.find(...tuple)
  conns.index.sought.set(client)
  return conns.index.findWide(...tuple)
}

const step = fc.record({ n: fc.nat(99), close: fc.boolean() })
const steps = fc.array(step, { maxLength: 300 })

function play(
  layout: Layout,
  names: (n: number) => Named,
  seed: number,
  all: readonly { n: number; close: boolean }[],
): [ConnTable, Map<number, number>] {
  const conns = table(64, seed, layout)
  const model = new Map<number, number>()
  for (const { n, close } of all) {
    const known = model.get(n)
    if (close && known !== undefined) {
      conns.close(known)
      model.delete(n)
    } else if (!close && known === undefined) {
      const conn = open(conns, n, names(n))
      if (model.size === 64) assert.equal(conn, NO_CONN)
      else model.set(n, conn)
    }
  }
  return [conns, model]
}

function check(conns: ConnTable, model: Map<number, number>, names: (n: number) => Named): void {
  assert.equal(conns.used, model.size)
  assert.equal(conns.countLinked(), 2 * model.size)
  assert.equal(new Set(model.values()).size, model.size)
  for (let n = 0; n < 100; n++) {
    const conn = model.get(n)
    const { in: inward, out, client } = names(n)
    assert.equal(find(conns, inward, client), conn === undefined ? -1 : conn << 1)
    assert.equal(find(conns, out), conn === undefined ? -1 : (conn << 1) | 1)
  }
  const walked: number[] = []
  for (let at = conns.nextUsed(0, 64); at >= 0; at = conns.nextUsed(at + 1, 64)) walked.push(at)
  assert.deepEqual(
    walked,
    [...model.values()].sort((a, b) => a - b),
  )
}

for (const [name, layout, names] of [
  ['IPv4', LAYOUT.IPV4, named],
  ['IPv6', LAYOUT.IPV6, namedWide],
] as const) {
  test(`random opening and closing, ${name}: table and model agree`, () => {
    fc.assert(
      fc.property(fc.integer(), steps, (seed, all) => {
        check(...play(layout, names, seed, all), names)
      }),
      { numRuns: 150 },
    )
  })

  test(`the records alone make the same table, ${name}`, () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), steps, (seed, other, all) => {
        const [conns, model] = play(layout, names, seed, all)
        const memory = conns.cells.buffer.slice(0)
        const adopted = new ConnTable(memory, 0, 64, other, layout)
        assert.equal(
          adopted.adopt(() => true),
          0,
        )
        check(adopted, model, names)
        for (let left = 64 - model.size; left > 0; left--) assert.notEqual(adopted.take(), NO_CONN)
        assert.equal(adopted.take(), NO_CONN)
      }),
      { numRuns: 100 },
    )
  })
}

test('of two records with the same tuple one is adopted, and none that is refused', () => {
  const conns = table(16)
  const at = Array.from({ length: 4 }, (_, n) => open(conns, n, named(n)))
  const last = RECORD.at(at[3] as number)
  conns.cells.set(named(0).out.slice(1), last | CELL.RIP)
  conns.cells[last | CELL.BINDING] = conns.cells[
    RECORD.at(at[0] as number) | CELL.BINDING
  ] as number
  const adopted = new ConnTable(conns.cells.buffer, 0, 16, 1)
  assert.equal(
    adopted.adopt(conn => conn !== at[1]),
    2,
  )
  assert.equal(adopted.used, 2)
  assert.equal(adopted.countLinked(), 4)
  assert.deepEqual(
    [0, 1, 2, 3].map(n => adopted.find(...named(n).in)),
    [at[0], -1, at[2], -1].map(conn => (conn === -1 ? -1 : (conn as number) << 1)),
  )
})

test('full, then empty, twice: every record is used once and comes back', () => {
  const conns = table(1024)
  for (let round = 0; round < 2; round++) {
    const all = Array.from({ length: 1024 }, (_, n) => open(conns, n, named(n)))
    assert.equal(new Set(all).size, 1024)
    assert.equal(conns.take(), NO_CONN)
    assert.equal(conns.countLinked(), 2048)
    for (const conn of all) conns.close(conn)
    assert.equal(conns.used, 0)
    assert.equal(conns.countLinked(), 0)
    assert.equal(conns.nextUsed(0, 1024), -1)
  }
})

test('the packed cells keep what is put in, each at its limits', () => {
  const conns = table(16)
  const keys = [KEY.TCP, KEY.UDP, KEY.ICMP]
  for (const [dest, arm, lip, inFamily, outFamily, method] of [
    [0, 0, 0, 0, 0, 0],
    [DESTS_MAX - 1, 14, LIPS_MAX - 1, KEY.IPV6, KEY.IPV6, 7],
    [1, 14, 0, KEY.IPV6, 0, 1],
    [16_383, 0, 4095, 0, KEY.IPV6, 4],
  ] as const) {
    for (const [i, jitter] of [0, 999, 1].entries()) {
      const conn = conns.take()
      const key = keys[i] as number
      const generation = RECORD.generation(conns.cold[RECORD.column(conn) | 2] as number)
      conns.cells[RECORD.at(conn) | CELL.WORD] = firstWord(0xffff, jitter)
      conns.setLip(conn, lip)
      const bound = binding(kindOf(key | inFamily, key | outFamily, method), dest, arm)
      conns.open(conn, bound)
      for (let state = 0; state < STATES; state++) {
        conns.setState(conn, state)
        assert.equal(conns.state(conn), state)
        assert.equal(conns.jitter(conn), jitter)
      }
      assert.ok(conns.inUse(conn))
      assert.deepEqual([conns.dest(conn), conns.clientArm(conn), conns.lip(conn)], [dest, arm, lip])
      assert.deepEqual(
        [RECORD.key(bound, 0), RECORD.key(bound, 1), RECORD.method(bound)],
        [key | inFamily, key | outFamily, method],
      )
      assert.equal(
        RECORD.generation(conns.cold[RECORD.column(conn) | 2] as number),
        generation + 1,
        'another connection of the same record',
      )
      conns.close(conn)
      assert.ok(!conns.inUse(conn))
    }
  }
})

test('capacities are powers of two, 16 at least', () => {
  assert.deepEqual(
    [0, 1, 16, 17, 1000, 1024, 1025].map(ConnTable.capacityFor),
    [16, 16, 16, 32, 1024, 1024, 2048],
  )
})

test('what IPv6 needs costs a table for IPv4 nothing', () => {
  assert.equal(table(16).wide.length, 0)
  assert.equal(
    ConnTable.bytesFor(16, LAYOUT.IPV6) - ConnTable.bytesFor(16, LAYOUT.IPV4),
    16 * COLUMN_BYTES,
  )
  assert.equal(ConnTable.bytesFor(16), 16 * (CONN_BYTES + 2 * COLUMN_BYTES))
})
