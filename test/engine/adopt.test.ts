/** Connections that outlive their engine: whatever instant its memory is of, another engine goes on with what it holds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyConns, PAGE_RECORDS, RECORD_CELLS } from '../../src/control/threads/snapshots.ts'
import { adoptRecords, LEFT_LEAST_MS } from '../../src/engine/adopt.ts'
import { CELL, COLUMN_BYTES, CONN_BYTES } from '../../src/engine/conn-layout.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { TICK } from '../../src/engine/wheel.ts'
import { checkBooks } from '../kit/books.ts'
import { SYN, WAN } from '../kit/connection.ts'
import { CAPACITY, heir, inUse, lports, stand } from '../kit/heirs.ts'
import { runs } from '../kit/long.ts'
import { RS_MAC, type Stand } from '../kit/stand.ts'
import { give, inputOf, LIVES, type Life, type Step } from '../kit/traffic.ts'
import { OUTSIDERS, RSS, RSS6 } from '../kit/traffic-ways.ts'

/** Changes would be those of the next engine as well, which here has what is set up at the beginning. */
function play(first: Stand, all: readonly Step[]): void {
  for (const step of all) {
    const input = ['change', 'drain'].includes(step.step) ? undefined : inputOf(step, first)
    if (input) give(input, first)
  }
}

/** All that listings show, but for what links a record to others. */
function listed({ engine, now }: Stand): number[][] {
  const page = new Int32Array(PAGE_RECORDS * RECORD_CELLS)
  const { count } = copyConns(engine, 0, page, now)
  const records = Array.from({ length: count }, (_, i) => [
    ...page.subarray(i * RECORD_CELLS, (i + 1) * RECORD_CELLS),
  ])
  for (const record of records) record[CELL.OUT_NEXT] = 0
  return records
}

const overdue = (record: number[], { now }: Stand) => (now - (record[CELL.DEADLINE] ?? 0)) | 0
const pending = (of: Stand) => listed(of).filter(record => overdue(record, of) < 0)

/** A segment of either end of each connection, and what becomes of it. */
function conversation(of: Stand, others: Stand): string[][] {
  const all: string[][] = []
  for (let conn = 0; conn < CAPACITY; conn++) {
    for (const from of [0, 1]) {
      const segment = { flags: '.', seq: 1, ack: 1, payload: 5, fits: true } as const
      const way = { step: 'of', conn, from, ...segment }
      const input = inputOf({ step: 'way', way } as Step, of)
      if (input) all.push([of, others].map(one => outcome(give(input, one))))
    }
  }
  return all
}

/** But for MACs, ARP, solicitations and what is known of neighbours. */
const outcome = (seen: string[]) =>
  seen
    .map(line => line.replace(/(dpdk\d \d+ )[0-9a-f]{48}/, '$1').replace(/mac.*/, ''))
    .filter(line => !/^NEIGHBOUR|^dpdk\d (52 00010800|96 6000000000203aff)/.test(line))
    .join()

for (const life of LIVES) {
  test(`after any traffic, ${life.name}: an heir finds, lists and translates as its forerunner, until the last has ended`, () =>
    inherited(life))
}

function inherited({ config: whole, steps, part }: Life): void {
  const lives = fc.array(steps(60), { minLength: 1, maxLength: 30 }).map(all => all.flat())
  const goesOn = (all: readonly Step[]) => {
    const memory = new ArrayBuffer(connBytes(CAPACITY))
    const first = stand(memory, 0, undefined, whole).resolveRss()
    play(first, all)
    const [next, { conns, cleared }] = heir(first, memory.slice(0), whole)
    assert.deepEqual([conns, cleared], [first.engine.conns.table.used, 0])
    assert.deepEqual(listed(next), listed(first))
    // What clients had said ahead of their RS's answer went with its buffers.
    first.engine.conns.held.clear()
    for (const one of [first, next]) {
      // A datagram with a wrong checksum leaves with a wrong one: what waited for its neighbour is not judged here.
      const known = [OUTSIDERS, [...RSS, ...RSS6]]
      one.carryOut(
        known.flatMap((all, arm) =>
          all.map(address => ({ put: 'neighbour' as const, arm, address, mac: RS_MAC })),
        ),
      )
      one.collect()
      one.log()
    }
    for (const [was, is] of conversation(first, next)) assert.equal(is, was)
    assert.deepEqual(listed(next), listed(first))
    for (let s = 0; s < 100; s += 1) {
      for (const one of [first, next]) one.pass(1000, 50)
      // Who is due is seen to be so within a slot of the wheel, and where a deadline was filed first is not known to the next.
      for (const one of [first, next])
        for (const record of listed(one)) assert.ok(overdue(record, one) < TICK)
      assert.deepEqual(pending(next), pending(first))
    }
    assert.equal(next.engine.conns.table.used, 0)
    checkBooks(next.engine, lports)
  }
  fc.assert(fc.property(lives, goesOn), {
    numRuns: runs(16 * part),
    endOnFailure: true,
    includeErrorInReport: true,
  })
}

test('what comes due while there is no engine has time left when there is one, and ends then', () => {
  const memory = new ArrayBuffer(connBytes(CAPACITY))
  const first = stand(memory, 0).resolveRss()
  first.segment(WAN, SYN)
  assert.equal(first.engine.conns.table.used, 1)
  // Half open, which is 30 s.
  first.now += 60_000
  const taken = (left: number) => {
    const next = stand(memory.slice(0), 1, first.now)
    adoptRecords(next.engine, first.now | 0, { left })
    const used = (ms: number) => {
      next.pass(ms)
      return next.engine.conns.table.used
    }
    return { next, used }
  }
  assert.equal(taken(0).used(1000), 0)
  const { next, used } = taken(LEFT_LEAST_MS)
  assert.equal(used(LEFT_LEAST_MS - 100), 1)
  assert.equal(used(1200), 0)
  checkBooks(next.engine, lports)
})

/** Calls `each` behind every store into the records while `make` builds what writes them. */
function watched(memory: ArrayBuffer, each: () => void, make: () => Stand): Stand {
  const Real = Int32Array
  const spy = {
    get: (cells: Int32Array, key: string | symbol) => {
      const value = Reflect.get(cells, key, cells)
      return typeof value === 'function' ? value.bind(cells) : value
    },
    set: (cells: Int32Array, key: string | symbol, value: number) => {
      const done = Reflect.set(cells, key, value, cells)
      if (cells.byteOffset < CAPACITY * (CONN_BYTES + COLUMN_BYTES)) each()
      return done
    },
  }
  class Spied {
    static from = Real.from.bind(Real)
    static of = Real.of.bind(Real)
    constructor(...args: ConstructorParameters<typeof Int32Array>) {
      const cells = new Real(...args)
      // biome-ignore lint/correctness/noConstructorReturn: it stands in for the class itself
      return cells.buffer === memory ? new Proxy(cells, spy) : cells
    }
  }
  Object.assign(globalThis, { Int32Array: Spied })
  try {
    return make()
  } finally {
    Object.assign(globalThis, { Int32Array: Real })
  }
}

test('broken off behind any store: no half connection, nothing lost of the whole ones', () => {
  const lives = fc
    .array(LIVES[0].steps(80), { minLength: 20, maxLength: 20 })
    .map(all => all.flat())
  let stores = 0
  let heirs = 0
  let ended = 0
  const survives = (all: readonly Step[], every: number) => {
    const memory = new ArrayBuffer(connBytes(CAPACITY))
    let first: Stand | undefined
    const each = () => {
      if (first === undefined || ++stores % every !== 0) return
      heirs++
      const copy = memory.slice(0)
      const before = inUse(first.engine.conns.table)
      const [next, { cleared }] = heir(first, copy)
      assert.equal(cleared, 0)
      assert.deepEqual(inUse(next.engine.conns.table), before)
    }
    first = watched(memory, each, () => stand(memory, 0)).resolveRss()
    play(first, all)
    ended += first.events('CONNS_EXPIRED')
  }
  const every = fc.integer({ min: 1, max: 19 })
  fc.assert(fc.property(lives, every, survives), { numRuns: runs(2), endOnFailure: true })
  assert.ok(ended > 10 && heirs > 30, `${ended} ended, ${heirs} heirs after ${stores} stores`)
})

test('RSs are as full as before', () => {
  const memory = new ArrayBuffer(connBytes(CAPACITY))
  const first = stand(memory, 0).resolveRss()
  for (const src of ['202.108.10.2', '202.108.10.3', '202.108.10.4', '202.108.10.5'])
    first.segment(WAN, { ...SYN, src, dport: 6380 })
  const fullOf = ({ engine }: Stand) => engine.dests.list.map(dest => dest?.overloaded)
  assert.ok(fullOf(first).includes(true))
  assert.deepEqual(fullOf(heir(first, memory.slice(0))[0]), fullOf(first))
})
