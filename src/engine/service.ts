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
  /** SYNs that no RS can take are answered by a RST. */
  reject: boolean
  /** Index of the only arm whose clients it serves, or ANY_ARM: the services of health checks are nobody else's. */
  readonly onlyArm: number
}

export const ANY_ARM = -1

/** Per-RS cells of Dests.stats. */
export const Stat = { CONNS: 0, IN_PACKETS: 1, OUT_PACKETS: 2, IN_BYTES: 3, OUT_BYTES: 4 } as const

/** Per-RS cells of Dests.cells. */
export const DestCell = {
  /** ms of ESTABLISHED for connections to this RS: the service's conn_timeout, or the table's value. */
  ESTABLISHED_MS: 10,
  /** Arm and next hop that lead to the RS; resolved when it is added. */
  ARM: 11,
  NEXT_HOP: 12,
  /** The neighbour entry that was last found for the next hop; only a hint. */
  NEIGH: 13,
  /** Connections in ESTABLISHED, and all others (ActiveConn, InActConn). */
  ACTIVE: 14,
  INACTIVE: 15,
} as const

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { IN_PACKETS, IN_BYTES } = Stat

/**
 * What packets read and count of an RS: 64 bytes each, one cache line, so that many RSs cost one miss per packet.
 *
 *   5 doubles of Stat | 6 int32 of DestCell
 */
export class Dests {
  readonly list: Dest[] = []
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

  /** Enters an RS; the caller says where packets for it go. Throws RangeError when all places are taken. */
  add(service: Service, rip: number, rport: number, weight: number): Dest {
    const index = this.list.length
    if (index === this.capacity) throw new RangeError(`no room for more than ${index} real servers`)
    const dest = { index, service, rip, rport, weight }
    this.list.push(dest)
    return dest
  }

  countConn(dest: number): void {
    this.stats[(dest << 3) + Stat.CONNS]++
    this.cells[(dest << 4) | DestCell.INACTIVE]++
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

  find(protocol: number, vip: number, vport: number): Service | undefined {
    return this.#byAddress.get(vip)?.get((protocol << 16) | vport)
  }
}

/** The LIPs of the appliance, in order of addition; a conn holds the index (at most 4096). */
export type Lips = SaPool[]
