/** The connection table against a Map: both tuples of every open conn are found, nothing else is, nothing is lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConnTable, NO_CONN } from '../../src/engine/conn.ts'
import { binding, CELL, firstWord, RECORD } from '../../src/engine/conn-layout.ts'
import { STATES } from '../../src/engine/tcp-state.ts'

function table(capacity: number, seed = 12_345): ConnTable {
  return new ConnTable(new ArrayBuffer(ConnTable.bytesFor(capacity)), 0, capacity, seed)
}

/** Opens conn number n of the model; n names both of its tuples. */
function open(conns: ConnTable, n: number): number {
  const conn = conns.take()
  if (conn === NO_CONN) return NO_CONN
  const at = RECORD.at(conn)
  conns.cells.set(inTuple(n), at | CELL.CIP)
  conns.cells.set(outTuple(n), at | CELL.RIP)
  conns.cells[at + CELL.WORD] = firstWord(0x5254, n % 1000, false)
  conns.cells[at + CELL.BINDING] = binding(n, n & 7, n & 63)
  conns.link(conn)
  return conn
}

/** Few addresses, many ports, so that chains share words. */
const inTuple = (n: number): [number, number, number] => [n % 5, 0x0a000001, (n << 16) | 80]
const outTuple = (n: number): [number, number, number] => [
  -(n % 3) - 1,
  0x0a000002,
  (8080 << 16) | n,
]

test('random opening and closing: table and model agree', () => {
  const step = fc.record({ n: fc.nat(99), close: fc.boolean() })
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
      const conns = table(64, seed)
      const model = new Map<number, number>()
      for (const { n, close } of steps) {
        const known = model.get(n)
        if (close && known !== undefined) {
          conns.close(known)
          model.delete(n)
        } else if (!close && known === undefined) {
          const conn = open(conns, n)
          if (model.size === 64) assert.equal(conn, NO_CONN)
          else model.set(n, conn)
        }
      }
      assert.equal(conns.used, model.size)
      assert.equal(conns.countLinked(), 2 * model.size)
      assert.equal(new Set(model.values()).size, model.size)
      for (let n = 0; n < 100; n++) {
        const conn = model.get(n)
        assert.equal(conns.find(...inTuple(n)), conn === undefined ? -1 : conn << 1)
        assert.equal(conns.find(...outTuple(n)), conn === undefined ? -1 : (conn << 1) | 1)
      }
      const walked: number[] = []
      for (let at = conns.nextUsed(0, 64); at >= 0; at = conns.nextUsed(at + 1, 64)) walked.push(at)
      assert.deepEqual(
        walked,
        [...model.values()].sort((a, b) => a - b),
      )
    }),
    { numRuns: 150 },
  )
})

test('full, then empty, twice: every record is used once and comes back', () => {
  const conns = table(1024)
  for (let round = 0; round < 2; round++) {
    const all = Array.from({ length: 1024 }, (_, n) => open(conns, n))
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
  for (const [dest, arm, lip] of [
    [0, 0, 0],
    [65_535, 14, 4095],
    [1, 14, 0],
    [16_383, 0, 4095],
  ]) {
    for (const jitter of [0, 999]) {
      const conn = conns.take()
      conns.cells[RECORD.at(conn) | CELL.WORD] = firstWord(0xffff, jitter, true)
      conns.cells[RECORD.at(conn) | CELL.BINDING] = binding(dest, arm, lip)
      for (let state = 0; state < STATES; state++) {
        conns.setState(conn, state)
        assert.equal(conns.state(conn), state)
        assert.equal(conns.jitter(conn), jitter)
      }
      assert.ok(conns.inUse(conn))
      assert.deepEqual([conns.dest(conn), conns.clientArm(conn), conns.lip(conn)], [dest, arm, lip])
      conns.giveBack(conn)
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
