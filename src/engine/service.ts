/**
 * Services (VIP:vport) and their real servers. What a packet touches of an RS lies in typed arrays, indexed by
 * `dest`; what only control reads lies in objects. A service is looked up only for what may open a connection.
 */

import type { Acl } from './acl.ts'
import type { Asker, Hashing } from './asker.ts'
import type { Candidate, Candidates } from './candidates.ts'
import type { HashTable } from './hash-tables.ts'
import { Limits } from './limits.ts'
import type { Match } from './match.ts'
import type { ByConnectionId } from './quic.ts'
import type { Bucket, SynGate } from './rates.ts'
import type { SaPool } from './sa-pool.ts'

/** A real server of one service. Numbers that packets change are in Dests. */
export interface Dest extends Candidate {
  readonly service: Service
  /** Of `rip`. */
  readonly family: number
  /** Connections of all workers that it may have, -1 for any number; full, it is used again below `lower` or, if 0, `upper`. */
  upper: number
  lower: number
  /** One of METHOD, of its new connections. */
  method: number
}

/**
 * A scheduler => the next RS that can take a connection, none of a sub-pool in the mask `without`, or undefined if there
 * is none. Moves the service's cursor.
 */
export type Pick = (service: Service, without: number, asker: Asker) => Dest | undefined

export interface Service {
  readonly protocol: number
  /** Of `vip`, which is a word (family.ts). */
  readonly family: number
  readonly vip: number
  readonly vport: number
  /** Of a match service, which has neither `vip` nor `vport`, and whose RSs are addresses of ours; else null. */
  match: Match | null
  /** What tables of hashes know `vip` by. */
  readonly vipKey: number
  scheduler: string
  pick: Pick
  /** Newest first, as DPVS keeps them: schedulers walk this order. */
  readonly dests: Dest[]
  /** Those of them that can take a connection. */
  readonly candidates: Candidates
  /** Where a hash leads to; null if its scheduler has none. */
  table: HashTable | null
  /** The version of `candidates` that it was made of. */
  tableVersion: number
  hashing: Hashing
  /** An RS of it is reached otherwise than by FullNAT. */
  isMixed: boolean
  /** Places of the LIPs it may use, in order of addition. */
  readonly lips: number[]
  /** A mask of the arms that these LIPs are on. */
  lipArms: number
  /** ms of ESTABLISHED, of UDP those of every state; 0 means the table's timeout. */
  establishedMs: number
  /** SYNs that no RS can take are answered by a RST, datagrams by port unreachable. */
  reject: boolean
  /** Each datagram has a connection of its own, which is over behind it. */
  onePacket: boolean
  /** Datagrams that open a connection go to the RS that their connection ID of QUIC names; null if nobody looks for one. */
  byConnectionId: ByConnectionId<Dest> | null
  /** One of PROXY (conn-layout.ts): who the client is comes in front of what it sends, and neither TOA nor UOA does. */
  proxy: number
  /** ms for which a client (its network, by `clientMask`, in bits `clientPrefix`) keeps its RS; 0 for not at all. */
  persistenceMs: number
  clientMask: number
  clientPrefix: number
  /** Whom it takes; null for everybody. */
  acl: Acl | null
  /** Connections in a second that it opens, and that each client of it does; null for any number. The client's holds no tokens. */
  rate: Bucket | null
  clientRate: Bucket | null
  /** Which SYNs are answered by cookies; null if none ever was. */
  syn: SynGate | null
  /** Scheduler state: position in dests, and wrr's current weight. */
  cursor: number
  currentWeight: number
  /** Place in `lips`, by the arm that they are chosen for; the first one if all are on one arm. */
  readonly lipCursors: number[]
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
  readonly limits: Limits
  /** By place: 1 if its service's scheduler wants to know how many connections it has. */
  readonly #counted: Uint8Array
  /** RSs that have a limit. */
  readonly #limited = new Set<Dest>()
  /** ms of the last time that all of those were looked at. */
  #looked = 0

  static bytesFor(capacity: number): number {
    return capacity * 64
  }

  /** `limits` is the memory that all workers share. */
  constructor(memory: ArrayBufferLike, capacity: number, limits: ArrayBufferLike) {
    this.capacity = capacity
    this.limits = new Limits(limits)
    this.#counted = new Uint8Array(capacity)
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

  /** Enters an RS into its place. One that comes back finds its connections counted as they are; the statistics begin anew. */
  put(dest: Dest): void {
    const { index } = dest
    this.list[index] = dest
    this.gone[index] = undefined
    this.stats.fill(0, index << 3, (index << 3) + Stat.OUT_BYTES + 1)
    this.setCounted(dest)
    this.#enter(dest)
  }

  /** Takes an RS out of its place. */
  remove(dest: Dest): void {
    const { index } = dest
    this.#leave(dest)
    this.gone[index] = this.list[index]
    this.list[index] = undefined
  }

  /** -1 for `upper` is no limit; full, it is used again below `lower` or, if 0, `upper`. */
  limit(dest: Dest, upper: number, lower: number): void {
    const had = dest.upper >= 0
    if (had && upper < 0) this.#leave(dest)
    dest.upper = upper
    dest.lower = lower
    if (!had) this.#enter(dest)
    else if (upper >= 0) {
      this.limits.enter(dest, 0)
      this.#look(dest)
    }
  }

  /** It is to have one connection more. => false, and it is known to be full, if it has as many as it may */
  take(dest: Dest): boolean {
    if (dest.upper < 0) return true
    const taken = this.limits.take(dest)
    this.#look(dest)
    return taken
  }

  /** It has one less, or does not get the one that was taken for it. */
  give(dest: Dest): void {
    if (dest.upper < 0) return
    this.limits.give(dest)
    this.#look(dest)
  }

  /** Looks at what other workers have come to, once for each `now`. => whether an RS can take connections again */
  lookAtLimits(now: number): boolean {
    if (this.#limited.size === 0 || this.#looked === now) return false
    this.#looked = now
    let freed = false
    for (const dest of this.#limited) {
      const before = dest.overloaded
      this.#look(dest)
      if (before && !dest.overloaded) freed = true
    }
    return freed
  }

  /** Their connections are about to be counted anew (adopt.ts), or have been. */
  forgetLimited(): void {
    for (const dest of this.#limited) this.limits.leave(dest)
  }

  countLimited(): void {
    for (const dest of this.#limited) this.#enter(dest)
  }

  /** An RS of an image is in its place, with its connections. */
  restore(dest: Dest, overloaded: boolean): void {
    this.list[dest.index] = dest
    this.setCounted(dest)
    this.#enter(dest)
    if (overloaded && dest.upper >= 0) this.limits.restoreFull(dest)
    this.#look(dest)
  }

  #enter(dest: Dest): void {
    if (dest.upper < 0) return
    this.#limited.add(dest)
    this.limits.enter(dest, this.active(dest.index) + this.inactive(dest.index))
    this.#look(dest)
  }

  #leave(dest: Dest): void {
    if (dest.upper < 0) return
    this.#limited.delete(dest)
    this.limits.leave(dest)
    this.#mark(dest, false)
  }

  #look(dest: Dest): void {
    this.#mark(dest, dest.upper >= 0 && this.limits.isFull(dest.index))
  }

  #mark(dest: Dest, overloaded: boolean): void {
    if (dest.overloaded === overloaded) return
    dest.overloaded = overloaded
    dest.service.candidates.loaded(dest)
  }

  /** Its service's scheduler wants to know how many connections it has, or does not. */
  setCounted({ index, service }: Dest): void {
    this.#counted[index] = Number(service.candidates.hasCosts)
  }

  /** The connections of all of them were counted anew. */
  countedAnew(): void {
    for (const dest of this.list)
      if (dest !== undefined && this.#counted[dest.index] === 1) dest.service.candidates.renew()
  }

  /** A connection of it, for which it was taken, is open. */
  countConn({ index }: Dest): void {
    this.stats[(index << 3) + Stat.CONNS]++
    this.cells[(index << 4) | DestCell.INACTIVE]++
    if (this.#counted[index] === 1) this.#tell(index)
  }

  /** A connection is over. */
  endConn(dest: number, active: boolean): void {
    this.cells[(dest << 4) | (active ? DestCell.ACTIVE : DestCell.INACTIVE)]--
    if (this.#counted[dest] === 1) this.#tell(dest)
  }

  /** So many connections more have become active, or with -1 one has ceased to be. */
  activate(dest: number, step: number): void {
    this.cells[(dest << 4) | DestCell.ACTIVE] += step
    this.cells[(dest << 4) | DestCell.INACTIVE] -= step
    if (this.#counted[dest] === 1) this.#tell(dest)
  }

  #tell(place: number): void {
    const dest = this.list[place]
    if (dest !== undefined) dest.service.candidates.loaded(dest)
  }

  countPackets(dest: number, dir: number, packets: number, bytes: number): void {
    const at = (dest << 3) | dir
    this.stats[at + IN_PACKETS] += packets
    this.stats[at + IN_BYTES] += bytes
  }
}

/** The LIPs of the appliance by place, which a conn holds (at most LIPS_MAX). */
export type Lips = SaPool[]
