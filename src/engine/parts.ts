/**
 * What the steps of the packet's path share: tables, counters, sources of chance and time. The engine makes all of it once and
 * hands the one object to each step, which takes what it needs.
 */

import { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { ConnTable } from './conn.ts'
import { ConnIndex } from './conn-index.ts'
import { LAYOUT } from './conn-layout.ts'
import type { Counters } from './counters.ts'
import { Edges } from './edges.ts'
import type { Frames } from './frames.ts'
import type { IsnSource } from './isn.ts'
import { LongClock } from './long-clock.ts'
import type { EngineOptions } from './options.ts'
import { Outcomes } from './outcomes.ts'
import type { Peers } from './peers.ts'
import { Random } from './random.ts'
import { Rates } from './rates.ts'
import { Dests, type Lips } from './service.ts'
import { Sessions } from './sessions.ts'
import type { Templates } from './templates.ts'
import type { TraceRing } from './trace.ts'
import { Wheel } from './wheel.ts'

export interface Parts {
  readonly frames: Frames
  readonly arms: readonly Arm[]
  readonly counters: Counters
  readonly trace: TraceRing
  readonly random: Random
  readonly long: LongClock
  readonly isn: IsnSource
  readonly table: ConnTable
  readonly book: AddressBook
  readonly wheel: Wheel
  readonly dests: Dests
  readonly outcomes: Outcomes
  readonly edges: Edges
  readonly lips: Lips
  readonly templates: Templates
  readonly rates: Rates
  /** null if nobody wants to know. */
  readonly sessions: Sessions | null
  /** The other workers; null when there is one. */
  readonly peers: Peers | null
}

/** Bytes of the connections' memory: their records. What is never touched of the wide column takes none, so all tables have it. */
export function connBytes(capacity: number): number {
  return ConnTable.bytesFor(capacity, LAYOUT.IPV6)
}

/** Bytes of all that connections take: their records, and what an engine makes of them for itself, index and wheel. */
export function allConnBytes(capacity: number): number {
  return connBytes(capacity) + ConnIndex.bytesFor(capacity) + Wheel.bytesFor(capacity)
}

export function newParts(options: EngineOptions): Parts {
  const { frames, arms, counters, trace, isn, templates, peers } = options
  const { connMemory, connCapacity, destMemory, destCapacity } = options
  const random = new Random(options.seed)
  const long = new LongClock(options.now)
  const seed = (random.below(65_536) << 16) | random.below(65_536)
  const book = new AddressBook(options.bookMemory, 0, options.bookCapacity)
  book.keyIfNone(new Random(options.seed))
  const table = new ConnTable(connMemory, 0, connCapacity, seed, LAYOUT.IPV6)
  table.book = book
  trace.book = book
  trace.wide = table.wide
  trace.far = table.syn
  return {
    ...{ frames, arms, counters, trace, isn, templates, peers, random, long, table, book },
    wheel: new Wheel(connCapacity, long.ms | 0),
    dests: new Dests(destMemory, destCapacity, options.limitMemory),
    outcomes: new Outcomes(options.outcomeMemory, destCapacity),
    edges: new Edges(options.edgeMemory),
    lips: [],
    rates: new Rates(seed),
    sessions: options.sessions && new Sessions(options.sessions, table, long),
  }
}
