/** The memory that the workers and control share, and its sizes. Control makes it before the workers start. */

import { randomInt } from 'node:crypto'
import type { ConfigCapture } from '../../config/capture.ts'
import type { ConfigValues } from '../../config/config.ts'
import { ConnTable } from '../../engine/conn.ts'
import { DESTS_MAX, LIPS_MAX } from '../../engine/conn-layout.ts'
import { Counters } from '../../engine/counters.ts'
import { DropBook } from '../../engine/drop-book.ts'
import { Edges } from '../../engine/edges.ts'
import { FlightRing } from '../../engine/flight.ts'
import { arenaSlots, Frames } from '../../engine/frames.ts'
import { Limits } from '../../engine/limits.ts'
import { Outcomes } from '../../engine/outcomes.ts'
import { LIP_CELLS, LipCell } from '../../engine/sa-pool.ts'
import { Dests } from '../../engine/service.ts'
import { Templates } from '../../engine/templates.ts'
import { Handover } from '../../io/handover.ts'

/** Memory of all workers, and how they wake one another. */
export interface Shared {
  arena: SharedArrayBuffer
  rings: SharedArrayBuffer
  /** eventfds, by worker. */
  wakers: readonly number[]
}

/** What a worker is built of; the rest comes as changes. */
export type BareConfig = Omit<ConfigValues, 'services' | 'lists' | 'snat'>

/** Shared memory in which a worker counts. */
export interface Tables {
  counters: SharedArrayBuffer
  dests: SharedArrayBuffer
  outcomes: SharedArrayBuffer
  edges: SharedArrayBuffer
  drops: SharedArrayBuffer
  lips: SharedArrayBuffer
  /** Of all workers: connections of RSs that may have so many. */
  limits: SharedArrayBuffer
}

/** What a worker and control share of its recorder. */
export interface Flight {
  memory: SharedArrayBuffer
  cells: number
}

/** Pages of it that were never written take no memory. */
export function newFlight({ bytes }: ConfigCapture): Flight {
  const cells = 2 ** Math.floor(Math.log2(bytes / 4))
  return { memory: new SharedArrayBuffer(FlightRing.bytesFor(cells)), cells }
}

/** Places for RSs, as many as a connection's record can name: twice what a config may have, for those that leave. */
export const DEST_PLACES = DESTS_MAX

/** Clients of persistent services that are remembered: 2 MiB. */
export const TEMPLATES = 65_536

/** Neighbour entries over all arms; an entry is a next hop, and those are few. */
export const NEIGH_CAPACITY = 4096

/** Addresses of IPv6 that are set up, and were: 512 KiB. */
export const BOOK_CAPACITY = 16_383

/** Connections that one worker has room for. */
export function connCapacityOf({ connections, workers }: BareConfig): number {
  return ConnTable.capacityFor(Math.ceil(connections.tableSize / workers.count))
}

/** What listings and logs call the worker of this index: DPVS's number 0 is its master, here the control thread. */
export function workerId(index: number): number {
  return index + 1
}

/** Bytes of the arena that all workers share. */
export function arenaBytes({ arms, workers }: Pick<ConfigValues, 'arms' | 'workers'>): number {
  return Frames.bytesFor(arenaSlots(arms.length) * workers.count)
}

/** `first` are those of the first worker, for the others. */
export function newTables(config: Pick<ConfigValues, 'arms'>, first?: Tables): Tables {
  return {
    // And of the arm of the health checks.
    counters: new SharedArrayBuffer(Counters.bytesFor(config.arms.length + 1)),
    dests: new SharedArrayBuffer(Dests.bytesFor(DEST_PLACES)),
    outcomes: new SharedArrayBuffer(Outcomes.bytesFor(DEST_PLACES)),
    edges: new SharedArrayBuffer(Edges.bytes),
    drops: new SharedArrayBuffer(DropBook.bytes),
    lips: new SharedArrayBuffer(LIPS_MAX * LIP_CELLS * 4),
    limits: first?.limits ?? new SharedArrayBuffer(Limits.bytesFor(DEST_PLACES)),
  }
}

/** Those of so many workers. */
export function tablesOf(config: Pick<ConfigValues, 'arms'>, workers: number): Tables[] {
  const first = newTables(config)
  return Array.from({ length: workers }, (_, i) => (i === 0 ? first : newTables(config, first)))
}

/** Whether no worker has a connection any more that holds the place of an RS, or of a LIP. */
export interface Quiet {
  dests(place: number): boolean
  lips(place: number): boolean
}

export function quietPlaces(tables: readonly Tables[]): Quiet {
  const all = tables.map(({ dests, limits }) => new Dests(dests, DEST_PLACES, limits))
  const lips = tables.map(table => new Int32Array(table.lips))
  const { FREE, ALL } = LipCell
  return {
    dests: place => all.every(dests => dests.active(place) + dests.inactive(place) === 0),
    lips: place => lips.every(of => of[place * LIP_CELLS + FREE] === of[place * LIP_CELLS + ALL]),
  }
}

/** What all workers share, each with its eventfd. */
export function shareMemory(config: BareConfig, wakers: readonly number[]): Shared {
  const slots = arenaSlots(config.arms.length)
  return {
    arena: new SharedArrayBuffer(arenaBytes(config)),
    rings: new SharedArrayBuffer(Handover.bytesFor(wakers.length, slots)),
    wakers,
  }
}

/** Persistent clients, of all workers. The key is by chance, unless something has to come out the same each time. */
export function newTemplates(key?: readonly number[]): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(Templates.bytesFor(TEMPLATES))
  const four = { length: 4 }
  Templates.key(
    memory,
    Int32Array.from(key ?? Array.from(four, () => randomInt(-(2 ** 31), 2 ** 31))),
  )
  return memory
}
