/**
 * Services (VIP:vport) and their real servers. What a packet touches of an RS lies in typed arrays, indexed by
 * `dest`; what only control reads lies in objects. A service is looked up for SYNs only.
 */

import type { SaPool } from './sa-pool.ts'
import type { Pick } from './schedule.ts'

/** A real server of one service. Numbers that packets change are in Dests. */
export interface Dest {
  readonly index: number
  readonly service: Service
  readonly rip: number
  readonly rport: number
  weight: number
}

export interface Service {
  readonly protocol: number
  readonly vip: number
  readonly vport: number
  readonly pick: Pick
  /** Newest first, as DPVS keeps them: schedulers walk this order. */
  readonly dests: Dest[]
  /** Indices of the LIPs it may use, in order of addition. */
  readonly lips: number[]
  /** Scheduler state: position in dests, and wrr's current weight. */
  cursor: number
  currentWeight: number
  lipCursor: number
}

/** Per-RS cells of Dests.stats. */
export const Stat = { CONNS: 0, IN_PACKETS: 1, OUT_PACKETS: 2, IN_BYTES: 3, OUT_BYTES: 4 } as const
const STAT_CELLS = 8

export class Dests {
  readonly list: Dest[] = []
  /** `dest * 8 + Stat`. Packets are counted as on the wire: a GSO frame counts its segments. */
  readonly stats: Float64Array
  /** Connections in ESTABLISHED, and all others (ActiveConn, InActConn). */
  readonly active: Int32Array
  readonly inactive: Int32Array
  /** Arm and next hop that lead to the RS; resolved when it is added. */
  readonly arm: Int32Array
  readonly nextHop: Int32Array
  /** ms of ESTABLISHED for connections to this RS (the service's conn_timeout), 0 for the table's value. */
  readonly establishedMs: Int32Array
  /** The neighbour entry that was last found for the next hop; only a hint. */
  readonly neigh: Int32Array
  readonly capacity: number

  static bytesFor(capacity: number): number {
    return capacity * (STAT_CELLS * 8 + 6 * 4)
  }

  constructor(memory: ArrayBufferLike, capacity: number) {
    this.capacity = capacity
    this.stats = new Float64Array(memory, 0, capacity * STAT_CELLS)
    const cells = (n: number) =>
      new Int32Array(memory, capacity * (STAT_CELLS * 8 + n * 4), capacity)
    this.active = cells(0)
    this.inactive = cells(1)
    this.arm = cells(2)
    this.nextHop = cells(3)
    this.neigh = cells(4)
    this.establishedMs = cells(5)
  }

  stat(dest: number, cell: number): number {
    return this.stats[dest * STAT_CELLS + cell]
  }

  /** Enters an RS; the caller says where packets for it go. Throws RangeError when all places are taken. */
  add(service: Service, rip: number, rport: number, weight: number): Dest {
    const index = this.list.length
    if (index === this.capacity) throw new RangeError(`no room for more than ${index} real servers`)
    const dest = { index, service, rip, rport, weight }
    this.list.push(dest)
    return dest
  }

  countConn(dest: number): void {
    this.stats[dest * STAT_CELLS + Stat.CONNS]++
    this.inactive[dest]++
  }

  countPackets(dest: number, dir: number, packets: number, bytes: number): void {
    const at = dest * STAT_CELLS + dir
    this.stats[at + Stat.IN_PACKETS] += packets
    this.stats[at + Stat.IN_BYTES] += bytes
  }
}

export class Services {
  readonly #byAddress = new Map<number, Map<number, Service>>()

  add(service: Service): void {
    const ports = this.#byAddress.get(service.vip) ?? new Map<number, Service>()
    this.#byAddress.set(service.vip, ports)
    ports.set((service.protocol << 16) | service.vport, service)
  }

  find(protocol: number, vip: number, vport: number): Service | undefined {
    return this.#byAddress.get(vip)?.get((protocol << 16) | vport)
  }
}

/** The LIPs of the appliance, in order of addition; a conn holds the index (at most 4096). */
export type Lips = SaPool[]
