/**
 * The table of neighbours in memory that is there already: taken over as it is, torn at any store, or full of nonsense.
 * Holds invariant I24.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arm } from '../../src/engine/arm.ts'
import { ArpOutput } from '../../src/engine/arp-output.ts'
import { Counters } from '../../src/engine/counters.ts'
import { Family, linkOf } from '../../src/engine/family.ts'
import { Frames } from '../../src/engine/frames.ts'
import { Neighs } from '../../src/engine/neigh.ts'
import { Neigh } from '../../src/engine/neigh-state.ts'
import { NO_NEIGH } from '../../src/engine/neigh-table.ts'
import { Random } from '../../src/engine/random.ts'
import { TraceRing } from '../../src/engine/trace.ts'

const CAPACITY = 6
const ARMS = 2
const LINKS = [Family.IPV4, Family.IPV6].flatMap(family => [0, 1].map(arm => linkOf(arm, family)))
/** Words that share a bucket, and one that does not. */
const WORDS = [1, 0x100, 0x203, 7]
const BYTES = Neighs.bytesFor(CAPACITY)

/** Cells of a column of entry n: link, word, MAC, deadline, stamp, changed, asked. */
function cellAt(column: number, n: number): number {
  return column * CAPACITY + n
}

/** A life of a table in `memory`. */
class Life {
  readonly memory: ArrayBuffer
  readonly neighs: Neighs
  readonly counters: Counters
  readonly #arms: Arm[]
  readonly #frames = new Frames(new ArrayBuffer(Frames.bytesFor(32)), 32)
  now = 0x7fff_0000 // wraps to negative

  constructor(memory = new ArrayBuffer(BYTES), seed = 3) {
    this.memory = memory
    this.#arms = Array.from({ length: ARMS }, (_, i) => new Arm(i, 0x0200, i, 1500, 64))
    this.counters = new Counters(new ArrayBuffer(Counters.bytesFor(ARMS)), ARMS)
    const trace = new TraceRing(new ArrayBuffer(TraceRing.bytesFor(64)), 64)
    const { counters } = this
    const parts = {
      arms: this.#arms,
      frames: this.#frames,
      counters,
      trace,
      random: new Random(seed),
    }
    const options = { capacity: CAPACITY, memory, timeoutSec: 60, queueLimit: 4 }
    // Whoever asks does not matter here: IPv6 asks as IPv4 does.
    const arp = new ArpOutput(parts)
    this.neighs = new Neighs(parts, [arp, arp], options)
  }

  do({ what, link, word, ms }: Step): void {
    const { neighs } = this
    this.now += ms
    const now = this.now | 0
    if (what === 'ask') neighs.resolve(link, word, now)
    else if (what === 'answer') neighs.hear(link, word, 0x5254, word, true, now)
    else if (what === 'fix') neighs.fix(link, word, 0x5254, word, now)
    else if (what === 'unfix') neighs.unfix(link, word)
    neighs.tick(now)
    for (const arm of this.#arms) {
      for (let i = 0; i < arm.outboxCount; i++) this.#frames.release(arm.outbox[i])
      arm.outboxCount = 0
    }
  }

  /** What can be seen of each key, by state and MAC. */
  get seen(): (string | null)[] {
    const { neighs } = this
    return LINKS.flatMap(link =>
      WORDS.map(word => {
        const n = neighs.find(link, word, NO_NEIGH)
        return n < 0 ? null : `${neighs.state[n]} ${neighs.macHi[n]} ${neighs.macLo[n]}`
      }),
    )
  }

  check(): void {
    const { neighs, counters, seen } = this
    const there = seen.filter(text => text !== null)
    assert.equal(neighs.used, there.length)
    const states = [0, 1, 2, 3, 4].map(
      state => there.filter(text => text.startsWith(`${state} `)).length,
    )
    assert.deepEqual([...counters.neighbours.subarray(0, 5)], states)
    // Whatever is free can be had.
    for (let i = 0; i < CAPACITY; i++) neighs.findOrCreate(0, 1000 + i, NO_NEIGH, this.now | 0)
    assert.equal(neighs.used, CAPACITY)
    assert.equal(neighs.findOrCreate(0, 2000, NO_NEIGH, this.now | 0), NO_NEIGH)
  }
}

interface Step {
  what: 'ask' | 'answer' | 'fix' | 'unfix' | 'wait'
  link: number
  word: number
  ms: number
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('ask', 'answer', 'answer', 'fix', 'unfix', 'wait'),
    link: fc.constantFrom(...LINKS),
    word: fc.constantFrom(...WORDS),
    ms: fc.constantFrom(0, 100, 1000, 3500, 20_000, 62_000),
  }) as fc.Arbitrary<Step>,
  { maxLength: 30 },
)

/** Another life of the same memory. */
function adopted(life: Life, gone = 0): Life {
  const next = new Life(life.memory.slice(0))
  next.now = life.now
  assert.equal(next.neighs.adopt(next.now | 0), gone)
  return next
}

test('any steps: the next life has the same neighbours and goes on, and all that is free can be had', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const life = new Life()
      for (const step of before) life.do(step)
      const next = adopted(life)
      assert.deepEqual(next.seen, life.seen)
      assert.deepEqual(next.counters.neighbours, life.counters.neighbours)
      adopted(life).check()
      // But for the jitter and what was set, which control sets again.
      if (before.some(({ what }) => what === 'fix')) return
      for (const step of after.filter(({ what }) => what === 'answer')) {
        for (const one of [life, next]) one.do({ ...step, ms: 0 })
        assert.deepEqual(next.seen, life.seen)
      }
    }),
  )
})

test('deadlines are kept: an entry ages over two lives as over one', () => {
  const [link, word] = [LINKS[2], WORDS[1]]
  const life = new Life()
  life.do({ what: 'ask', link, word, ms: 0 })
  life.do({ what: 'answer', link, word, ms: 0 })
  life.do({ what: 'wait', link, word, ms: 40_000 })
  const next = adopted(life)
  const n = next.neighs.find(link, word, NO_NEIGH)
  next.do({ what: 'wait', link, word, ms: 19_900 })
  assert.equal(next.neighs.state[n], Neigh.REACHABLE)
  next.do({ what: 'wait', link, word, ms: 400 })
  assert.equal(next.neighs.state[n], Neigh.PROBE)
})

test('a life that ended long ago leaves no entry that lasts for ever', () => {
  for (const days of [1, 20, 26, 40]) {
    const [link, word] = [LINKS[0], WORDS[0]]
    const life = new Life()
    life.do({ what: 'ask', link, word, ms: 0 })
    life.do({ what: 'answer', link, word, ms: 0 })
    life.now += days * 86_400_000
    const next = adopted(life)
    for (let ms = 0; ms < 120_000; ms += 1000) next.do({ what: 'wait', link, word, ms: 1000 })
    assert.equal(next.neighs.used, 0, `after ${days} days`)
  }
})

test('what the operator had set is an entry like any other until it is set again', () => {
  const [link, word] = [LINKS[0], WORDS[0]]
  const life = new Life()
  life.do({ what: 'fix', link, word, ms: 0 })
  life.now += 1e6
  const next = adopted(life)
  assert.deepEqual(next.seen, life.seen)
  next.neighs.unfix(link, word)
  assert.equal(next.neighs.used, 1)
  next.do({ what: 'wait', link, word, ms: 60_300 })
  assert.equal(next.neighs.state[0], Neigh.PROBE)
})

test('an entry that was being made, or being deleted, is none', () => {
  fc.assert(
    fc.property(steps, fc.nat(CAPACITY - 1), fc.array(fc.nat(2 ** 32 - 1)), (before, n, cells) => {
      const life = new Life()
      for (const step of before) life.do(step)
      const memory = new Int32Array(life.memory)
      const key = LINKS.flatMap(link => WORDS.map(word => life.neighs.find(link, word, NO_NEIGH)))
      const expected = life.seen.map((seen, i) => (key[i] === n ? null : seen))
      // The link is cleared first and written last: whatever else stands there does not count.
      memory[cellAt(0, n)] = 0
      for (const [i, cell] of cells.slice(0, 6).entries()) memory[cellAt(i + 1, n)] = cell
      const next = adopted(life)
      assert.deepEqual(next.seen, expected)
      next.check()
    }),
  )
})

test('an entry of no state, of no arm or link that there is, or there twice, is thrown out', () => {
  const life = new Life()
  for (const word of [...WORDS, 8]) life.do({ what: 'ask', link: 0, word, ms: 0 })
  const memory = new Int32Array(life.memory)
  memory[cellAt(0, 0)] |= linkOf(ARMS, Family.IPV4)
  life.neighs.state[1] = 5
  memory[cellAt(1, 3)] = WORDS[2]
  // Bits that no link has.
  memory[cellAt(0, 4)] |= 0x100
  const next = adopted(life, 4)
  assert.equal(next.neighs.used, 1)
  assert.equal(next.neighs.find(0, WORDS[2], NO_NEIGH), 2)
  next.check()
})

test('families and arms are apart: the same word is four neighbours', () => {
  const life = new Life()
  const made = LINKS.map(link => life.neighs.findOrCreate(link, 7, NO_NEIGH, life.now))
  assert.equal(new Set(made).size, LINKS.length)
  life.neighs.hear(LINKS[3], 7, 0x5254, 9, true, life.now)
  assert.deepEqual(
    made.map(n => life.neighs.macLo[n]),
    [0, 0, 0, 9],
  )
  for (const [i, link] of LINKS.entries()) {
    // Another one's place is a wrong hint.
    assert.equal(life.neighs.find(link, 7, made[(i + 1) % made.length]), made[i])
  }
})
