/**
 * What the workers count, read from the memory that they count in. Nobody is asked, and no packet waits: a listing may
 * be as long as it likes. A number is as of the moment in which it is read, so two of them may be a packet apart.
 */

import type { HandshakeInfo, LportInfo, TrafficInfo } from '../../api/commands.ts'
import { COUNTED_STATES, numbered } from '../../api/names.ts'
import { PlaceList, type Places } from '../../config/places.ts'
import { LIPS_MAX } from '../../engine/conn-layout.ts'
import { ArmCell, Counters, Drop, Event, Gauge } from '../../engine/counters.ts'
import { type Refusal, refusals } from '../../engine/drop-book.ts'
import { type CellUse, Edges } from '../../engine/edges.ts'
import { arenaSlots } from '../../engine/frames.ts'
import { HANDSHAKE_BOUNDS, HANDSHAKE_CELLS } from '../../engine/handshake-cells.ts'
import { Neigh } from '../../engine/neigh-state.ts'
import { Outcome, Outcomes } from '../../engine/outcomes.ts'
import type { PrefixTable } from '../../engine/prefix-table.ts'
import { LIP_CELLS, LipCell } from '../../engine/sa-pool.ts'
import { DestCell, Dests, Stat } from '../../engine/service.ts'
import { ListTables } from '../threads/list-tables.ts'
import { type BareConfig, connCapacityOf, DEST_PLACES, type Tables } from '../threads/memory.ts'

const { CONNS, IN_PACKETS, OUT_PACKETS, IN_BYTES, OUT_BYTES } = Stat

/** One worker's memory. */
interface WorkerReadings {
  counters: Counters
  dests: Dests
  outcomes: Outcomes
  edges: Edges
  lips: Int32Array
}

export class Readings {
  /** By worker. */
  readonly workers: readonly WorkerReadings[]
  readonly #config: BareConfig
  readonly #tables: readonly Tables[]
  readonly #lists: ListTables
  #each: readonly Readings[] | undefined
  /** What the statistics of a place are counted from, by place: set back by `zero`. */
  readonly #zero = new Map<number, TrafficInfo>()

  constructor(config: BareConfig, tables: readonly Tables[], lists = new ListTables()) {
    this.#config = config
    this.#lists = lists
    this.#tables = tables
    this.workers = tables.map(memory => ({
      counters: new Counters(memory.counters, config.arms.length),
      dests: new Dests(memory.dests, DEST_PLACES, memory.limits),
      outcomes: new Outcomes(memory.outcomes, DEST_PLACES),
      edges: new Edges(memory.edges),
      lips: new Int32Array(memory.lips),
    }))
  }

  /** Those of one worker alone, by worker. */
  each(): readonly Readings[] {
    this.#each ??= this.#tables.map(tables => new Readings(this.#config, [tables], this.#lists))
    return this.#each
  }

  /** Places whose quiet is read here. */
  places(): Places {
    return {
      dests: new PlaceList(
        DEST_PLACES,
        place => this.activeConns(place) + this.inactiveConns(place) === 0,
      ),
      lips: new PlaceList(LIPS_MAX, place => this.lportsUsed(place) === 0),
    }
  }

  /** A list of prefixes as all workers have it; undefined if there is none of that name. */
  list(name: string): PrefixTable | undefined {
    return this.#lists.find(name)
  }

  activeConns(place: number): number {
    return this.#sum(({ dests }) => dests.active(place))
  }

  inactiveConns(place: number): number {
    return this.#sum(({ dests }) => dests.inactive(place))
  }

  /** How many workers answer SYNs by cookies to the service that has these RSs. */
  synProxyWorkers(places: readonly number[]): number {
    return this.#sum(({ outcomes }) => Number(places.some(place => outcomes.cookies[place] === 1)))
  }

  /** ms that ESTABLISHED lasts for connections to an RS. */
  establishedMs(place: number): number {
    return this.workers[0]?.dests.cells[(place << 4) | DestCell.ESTABLISHED_MS] ?? 0
  }

  /** Of an RS since it was added or set back. */
  traffic(place: number): TrafficInfo {
    const now = this.#counted(place)
    const zero = this.#zero.get(place)
    return zero ? minus(now, zero) : now
  }

  /** The statistics of an RS begin at 0 again. */
  zero(place: number): void {
    this.#zero.set(place, this.#counted(place))
  }

  /** A place has a new RS, whose statistics the workers have begun anew. */
  forget(place: number): void {
    this.#zero.delete(place)
  }

  /** How connections to an RS began, counted modulo 2^32. */
  outcomes(place: number): { failed: number; done: number } {
    const sum = (cell: number) => this.#sum(worker => worker.outcomes.cells[place * 2 + cell] ?? 0)
    return { failed: sum(Outcome.FAILED), done: sum(Outcome.DONE) }
  }

  lportsUsed(place: number): number {
    return this.#lip(place, LipCell.ALL) - this.#lip(place, LipCell.FREE)
  }

  lportsFree(place: number): number {
    return this.#lip(place, LipCell.FREE)
  }

  /** SYNs that found no lport. */
  lportMisses(place: number): number {
    return this.#lip(place, LipCell.MISSES)
  }

  /** Drop reasons by name; zeros included, so that scripts can rely on the keys. */
  drops(): Record<string, number> {
    return this.#named(Drop, ({ events }) => events)
  }

  events(): Record<string, number> {
    return {
      ...this.#named(Event, ({ events }) => events),
      trace_lost: this.#gauge(Gauge.TRACE_LOST),
    }
  }

  /** Cells of the state machine that were used, by worker. */
  edges(): CellUse[][] {
    return this.workers.map(({ edges }) => edges.used())
  }

  /** The last frames refused for a reason, one of Drop, by worker. */
  refusals(reason: number): Refusal[][] {
    return this.#tables.map(({ drops }) => refusals(drops, reason))
  }

  /** Log records that a worker could not write. */
  traceLost(worker: number): number {
    return this.workers[worker]?.counters.gauges[Gauge.TRACE_LOST] ?? 0
  }

  conns(): { used: number; capacity: number } {
    return {
      used: this.#gauge(Gauge.CONNS_USED),
      capacity: connCapacityOf(this.#config) * this.workers.length,
    }
  }

  frames(): { free: number; slots: number } {
    return {
      free: this.#gauge(Gauge.FRAMES_FREE),
      slots: arenaSlots(this.#config.arms.length) * this.workers.length,
    }
  }

  /** Connections by state; zeros included, as of neighbours. */
  states(): Record<string, number> {
    return Object.fromEntries(
      COUNTED_STATES.map(({ key, cell }) => [
        key,
        this.#sum(({ counters }) => counters.states[cell] ?? 0),
      ]),
    )
  }

  neighbours(): Record<string, number> {
    return this.#named(Neigh, ({ neighbours }) => neighbours)
  }

  /** `which` is one of Handshake. */
  handshake(which: number): HandshakeInfo {
    const at = which * HANDSHAKE_CELLS
    const cell = (i: number) => this.#sum(({ counters }) => counters.handshakes[at + i] ?? 0)
    return {
      buckets: Array.from({ length: HANDSHAKE_BOUNDS.length + 1 }, (_, i) => cell(i)),
      sum_ms: cell(HANDSHAKE_CELLS - 1),
    }
  }

  arm(index: number) {
    const cell = (which: number) => this.#sum(({ counters }) => counters.armCell(index, which))
    return {
      rx_packets: cell(ArmCell.RX_PACKETS),
      rx_bytes: cell(ArmCell.RX_BYTES),
      tx_packets: cell(ArmCell.TX_PACKETS),
      tx_bytes: cell(ArmCell.TX_BYTES),
      rx_drops: cell(ArmCell.RX_DROPS),
      tx_drops: cell(ArmCell.TX_DROPS),
    }
  }

  /** Of a LIP, by worker. */
  lportsOfWorkers(place: number): LportInfo[] {
    return this.workers.map(({ lips }) => {
      const cell = (which: number) => lips[place * LIP_CELLS + which] ?? 0
      const free = cell(LipCell.FREE)
      return { used: cell(LipCell.ALL) - free, free, misses: cell(LipCell.MISSES) }
    })
  }

  #lip(place: number, cell: number): number {
    return this.#sum(({ lips }) => lips[place * LIP_CELLS + cell] ?? 0)
  }

  #counted(place: number): TrafficInfo {
    const stat = (cell: number) => this.#sum(({ dests }) => dests.stat(place, cell))
    return {
      conns: stat(CONNS),
      in_packets: stat(IN_PACKETS),
      out_packets: stat(OUT_PACKETS),
      in_bytes: stat(IN_BYTES),
      out_bytes: stat(OUT_BYTES),
    }
  }

  #named(
    names: Record<string, number>,
    cells: (counters: Counters) => Float64Array,
  ): Record<string, number> {
    return Object.fromEntries(
      numbered(names).map(([name, at]) => [
        name,
        this.#sum(({ counters }) => cells(counters)[at] ?? 0),
      ]),
    )
  }

  #gauge(which: number): number {
    return this.#sum(({ counters }) => counters.gauges[which] ?? 0)
  }

  #sum(of: (worker: WorkerReadings) => number): number {
    return this.workers.reduce((sum, worker) => sum + of(worker), 0)
  }
}

function minus(a: TrafficInfo, b: TrafficInfo): TrafficInfo {
  return {
    conns: a.conns - b.conns,
    in_packets: a.in_packets - b.in_packets,
    out_packets: a.out_packets - b.out_packets,
    in_bytes: a.in_bytes - b.in_bytes,
    out_bytes: a.out_bytes - b.out_bytes,
  }
}
