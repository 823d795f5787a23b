/**
 * An image of an engine: everything that its verdicts depend on, as plain data and typed arrays of its own. Restored into
 * a new engine of the same options, that one goes on exactly like the first, given the same frames and times.
 *
 * Taken between two bursts, with outboxes empty. Of large tables only that part is copied which has ever been used: a
 * full table of 262,144 connections is 18 MB, one in which 1000 were open at a time 80 KB. It holds the key of
 * the sequence numbers, and whoever has that foresees them.
 */

import type { ArmImage } from './arm.ts'
import type { TableImage } from './conn.ts'
import { RECORD } from './conn-layout.ts'
import type { CutsImage } from './cuts.ts'
import type { Engine } from './engine.ts'
import type { HeldImage } from './held-datagrams.ts'
import type { HeldSegmentImage } from './held-segments.ts'
import { KeyedIsn } from './isn.ts'
import type { NeighImage } from './neigh.ts'
import type { RatesImage } from './rates.ts'
import type { PoolImage, SaPool } from './sa-pool.ts'
import type { SessionsImage } from './sessions.ts'
import type { SetupImage } from './setup-parts.ts'
import type { WheelImage } from './wheel.ts'

export interface EngineImage {
  /** Of the engine's clock, ms; and of its long clock. */
  now: number
  longMs: number
  random: number
  /** null for a source of sequence numbers that needs none. */
  isnKey: Int32Array | null
  stopping: boolean
  timeoutMs: Int32Array
  udpTimeoutMs: Int32Array
  neighTick: number
  lastClaim: number | null
  /** IcmpErrors.rested. */
  icmpRested: number
  /** Addresses of IPv6 and the key of digests. */
  book: Int32Array
  arms: ArmImage[]
  cuts: CutsImage
  table: TableImage
  wheel: WheelImage
  /** HalfOpen.save(). */
  waiting: Int32Array
  /** null if the log of sessions is off. */
  sessions: SessionsImage | null
  /** Cells of the places of RSs, statistics among them, and how their connections began. */
  dests: Int32Array
  outcomes: Int32Array
  /** By place, since when its RS owes an answer. */
  owed: Int32Array
  /** By place, how many it had answered when its RS came there. */
  begun: Int32Array
  setup: SetupImage
  /** By place, null for one that was never taken. */
  pools: (PoolImage | null)[]
  neighs: NeighImage
  /** Datagrams that are not whole yet. */
  held: HeldImage[]
  /** Segments of clients whose RS has not answered yet. */
  early: HeldSegmentImage[]
  /** Those that all workers share. */
  templates: Int32Array
  rates: RatesImage
  counters: Float64Array
}

/** Memory of an image, for whoever hands it to another thread. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(buffersOf)
}

/** What is copied takes as long as the memory allows: 1 ms for some 3 MB. */
export function saveEngine(engine: Engine, now: number): EngineImage {
  const { conns, dests, setup, sessions } = engine
  const table = conns.table.save()
  const used = RECORD.conn(table.cells.length)
  const places = dests.list.length
  return {
    now,
    longMs: engine.long.at(now),
    random: engine.random.state,
    isnKey: engine.isn instanceof KeyedIsn ? engine.isn.key.slice() : null,
    stopping: engine.opening.stopping,
    timeoutMs: engine.timeoutMs.slice(),
    udpTimeoutMs: engine.udpTimeoutMs.slice(),
    neighTick: engine.neighTick,
    lastClaim: engine.beside.claims.last,
    icmpRested: engine.icmp.errors.rested,
    book: engine.addressBook.save(),
    arms: engine.arms.map(arm => arm.save()),
    cuts: engine.cuts.save(),
    table,
    wheel: conns.wheel.save(used),
    waiting: conns.room.halfOpen.save(),
    sessions: sessions === null ? null : sessions.save(used),
    dests: dests.cells.slice(0, places << 4),
    outcomes: engine.outcomes.cells.slice(0, places << 1),
    owed: engine.outcomes.owed.slice(0, places),
    begun: engine.outcomes.begun.slice(0, places),
    setup: setup.save(),
    pools: Array.from(engine.lips, pool => pool?.save() ?? null),
    neighs: engine.neighs.save(),
    held: engine.reassembly.save(),
    early: conns.held.save(),
    templates: engine.templates.save(),
    rates: engine.setup.guards.rates.save(),
    counters: engine.counters.save(),
  }
}

/**
 * Into an engine of the same options in which nothing is set up yet. `newPool` makes the empty pool of the LIP at a place.
 * Throws RangeError if the image has more than the engine has room for.
 */
export function restoreEngine(
  engine: Engine,
  image: EngineImage,
  newPool: (place: number, lip: number, family: number) => SaPool,
): void {
  const { conns, dests } = engine
  if (image.table.cells.length > conns.table.cells.length)
    throw new RangeError(`more connections than the table's ${conns.table.capacity}`)
  if (image.isnKey && engine.isn instanceof KeyedIsn) engine.isn.key.set(image.isnKey)
  engine.setTimeouts(image.timeoutMs)
  engine.udpTimeoutMs.set(image.udpTimeoutMs)
  engine.opening.stopping = image.stopping
  engine.long.restore(image.longMs)
  engine.neighTick = image.neighTick
  engine.beside.claims.last = image.lastClaim
  engine.icmp.errors.rested = image.icmpRested
  engine.addressBook.restore(image.book)
  for (const [index, arm] of image.arms.entries()) engine.arms[index].restore(arm)
  conns.table.restore(image.table)
  conns.wheel.restore(image.wheel)
  engine.cuts.restore(image.cuts)
  if (engine.sessions !== null && image.sessions !== null) engine.sessions.restore(image.sessions)
  for (const [place, pool] of image.pools.entries()) {
    if (pool === null) continue
    engine.lips[place] = newPool(place, pool.lip, pool.family)
    engine.lips[place].restore(pool)
  }
  conns.room.restore(image.waiting, image.now | 0)
  dests.list.length = image.dests.length >> 4
  dests.cells.set(image.dests)
  // Limits count what the cells say.
  engine.setup.restore(image.setup)
  engine.outcomes.cells.set(image.outcomes)
  engine.outcomes.owed.set(image.owed)
  engine.outcomes.begun.set(image.begun)
  engine.neighs.restore(image.neighs)
  engine.reassembly.restore(image.held)
  conns.held.restore(image.early)
  engine.templates.restore(image.templates)
  engine.syn.answers.cookies.renew()
  engine.setup.guards.rates.restore(image.rates)
  engine.counters.restore(image.counters)
  engine.random.state = image.random
}
