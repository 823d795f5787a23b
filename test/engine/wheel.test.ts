/**
 * The timer wheel under its user's rule (file again what is not due yet): nothing comes due before its deadline or more
 * than one tick after, wherever the clock stands and however far the deadline lies.
 * Holds invariant I10.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SLOTS, TICK, Wheel } from '../../src/engine/wheel.ts'

const CAPACITY = 64

class Clock {
  readonly wheel: Wheel
  readonly deadlines = new Map<number, number>()
  /** Unwrapped; the wheel sees it as int32. */
  now: number

  constructor(now: number) {
    this.now = now
    this.wheel = new Wheel(CAPACITY, now | 0)
  }

  file(conn: number, ms: number): void {
    if (this.deadlines.has(conn)) this.wheel.unfile(conn)
    this.deadlines.set(conn, this.now + ms)
    this.wheel.file(conn, (this.now + ms) | 0)
  }

  /** A packet: the deadline moves on, the wheel is not told. */
  postpone(conn: number, ms: number): void {
    const old = this.deadlines.get(conn)
    if (old !== undefined) this.deadlines.set(conn, Math.max(old, this.now + ms))
  }

  turn(step: number): void {
    this.now += step
    for (;;) {
      const conn = this.wheel.due(this.now | 0)
      if (conn < 0) break
      const deadline = this.deadlines.get(conn)
      assert.ok(deadline !== undefined, 'due, but not filed')
      if (deadline > this.now) {
        this.wheel.file(conn, deadline | 0)
        continue
      }
      assert.ok(this.now - deadline <= TICK + step, `${this.now - deadline} ms late`)
      this.deadlines.delete(conn)
    }
    for (const deadline of this.deadlines.values()) {
      assert.ok(this.now - deadline < TICK + step, 'overdue and not handed out')
    }
    assert.equal(this.wheel.filed, this.deadlines.size)
  }
}

const HORIZON = SLOTS * TICK

for (const [name, start] of [
  ['from 0', 0],
  ['across the wrap to negative', 2 ** 31 - 40_000],
  ['across the wrap to 0', 2 ** 32 - 40_000],
  ['from the most negative', -(2 ** 31)],
] as [string, number][]) {
  test(`random deadlines, ${name}`, () => {
    const step = fc.record({
      conn: fc.nat(CAPACITY - 1),
      ms: fc.oneof(fc.nat(200), fc.nat(10_000), fc.nat(3 * HORIZON), fc.constant(0)),
      pass: fc.oneof(fc.nat(20), fc.nat(200), fc.nat(5000)),
      what: fc.nat(2),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), steps => {
        const clock = new Clock(start)
        for (const { conn, ms, pass, what } of steps) {
          if (what === 0) clock.postpone(conn, ms)
          else clock.file(conn, ms)
          for (let left = pass; left >= 0; left -= 100) clock.turn(Math.min(left, 100))
        }
        for (let i = 0; i < 3 * HORIZON && clock.deadlines.size > 0; i += 1000) clock.turn(1000)
        assert.equal(clock.wheel.filed, 0)
      }),
      { numRuns: 60 },
    )
  })
}

test('beyond the horizon: exact to the tick, and filed all the while', () => {
  const clock = new Clock(2 ** 31 - HORIZON)
  clock.file(1, 2 * HORIZON + 12_345)
  clock.file(2, 3_600_000)
  while (clock.now < 2 ** 31 + 3_600_000) clock.turn(50)
  assert.equal(clock.wheel.filed, 0)
})

test('conns of one slot come in the order they were filed; unfile takes any of them', () => {
  const { wheel } = new Clock(0)
  for (const conn of [5, 1, 9, 3]) wheel.file(conn, 1000)
  wheel.unfile(1)
  wheel.unfile(3)
  assert.deepEqual([wheel.due(1100), wheel.due(1100), wheel.due(1100)], [5, 9, -1])
})

test('an empty wheel sleeps as long as it may; one with conns until their slot', () => {
  const clock = new Clock(1000)
  assert.equal(clock.wheel.sleep(1000, 100), 100)
  clock.turn(50_000)
  clock.file(1, 70)
  const sleep = clock.wheel.sleep(clock.now, 1000)
  assert.ok(sleep >= 70 && sleep <= 70 + TICK, `${sleep}`)
  clock.turn(sleep)
  assert.equal(clock.wheel.filed, 0)
  clock.file(1, 10_000_000)
  assert.equal(clock.wheel.sleep(clock.now, 100), 100)
})

test('a wheel that nobody turned for an hour hands out everything at once', () => {
  const clock = new Clock(0)
  for (let conn = 0; conn < CAPACITY; conn++) clock.file(conn, conn * 1000)
  clock.turn(3_600_000)
  assert.equal(clock.wheel.filed, 0)
})
