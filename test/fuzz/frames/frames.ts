/** Frames at one appliance, or at two that differ in nothing but what lies around the frames in their arenas. */

import assert from 'node:assert/strict'
import { Steering } from '../../../src/engine/steering.ts'
import { checkBooks, linkedOf } from '../../kit/books.ts'
import { Chance } from '../chance.ts'
import { caseText, play, type Step, shrink } from './case.ts'
import { Maker } from './maker.ts'
import type { Variant } from './variants.ts'
import { CLIENTS, World } from './world.ts'

/** Frames between two looks at the whole arena, at the books, and at what the recorder and the log say. */
const ARENA_EVERY = 20_000
const BOOKS_EVERY = 1_000_000
const WORDS_EVERY = 25_000
const SIGNATURES_MAX = 200_000
/** ms for a failure to be made short. */
const SHRINK_MS = 30_000

export interface Plan {
  variant: Variant
  seed: number
  frames: number
  /** A second appliance with another filling gets the same: what is read outside of a frame would tell. */
  twins: boolean
  /** Of performance.now(), when it is enough whatever `frames` says. */
  end?: number
  /** Makes the engines wrong, to see whether that is found. */
  spoil?: ((world: World) => void) | undefined
  /** ms for a failure to be made short; 0 leaves it as it is. */
  shrinkMs?: number
}

export interface Result {
  frames: number
  sent: number
  verdicts: ReadonlyMap<number, number>
  /** Drops and events by number, as often as they were counted. */
  counted: Float64Array
  /** Different things that a frame has done. */
  signatures: number
}

/** Throws an Error whose message has the case, as short as it can be made. */
export function fuzzFrames(plan: Plan): Result {
  const run = new Run(plan)
  try {
    return run.all()
  } catch (error) {
    throw new Error(failure(plan, run.frames, error as Error), { cause: error })
  }
}

function failure(plan: Plan, at: number, { message }: Error): string {
  const head = `frame ${at} of seed ${plan.seed}, ${plan.variant.name}: ${message}`
  if (plan.shrinkMs === 0) return head
  const steps: Step[] = []
  try {
    new Run({ ...plan, frames: at + 100, end: Number.POSITIVE_INFINITY }, steps).all()
  } catch {
    const fails = (some: readonly Step[]) => failsAgain(plan, some, message)
    if (!fails(steps)) return `${head}\n(not to be seen without its books, or its twin)`
    const short = shrink(steps, fails, plan.shrinkMs ?? SHRINK_MS)
    const { variant } = plan
    return `${head}\n${caseText({ words: message.split('\n')[0] ?? '', variant, steps: short })}`
  }
  return `${head}\n(not to be seen again)`
}

/** For the same reason, numbers aside. */
function failsAgain({ variant, twins }: Plan, steps: readonly Step[], message: string): boolean {
  const reason = (text: string) => text.split(/[:\n]/)[0]?.replaceAll(/\d+/g, '')
  try {
    const { digest } = play({ variant, steps })
    return twins && message.includes('outside') && play({ variant, steps }, 0).digest !== digest
  } catch (error) {
    return reason((error as Error).message) === reason(message)
  }
}

class Run {
  frames = 0
  readonly #plan: Plan
  readonly #chance: Chance
  readonly #worlds: readonly World[]
  readonly #maker: Maker
  readonly #steps: Step[] | null
  readonly #signatures = new Set<number>()
  readonly #events: Float64Array[]
  readonly #states: Float64Array[]
  readonly #device: (side: number) => { arm: number; tag: number }

  constructor(plan: Plan, steps: Step[] | null = null) {
    this.#plan = plan
    this.#steps = steps
    this.#chance = new Chance(plan.seed)
    const world = new World(plan.variant)
    this.#worlds = plan.twins ? [world, new World(plan.variant, 0)] : [world]
    for (const one of this.#worlds) plan.spoil?.(one)
    this.#maker = new Maker(this.#chance, world)
    this.#events = world.stands.map(({ engine }) => engine.counters.events.slice())
    this.#states = world.stands.map(({ engine }) => engine.counters.states.slice())
    const { arms } = (world.stands[0] as World['stands'][0]).config
    this.#device = side => {
      const arm = arms.findIndex(({ name }) => name === (side === CLIENTS ? 'dpdk0' : 'dpdk1'))
      const { vlan = null } = arms[arm] ?? {}
      return vlan === null ? { arm, tag: 0 } : { arm: 0, tag: vlan.id }
    }
  }

  get #world(): World {
    return this.#worlds[0] as World
  }

  all(): Result {
    const { frames, end = Number.POSITIVE_INFINITY } = this.#plan
    let [arena, books, words] = [ARENA_EVERY, BOOKS_EVERY, WORDS_EVERY]
    while (this.frames < frames) {
      this.#burst()
      if (this.frames >= words) {
        words += this.#words()
        if (performance.now() >= end) break
      }
      // What is looked at behind all of them need not be looked at twice.
      if (this.frames >= frames) break
      if (this.frames >= arena) arena += this.#arena()
      if (this.frames >= books) books += this.#books()
    }
    this.#arena()
    this.#books()
    this.#end()
    const { sent, verdicts, stands } = this.#world
    const counted = new Float64Array(this.#events[0]?.length ?? 0)
    for (const { engine } of stands)
      for (const [i, count] of engine.counters.events.entries())
        counted[i] = (counted[i] ?? 0) + count
    return { frames: this.frames, sent, verdicts, counted, signatures: this.#signatures.size }
  }

  #burst(): void {
    const chance = this.#chance
    const count = chance.below(4) > 0 ? 1 : 1 + chance.below(32)
    for (let i = 0; i < count; i++) this.#put()
    for (const world of this.#worlds) world.turn()
    this.#steps?.push({ turn: true })
    if (count === 1 && this.#isNew()) this.#maker.keep()
    if (chance.once(8)) {
      const ms = chance.once(400) ? chance.below(40_000) : chance.below(12)
      for (const world of this.#worlds) world.pass(ms)
      this.#steps?.push({ ms })
    }
    const [a, b = a] = this.#worlds
    assert.equal(a?.digest, b?.digest, 'a byte outside of a frame made the difference')
  }

  #put(): void {
    const maker = this.#maker
    maker.next()
    this.frames++
    const { arm, tag } = this.#device(maker.side)
    if (tag > 0 && maker.length >= 22 && !this.#chance.once(20)) this.#tag(tag)
    const worker = this.#chance.below(this.#world.stands.length)
    for (const world of this.#worlds) world.put(worker, arm, maker.bytes, maker.length)
    const hex = () => Buffer.from(maker.bytes.subarray(0, maker.length)).toString('hex')
    if (this.#steps !== null) this.#steps.push({ worker, arm, hex: hex() })
  }

  #tag(id: number): void {
    const { bytes, pkt } = this.#maker
    bytes.copyWithin(26, 22, this.#maker.length)
    pkt.setUint32(22, (0x8100 << 16) | id)
    this.#maker.length += 4
    if (bytes[0] === 1) pkt.setUint16(6, pkt.getUint16(6, true) + 4, true)
    if (pkt.getUint16(2, true) > 0) pkt.setUint16(2, pkt.getUint16(2, true) + 4, true)
  }

  /** Whether the last frame did what none had done: its verdict, what was counted, which states came and went. */
  #isNew(): boolean {
    let signature = this.#world.verdict
    for (const [i, { engine }] of this.#world.stands.entries()) {
      signature = differences(engine.counters.events, this.#events[i] as Float64Array, signature)
      signature = differences(engine.counters.states, this.#states[i] as Float64Array, signature)
    }
    if (this.#signatures.has(signature) || this.#signatures.size === SIGNATURES_MAX) return false
    this.#signatures.add(signature)
    return true
  }

  #words(): number {
    for (const world of this.#worlds) {
      for (const stand of world.stands) {
        stand.log()
        if (stand.watch) for (const moment of stand.moments()) JSON.stringify(moment)
      }
    }
    return WORDS_EVERY
  }

  #arena(): number {
    for (const world of this.#worlds) {
      world.checkArena()
      for (const { engine } of world.stands) {
        const { table, wheel } = engine.conns
        assert.deepEqual([wheel.filed, table.countLinked()], [table.used, linkedOf(table)])
        assert.ok(table.used <= table.capacity)
      }
    }
    return ARENA_EVERY
  }

  #books(): number {
    const { stands } = this.#world
    const steering = new Steering(stands.length)
    for (const [i, { engine }] of stands.entries()) checkBooks(engine, steering.lportPartition(i))
    return BOOKS_EVERY
  }

  /** When all is over, nothing is left: no connection, no slot in anybody's hands. */
  #end(): void {
    for (const world of this.#worlds) {
      for (let i = 0; i < 400; i++) world.pass(1000)
      world.checkArena()
      for (const { engine } of world.stands) {
        assert.equal(engine.conns.table.used, 0, 'connections stay')
        assert.equal(engine.frames.free, engine.frames.slots, 'slots are lost')
      }
    }
  }
}

function differences(now: Float64Array, before: Float64Array, start: number): number {
  let signature = start
  for (let i = 0; i < now.length; i++) {
    const by = (now[i] as number) - (before[i] as number)
    if (by === 0) continue
    before[i] = now[i] as number
    signature = (Math.imul(signature ^ (i * 4 + (by > 0 ? 1 : 2)), 0x01000193) + 0x9e37) | 0
  }
  return signature
}
