/**
 * Services (VIP:vport) and their real servers. What a packet touches of an RS lies in typed arrays, indexed by
 * `dest`; what only control reads lies in objects. A service is looked up for SYNs only.
 */

import type { Candidate, Candidates } from './candidates.ts'
import type { SaPool } from './sa-pool.ts'

/** A real server of one service. Numbers that packets change are in Dests. */
export interface Dest extends Candidate {
  readonly index: number
  readonly service: Service
  /** Connections of this worker that it may have, -1 for any number; full, it is used again below `lower` or, if 0, `upper`. */
  upper: number
  lower: number
}

/**
 * A scheduler => the next RS that can take a connection, none of a sub-pool in the mask `without`, or undefined if there
 * is none. Moves the service's cursor.
 */
export type Pick = (service: Service, without: number) => Dest | undefined

export interface Service {
  readonly protocol: number
  readonly vip: number
  readonly vport: number
  pick: Pick
  /** Newest first, as DPVS keeps them: schedulers walk this order. */
  readonly dests: Dest[]
  /** Those of them that can take a connection. */
  readonly candidates: Candidates
  /** Places of the LIPs it may use, in order of addition. */
  readonly lips: number[]
  /** ms of ESTABLISHED, of UDP those of every state; 0 means the table's timeout. */
  establishedMs: number
  /** SYNs that no RS can take are answered by a RST. */
  reject: boolean
  /** Each datagram has a connection of its own, which is over behind it. */
  onePacket: boolean
  /** ms for which a client (its network, by `clientMask`) keeps its RS; 0 for not at all. */
  persistenceMs: number
  clientMask: number
  /** Scheduler state: position in dests, and wrr's current weight. */
  cursor: number
  currentWeight: number
  lipCursor: number
  /** Index of the only arm whose clients it serves, or ANY_ARM: the services of health checks are nobody else's. */
  readonly onlyArm: number
}

export const ANY_ARM = -1

/** Per-RS cells of Dests.stats. */
export const Stat = { CONNS: 0, IN_PACKETS: 1, OUT_PACKETS: 2, IN_BYTES: 3, OUT_BYTES: 4 } as const

/** Per-RS cells of Dests.cells. */
export const DestCell = {
  /** ms of ESTABLISHED for connections to this RS: the service's conn_timeout, or the table's value. Of UDP the former, or 0. */
  ESTABLISHED_MS: 10,
  /** Link (family.ts) and next hop that lead to the RS; resolved when it is added. */
  LINK: 11,
  NEXT_HOP: 12,
  /** The neighbour entry that was last found for the next hop; only a hint. */
  NEIGH: 13,
  /** Connections in ESTABLISHED, and all others (ActiveConn, InActConn). */
  ACTIVE: 14,
  INACTIVE: 15,
} as const

/** Cells of Stat. */
const STATS = 5

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { IN_PACKETS, IN_BYTES } = Stat

/**
 * What packets read and count of an RS: 64 bytes each, one cache line, so that many RSs cost one miss per packet.
 *
 *   5 doubles of Stat | 6 int32 of DestCell
 */
export class Dests {
  /** By place. The RS of a place that was taken away is undefined; its cells live on with its connections. */
  readonly list: (Dest | undefined)[] = []
  /** By place: what was taken away, for connections that it may still have, until the place is another's. */
  readonly gone: (Dest | undefined)[] = []
  /** `dest * 8 + Stat`. Packets are counted as on the wire: a GSO frame counts its segments. */
  readonly stats: Float64Array
  /** `dest * 16 + DestCell`, the same memory. */
  readonly cells: Int32Array
  readonly capacity: number

  static bytesFor(capacity: number): number {
    return capacity * 64
  }

  constructor(memory: ArrayBufferLike, capacity: number) {
    this.capacity = capacity
    this.stats = new Float64Array(memory, 0, capacity * 8)
    this.cells = new Int32Array(memory, 0, capacity * 16)
  }

  active(dest: number): number {
    return this.cells[(dest << 4) | DestCell.ACTIVE]
  }

  inactive(dest: number): number {
    return this.cells[(dest << 4) | DestCell.INACTIVE]
  }

  stat(dest: number, cell: number): number {
    return this.stats[(dest << 3) + cell]
  }

  /**
   * Enters an RS into its place. One that comes back while its connections live finds its numbers as they are; the
   * statistics begin anew.
   */
  put(dest: Dest): void {
    const { index } = dest
    this.list[index] = dest
    this.gone[index] = undefined
    this.stats.fill(0, index << 3, (index << 3) + STATS)
    this.checkLoad(dest)
  }

  /** Takes an RS out of its place. */
  remove({ index }: Dest): void {
    this.gone[index] = this.list[index]
    this.list[index] = undefined
  }

  /** Connections of an RS have become more, fewer, or allowed in another number. */
  checkLoad(dest: Dest): void {
    const { index, upper, lower } = dest
    const conns = this.active(index) + this.inactive(index)
    const before = dest.overloaded
    if (upper < 0) dest.overloaded = false
    else if (conns >= upper) dest.overloaded = true
    else if (conns < (lower === 0 ? upper : lower)) dest.overloaded = false
    if (dest.overloaded !== before) dest.service.candidates.loaded(dest)
  }

  countConn(dest: Dest): void {
    this.stats[(dest.index << 3) + Stat.CONNS]++
    this.cells[(dest.index << 4) | DestCell.INACTIVE]++
    if (dest.upper >= 0) this.checkLoad(dest)
  }

  /** It has no connections: they are about to be counted anew. */
  clearConns(dest: number): void {
    this.cells[(dest << 4) | DestCell.ACTIVE] = 0
    this.cells[(dest << 4) | DestCell.INACTIVE] = 0
  }

  /** So many connections more have become active, or with -1 one has ceased to be. */
  activate(dest: number, step: number): void {
    this.cells[(dest << 4) | DestCell.ACTIVE] += step
    this.cells[(dest << 4) | DestCell.INACTIVE] -= step
  }

  countPackets(dest: number, dir: number, packets: number, bytes: number): void {
    const at = (dest << 3) | dir
    this.stats[at + IN_PACKETS] += packets
    this.stats[at + IN_BYTES] += bytes
  }
}

export class Services {
  readonly #byAddress = new Map<number, Map<number, Service>>()

  add(service: Service): void {
    const ports = this.#byAddress.get(service.vip) ?? new Map<number, Service>()
    this.#byAddress.set(service.vip, ports)
    ports.set((service.protocol << 16) | service.vport, service)
  }

  /** => what was there */
  remove(protocol: number, vip: number, vport: number): Service | undefined {
    const service = this.find(protocol, vip, vport)
    this.#byAddress.get(vip)?.delete((protocol << 16) | vport)
    return service
  }

  /** In no order of meaning. */
  all(): Service[] {
    return [...this.#byAddress.values()].flatMap(ports => [...ports.values()])
  }

  /** Some service has this address. */
  has(vip: number): boolean {
    const ports = this.#byAddress.get(vip)
    return ports !== undefined && ports.size > 0
  }

  find(protocol: number, vip: number, vport: number): Service | undefined {
    return this.#byAddress.get(vip)?.get((protocol << 16) | vport)
  }
}

/** The LIPs of the appliance by place, which a conn holds (at most LIPS_MAX). */
export type Lips = SaPool[]
