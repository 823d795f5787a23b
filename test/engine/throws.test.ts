/**
 * Exceptions in the engine, wherever they come: the frame at hand is lost and nothing else. Calls of the engine's parts are made to
 * throw, before they have done their work or behind it; what is left is mended by the packet thread's own code.
 */

import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import { Arm } from '../../src/engine/arm.ts'
import { ConnTable } from '../../src/engine/conn.ts'
import { ConnIndex } from '../../src/engine/conn-index.ts'
import { Conns } from '../../src/engine/conns.ts'
import { Egress } from '../../src/engine/egress.ts'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { Neighs } from '../../src/engine/neigh.ts'
import { Parking } from '../../src/engine/parking.ts'
import { Resets } from '../../src/engine/resets.ts'
import { SaPool } from '../../src/engine/sa-pool.ts'
import { Dests } from '../../src/engine/service.ts'
import { Times } from '../../src/engine/times.ts'
import { Wheel } from '../../src/engine/wheel.ts'
import { FullNat } from '../../src/engine/xmit/fullnat.ts'
import { type Fault, Mending } from '../../src/io/mending.ts'
import type { Watch } from '../../src/io/watch.ts'
import { checkBooks } from '../kit/books.ts'
import { CLIENT, established, openMany, WAN } from '../kit/connection.ts'
import { runs } from '../kit/long.ts'
import { Stand } from '../kit/stand.ts'
import { give, inputOf, LIVES, type Life, type Step, TRAFFIC_CONFIG } from '../kit/traffic.ts'

// How long mending takes decides when there is more of it (mending.ts): on a machine with other work it would be put off at random.
mock.method(performance, 'now', () => 0)

type Call = (...args: unknown[]) => unknown
type Part = Record<string, Call>

const PARTS: [object, string[]][] = [
  [Arm.prototype, ['send']],
  [ConnTable.prototype, ['take', 'open', 'close', 'setState', 'giveBack']],
  [ConnIndex.prototype, ['enter', 'leave']],
  [Times.prototype, ['fileAnew']],
  [Conns.prototype, ['rememberRs', 'cut', 'end']],
  [Dests.prototype, ['take', 'give', 'countConn', 'activate', 'countPackets']],
  [Egress.prototype, ['toRs', 'toClient']],
  [Frames.prototype, ['take', 'release', 'copy']],
  [FullNat.prototype, ['bind', 'translate', 'release']],
  [Neighs.prototype, ['findOrCreate', 'hear']],
  [Parking.prototype, ['park', 'flush', 'discard']],
  [Resets.prototype, ['both', 'rs']],
  [SaPool.prototype, ['fetch', 'release', 'takeBack']],
  [Wheel.prototype, ['file', 'unfile']],
]

/** While it is lit, one of the calls throws: `fuse` calls from now on, before or behind its work. */
const trap = { lit: false, fuse: 0, behind: false, thrown: new Map<string, number>() }

function snap(name: string): void {
  trap.lit = false
  trap.thrown.set(name, (trap.thrown.get(name) ?? 0) + 1)
  throw new Error(`broken: ${name}`)
}

/** Puts the trap around all calls. => takes it away */
function setTraps(): () => void {
  const undo: (() => void)[] = []
  for (const [prototype, names] of PARTS) {
    for (const name of names) {
      const part = prototype as Part
      const real = part[name] as Call
      const full = `${prototype.constructor.name}.${name}`
      part[name] = function (this: unknown, ...args) {
        const due = trap.lit && --trap.fuse === 0
        if (due && !trap.behind) snap(full)
        const result = real.apply(this, args)
        if (due && trap.lit) snap(full)
        return result
      }
      undo.push(() => {
        part[name] = real
      })
    }
  }
  return () => {
    for (const each of undo) each()
  }
}

/** The trap is lit while the engine is at work, and only then. */
function trapped(stand: Stand): void {
  const engine = stand.engine as unknown as Part
  for (const name of ['input', 'tick']) {
    const real = engine[name] as Call
    engine[name] = (...args) => {
      trap.lit = trap.fuse > 0
      try {
        return real.apply(engine, args)
      } finally {
        trap.lit = false
      }
    }
  }
}

function mendingOf({ engine }: Stand, told: Fault[] = []): Mending {
  const watch = { on: false } as Watch
  const ports = [] as const
  return new Mending({ engine, ports, exchange: null, watch, tell: fault => told.push(fault) })
}

/** Every slot is in one place. */
function checkSlots({ engine: { frames, neighs, reassembly } }: Stand): void {
  const places = [new Uint8Array(frames.slots), new Uint8Array(frames.slots)] as const
  frames.markFree(places[0])
  neighs.parking.mark(places[1])
  reassembly.mark(places[1])
  const sum = places[0].map((free, slot) => free + (places[1][slot] ?? 0))
  assert.ok(
    sum.every(count => count === 1),
    'a slot is nowhere, or twice',
  )
  const free = places[0].reduce((all, one) => all + one, 0)
  assert.equal(frames.free, free)
}

function checkLimits({ engine: { dests } }: Stand): void {
  for (const dest of dests.list) {
    if (!dest || dest.upper < 0) continue
    const { index } = dest
    assert.equal(dests.limits.conns(index), dests.active(index) + dests.inactive(index))
  }
}

const lports = { mask: 16_383, residue: 5 }
/** Of all lives, one after the other: it is 35 MB. */
const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))

for (const life of LIVES) {
  test(`wherever it throws, ${life.name}: every slot is in one place afterwards, and all who count agree`, () =>
    survives(life))
}

test('many calls were made to throw', () => {
  const sum = [...trap.thrown.values()].reduce((all, one) => all + one, 0)
  // Of so few lives, short ones among them, there are a hundred as a rule.
  assert.ok(sum > 10 && trap.thrown.size > 6, `thrown ${sum} times in ${trap.thrown.size} calls`)
})

function survives({ config, steps, part }: Life): void {
  const lives = fc.array(steps(60), { minLength: 5, maxLength: 20 }).map(all => all.flat())
  const fuses = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()), {
    minLength: 8,
    maxLength: 8,
  })
  const takeAway = setTraps()
  const goesOn = (all: readonly Step[], next: [number, boolean][]) => {
    const stand = new Stand(config, undefined, { lports, arena }).resolveRss()
    trapped(stand)
    const mending = mendingOf(stand)
    let mends = 0
    const broken = (error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('broken')) throw error
      mending.other(error, 'a test')
      stand.collect()
      mending.mend(stand.now + mends * 10_000)
      mends++
      assert.equal(mending.isDue, false)
      checkSlots(stand)
      checkLimits(stand)
      checkBooks(stand.engine, lports)
    }
    for (const [i, step] of all.entries()) {
      const [fuse, behind] = next[i % next.length] as [number, boolean]
      Object.assign(trap, { fuse, behind })
      try {
        const input = inputOf(step, stand)
        if (input) give(input, stand)
      } catch (error) {
        broken(error)
      }
      trap.fuse = 0
    }
    // It is as good as new: the rest of its connections ends in its time, by the clock that the last mending was told.
    for (let i = 0; i < 100 + 5 * mends; i++) stand.pass(2000, 100)
    assert.equal(stand.engine.conns.table.used, 0)
  }
  try {
    fc.assert(fc.property(lives, fuses, goesOn), {
      numRuns: runs(12 * part),
      endOnFailure: true,
      includeErrorInReport: true,
    })
  } finally {
    takeAway()
  }
}

test('a frame that throws is counted, kept and told of with the place; its connection goes on', () => {
  const stand = established()
  const ack = () => stand.segment(WAN, CLIENT)
  const told: Fault[] = []
  const mending = mendingOf(stand, told)
  const before = stand.engine.frames.free
  for (let i = 0; i < 20; i++) {
    throwing(FullNat.prototype, 'translate', () => {
      try {
        ack()
        assert.fail('nothing was thrown')
      } catch (error) {
        const slot = lostSlot(stand)
        mending.frame(error, 0, slot)
      }
    })
    mending.mend(stand.now)
  }
  assert.equal(stand.engine.frames.free, before)
  assert.deepEqual([stand.drops('ENGINE_ERROR'), stand.events('ENGINE_FAULTS')], [20, 20])
  // Of a second only the first eight are told of.
  assert.ok(told.length >= 8 && told.length <= 16, `${told.length} told`)
  const [first] = told as [Fault]
  assert.equal(first.message, 'TypeError: thrown by a test')
  assert.match(first.place, /throws\.test\.js:\d+:\d+/)
  assert.equal(first.count, 1)
  assert.deepEqual(
    [first.doing, first.arm, first.bytes.length],
    ['judging a frame', 0, first.length],
  )
  assert.equal(stand.engine.conns.table.used, 1)
  assert.equal(ack().length, 1)
})

test('a connection whose end throws is gone, and the others end in their time', () => {
  const stand = new Stand(TRAFFIC_CONFIG, undefined, { lports }).resolveRss()
  openMany(4)(stand)
  const { conns } = stand.engine
  assert.equal(conns.table.used, 4)
  const mending = mendingOf(stand)
  let mends = 0
  for (let i = 0; i < 1200 && conns.table.used > 0; i++) {
    try {
      if (mends < 2)
        throwing(Conns.prototype, 'end', () => {
          stand.pass(100)
        })
      else stand.pass(100)
    } catch (error) {
      mending.other(error, 'a test')
      stand.collect()
      mending.mend(stand.now + ++mends * 10_000)
      checkBooks(stand.engine, lports)
      assert.equal(conns.table.used, 4 - mends)
    }
  }
  assert.deepEqual([mends, conns.table.used], [2, 0])
})

/** The slot that a broken frame lies in: nobody's. */
function lostSlot({ engine: { frames, neighs } }: Stand): number {
  const marks = new Uint8Array(frames.slots)
  frames.markFree(marks)
  neighs.parking.mark(marks)
  return marks.indexOf(0)
}

function throwing(prototype: object, name: string, work: () => void): void {
  const part = prototype as Part
  const real = part[name] as Call
  part[name] = () => {
    throw new TypeError('thrown by a test')
  }
  try {
    work()
  } finally {
    part[name] = real
  }
}
