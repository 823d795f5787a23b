/**
 * The balancer in the middle: real engines, one to four, that hand over through the real rings, without kernel and clock. A worker can be
 * replaced at any moment by another that adopts its records, or that goes on from its image.
 */

import { type Change, compare } from '../../src/config/changes.ts'
import { type Config, parseConfig } from '../../src/config/config.ts'
import { PlaceList } from '../../src/config/places.ts'
import {
  applyChange,
  applyRunning,
  type Built,
  buildBare,
  restoreBuilt,
} from '../../src/control/threads/apply.ts'
import {
  arenaBytes,
  connCapacityOf,
  newTables,
  newTemplates,
  type Tables,
} from '../../src/control/threads/memory.ts'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { LIPS_MAX } from '../../src/engine/conn-layout.ts'
import { DONE, HAND_OVER, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { arenaSlots } from '../../src/engine/frames.ts'
import { saveEngine } from '../../src/engine/image.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { connBytes } from '../../src/engine/parts.ts'
import type { Partition } from '../../src/engine/sa-pool.ts'
import { Steering } from '../../src/engine/steering.ts'
import { Templates } from '../../src/engine/templates.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { Exchange } from '../../src/io/exchange.ts'
import { Handover } from '../../src/io/handover.ts'
import { checkBooks } from '../kit/books.ts'
import { hear } from '../kit/journaled.ts'
import { configOf, rsAddress, textOf } from './config.ts'
import type { Plan } from './plan.ts'
import { wayOf } from './ways.ts'

/** What a frame that came in has become, and what has left since. */
export interface Sent {
  arm: number
  bytes: Uint8Array
}

interface Worker {
  built: Built
  exchange: Exchange | undefined
  lports: Partition
  memory: ArrayBuffer
}

/** Some of the lports of a worker, or all. */
function partition(bits: number, self: number): Partition {
  return bits === 0 ? { mask: 0, residue: 0 } : { mask: (1 << bits) - 1, residue: self | (5 << 3) }
}

const configs = new Map<string, Config>()
const arenas = new Map<number, SharedArrayBuffer>()

function known<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}

export class Appliance {
  readonly config: Config
  readonly workers: Worker[] = []
  readonly #arena: SharedArrayBuffer
  readonly #tables: Tables[]
  readonly #templateMemory = newTemplates()
  readonly #isn = new KeyedIsn(Int32Array.of(1, 2, 3, 4))
  readonly #trace = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(64)), 64)
  readonly #initial: Change[]
  /** By what it is about, the last of each: what a restarted worker is set up with. */
  readonly #changes = new Map<string, Change>()
  /** The engines' clock, ms. */
  now: number
  /** Of the last frame. */
  verdict = 0
  out: Sent[] = []
  readonly #plan: Plan

  constructor(plan: Plan, now: number) {
    const yaml = configOf(plan)
    this.config = known(configs, yaml, () => parseConfig(yaml, 'sim.yaml'))
    this.now = now
    const { workers } = plan
    this.#plan = plan
    this.#arena = known(arenas, workers, () => new SharedArrayBuffer(arenaBytes(this.config)))
    Templates.key(this.#templateMemory, Int32Array.of(5, 6, 7, 8))
    this.#tables = [newTables(this.config)]
    for (let i = 1; i < workers; i++) this.#tables.push(newTables(this.config, this.#tables[0]))
    const quiet = () => true
    const places = { dests: new PlaceList(16, quiet), lips: new PlaceList(LIPS_MAX, quiet) }
    this.#initial = compare(null, this.config).changes(places)
    const steering = new Steering(workers)
    const slots = arenaSlots(2)
    const rings = new SharedArrayBuffer(Handover.bytesFor(workers, slots))
    for (let self = 0; self < workers; self++) {
      const handover = new Handover(rings, workers, self, slots, () => {})
      const exchange = new Exchange(handover, steering, workers, self)
      const lports = partition(plan.lportBits, self)
      const memory = new ArrayBuffer(connBytes(connCapacityOf(this.config)))
      const built = this.#build(self, workers > 1 ? exchange : undefined, lports, memory)
      this.workers.push({ built, exchange: workers > 1 ? exchange : undefined, lports, memory })
    }
    this.#settle()
  }

  get engines(): Engine[] {
    return this.workers.map(({ built }) => built.engine)
  }

  mac(arm: number): string {
    return this.config.arms[arm]?.mac ?? ''
  }

  /** A frame comes in at a worker, whoever owns it. */
  input(worker: number, arm: number, bytes: Uint8Array): void {
    const { engine } = (this.workers[worker] as Worker).built
    const { frames } = engine
    const slot = frames.take()
    if (slot < 0) throw new Error('the arena is empty')
    frames.bytes.set(bytes, frames.start[slot])
    frames.length[slot] = bytes.length
    engine.counters.rx(arm, bytes.length)
    this.#judge(worker, arm, slot)
    this.#settle()
  }

  /** => ms until it wants to be called again */
  tick(): number {
    let wakes = 100
    for (const { engine } of this.workers.map(({ built }) => built)) {
      wakes = Math.min(wakes, engine.tick(this.now | 0))
    }
    this.#settle()
    return wakes
  }

  /** `about`: what the change is about, of which the last one counts. */
  change(about: string, change: Change): void {
    this.#changes.set(about, change)
    for (const { built } of this.workers) applyRunning(built, change, this.now | 0)
    this.#settle()
  }

  /** The place of an RS in the service of this port. */
  placeOf(port: number, rs: number): number {
    for (const change of this.#initial) {
      if (change.put !== 'rs') continue
      const { vport, address, place } = change.rs
      if (vport === port && address === textOf(rsAddress(rs), wayOf(this.#plan))) return place
    }
    throw new Error(`no RS ${rs}`)
  }

  /** The service of this port has the LIPs at these places. */
  lips(port: number, lips: number[]): void {
    for (const change of this.#initial) {
      if (change.put !== 'service' || change.service.port !== port) continue
      this.change(`service ${port}`, { put: 'service', service: { ...change.service, lips } })
    }
  }

  /** What was applied and does not last: a cut. */
  once(change: Change): void {
    for (const { built } of this.workers) applyRunning(built, change, this.now | 0)
    this.#settle()
  }

  /** The worker is gone, and another has its memory. => connections that it did not take over */
  restart(index: number): number {
    const worker = this.workers[index] as Worker
    const { exchange, lports } = worker
    const memory = worker.memory.slice(0)
    const before = worker.built.engine.conns.table.used
    const built = this.#build(index, exchange, lports, memory)
    for (const change of this.#changes.values()) applyChange(built, change, this.now | 0)
    const { conns } = adoptRecords(built.engine, this.now | 0)
    this.workers[index] = { built, exchange, lports, memory }
    this.#settle()
    return before - conns
  }

  /** The worker goes on as another one made of its image. */
  image(index: number): void {
    const worker = this.workers[index] as Worker
    const image = saveEngine(worker.built.engine, this.now | 0)
    const { exchange, lports } = worker
    const memory = new ArrayBuffer(worker.memory.byteLength)
    const built = this.#bare(index, exchange, lports, memory)
    restoreBuilt(built, image)
    // An arm is what it was made as; an image has what it was given.
    for (const change of this.#changes.values()) {
      if (change.put === 'device') applyChange(built, change, this.now | 0)
    }
    this.workers[index] = { built, exchange, lports, memory }
  }

  /** Frames that wait for a neighbour, for the rest of their datagram, or for an RS to answer a SYN. */
  parked(index: number): number {
    const { neighs, reassembly, conns } = (this.workers[index] as Worker).built.engine
    let count = conns.held.count + (this.#plan.mixed ? reassembly.held : 0)
    for (let n = 0; n < neighs.top; n++) count += neighs.parking.count(n)
    return count
  }

  /** What must hold between two frames, at no cost. => what does not, or undefined */
  cheap(): string | undefined {
    for (const [index, { built }] of this.workers.entries()) {
      const { frames, conns } = built.engine
      if (frames.free + this.parked(index) !== frames.slots) {
        return `${frames.free} slots free, ${this.parked(index)} parked, of ${frames.slots}`
      }
      if (conns.table.used !== conns.wheel.filed) {
        return `${conns.table.used} connections, ${conns.wheel.filed} timers`
      }
    }
    return undefined
  }

  /** Throws if those who count disagree. */
  checkBooks(): void {
    for (const { built, lports } of this.workers) checkBooks(built.engine, lports)
  }

  /** What has left since the last call. */
  take(): Sent[] {
    const { out } = this
    if (out.length > 0) this.out = []
    return out
  }

  #bare(worker: number, peers: Exchange | undefined, lports: Partition, connMemory: ArrayBuffer) {
    const tables = this.#tables[worker] as Tables
    const own = { tables, connMemory, lports, arena: this.#arena, ...(peers && { peers }) }
    const around = { worker, trace: this.#trace, isn: this.#isn, seed: 7, now: this.now | 0 }
    return buildBare(this.config, { ...own, ...around, templateMemory: this.#templateMemory })
  }

  #build(worker: number, peers: Exchange | undefined, lports: Partition, memory: ArrayBuffer) {
    const built = this.#bare(worker, peers, lports, memory)
    for (const change of this.#initial) applyChange(built, change, this.now | 0)
    return built
  }

  #judge(index: number, arm: number, slot: number): void {
    const { built, exchange } = this.workers[index] as Worker
    const { engine } = built
    const { frames, arms, counters } = engine
    const now = this.now | 0
    engine.turn(now)
    const verdict = engine.input(arms[arm] as (typeof arms)[0], slot, now)
    this.verdict = verdict
    if (verdict >= 0) arms[verdict]?.send(slot)
    else if (verdict <= HAND_OVER) exchange?.handOver(engine, HAND_OVER - verdict, arm, slot)
    else if (verdict !== PARKED) {
      if (verdict !== DONE) counters.rxDrop(arm, -verdict, slot)
      frames.release(slot)
    }
  }

  /** Until nothing moves between the workers, and nothing is left to be sent. */
  #settle(): void {
    const { workers } = this
    // What one hands over goes home by way of another.
    for (let round = workers.length === 1 ? 2 : 0; round < 3; round++) {
      for (const [index, { built, exchange }] of workers.entries()) {
        const { engine } = built
        exchange?.receive(
          engine.frames,
          (arm, slot) => this.#judge(index, arm, slot),
          (...said) => hear({ engine, now: this.now, watch: undefined }, ...said),
        )
        this.#collect(engine)
        exchange?.flush(engine.frames)
      }
    }
  }

  #collect({ frames, arms, counters }: Engine): void {
    for (const arm of arms) {
      if (arm.outboxCount === 0) continue
      for (let i = 0; i < arm.outboxCount; i++) {
        const slot = arm.outbox[i] as number
        const start = frames.start[slot] as number
        const length = frames.length[slot] as number
        this.out.push({ arm: arm.index, bytes: frames.bytes.slice(start, start + length) })
        counters.tx(arm.index, length)
        frames.release(slot)
      }
      arm.outboxCount = 0
    }
  }
}
