/**
 * Threads that end in the middle of handing frames over, and others that take their place: each slot comes home exactly once, whoever had
 * it and whatever was written, read, published or not.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Counters, Drop } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Frames } from '../../src/engine/frames.ts'
import { Steering } from '../../src/engine/steering.ts'
import { Exchange } from '../../src/io/exchange.ts'
import { Handover } from '../../src/io/handover.ts'
import { runs } from '../kit/long.ts'

const WORKERS = 3
const SLOTS = 8

/** What a thread has of its worker: gone with it. */
interface Thread {
  frames: Frames
  engine: Engine
  exchange: Exchange
  /** Slots that it has taken, read or been handed, and not let go of. */
  hands: number[]
}

class World {
  readonly threads: Thread[]
  readonly lost = new Counters(new ArrayBuffer(Counters.bytesFor(1)), 1)
  readonly #arena = new ArrayBuffer(Frames.bytesFor(WORKERS * SLOTS))
  readonly #rings = new SharedArrayBuffer(Handover.bytesFor(WORKERS, SLOTS))

  constructor() {
    this.threads = Array.from({ length: WORKERS }, (_, self) => this.#thread(self))
  }

  #thread(self: number): Thread {
    const frames = new Frames(this.#arena, SLOTS, WORKERS, self)
    const engine = { frames, counters: this.lost } as unknown as Engine
    const rings = new Handover(this.#rings, WORKERS, self, SLOTS, () => {})
    const exchange = new Exchange(rings, new Steering(WORKERS), WORKERS, self)
    return { frames, engine, exchange, hands: [] }
  }

  /** Another thread takes the place of this worker's. */
  dies(self: number): void {
    const next = this.#thread(self)
    next.exchange.recover(next.engine)
    this.threads[self] = next
  }

  receive(self: number, judge: (slot: number) => void): void {
    const { exchange, frames } = this.threads[self] as Thread
    exchange.receive(
      frames,
      (_, slot) => judge(slot),
      () => {},
    )
  }
}

const worker = fc.nat(WORKERS - 1)
const step = fc.oneof(
  fc.record({ do: fc.constant('take' as const), worker }),
  fc.record({ do: fc.constant('release' as const), worker }),
  fc.record({ do: fc.constant('hand' as const), worker, to: worker }),
  fc.record({ do: fc.constant('hand' as const), worker, to: worker }),
  fc.record({ do: fc.constant('receive' as const), worker }),
  fc.record({ do: fc.constant('judge' as const), worker, to: worker }),
  fc.record({ do: fc.constant('flush' as const), worker }),
  fc.record({ do: fc.constant('die' as const), worker }),
  fc.record({ do: fc.constant('salvage' as const), worker }),
)

function play(world: World, one: { do: string; worker: number; to?: number }): void {
  const thread = world.threads[one.worker] as Thread
  const { frames, exchange, engine, hands } = thread
  const to = one.to === one.worker ? (one.worker + 1) % WORKERS : (one.to ?? 0)
  switch (one.do) {
    case 'take': {
      const slot = frames.take()
      if (slot >= 0) hands.push(slot)
      return
    }
    case 'release': {
      const slot = hands.shift()
      if (slot !== undefined) frames.release(slot)
      return
    }
    case 'hand': {
      const slot = hands.shift()
      if (slot !== undefined) exchange.handOver(engine, to, 0, slot)
      return
    }
    case 'receive':
      world.receive(one.worker, slot => hands.push(slot))
      return
    // And hands it on at once: to its owner, or to a third.
    case 'judge':
      world.receive(one.worker, slot => exchange.handOver(engine, to, 0, slot))
      return
    case 'flush':
      exchange.flush(frames)
      return
    case 'die':
      world.dies(one.worker)
      return
    default: {
      // What an exception has made it forget.
      exchange.flush(frames)
      const marks = new Uint8Array(frames.allSlots)
      frames.markFree(marks)
      for (const slot of hands.slice(1)) marks[slot] = 1
      exchange.markElsewhere(marks)
      const lost = [...marks.keys()].filter(slot => marks[slot] === 0)
      const forgotten = hands.shift()
      assert.deepEqual(lost, forgotten === undefined ? [] : [forgotten])
      for (const slot of lost) frames.release(slot)
    }
  }
}

test('whenever threads end and others take their place, all slots come home, once', () => {
  let deaths = 0
  const comeHome = (all: { do: string; worker: number; to?: number }[]) => {
    const world = new World()
    for (const one of all) {
      if (one.do === 'die') deaths++
      play(world, one)
    }
    for (let round = 0; round < 4; round++) {
      for (const [self, { frames, exchange, hands }] of world.threads.entries()) {
        world.receive(self, slot => frames.release(slot))
        for (const slot of hands.splice(0)) frames.release(slot)
        exchange.flush(frames)
      }
    }
    for (const { frames } of world.threads) {
      const marks = new Uint8Array(WORKERS * SLOTS)
      frames.markFree(marks)
      assert.equal(frames.free, SLOTS)
      assert.equal(
        marks.reduce((sum, mark) => sum + mark, 0),
        SLOTS,
      )
    }
  }
  const steps = fc.array(step, { minLength: 200, maxLength: 400 })
  const numRuns = runs(100)
  fc.assert(fc.property(steps, comeHome), { numRuns, endOnFailure: true })
  assert.ok(deaths > 100)
})

test('frames that wait for a thread that has ended are dropped by name', () => {
  const world = new World()
  const { frames, exchange, engine } = world.threads[0] as Thread
  for (let i = 0; i < 3; i++) exchange.handOver(engine, 1, 0, frames.take())
  exchange.flush(frames)
  world.dies(1)
  assert.equal(world.lost.events[Drop.WORKER_LOST], 3)
  world.receive(0, () => assert.fail('a frame'))
  assert.equal(frames.free, SLOTS)
})
