/**
 * FullNAT: the RS sees LIP and lport, the client VIP and vport. Read semantics 3 and RFC 1624 before changing
 * the translation. Of a datagram only addresses and ports change (udp.ts).
 *
 * Both directions: addresses and ports become the mirror of the other tuple. IN: seq += delta; on a SYN the timestamp
 * option becomes NOPs; TOA. OUT: ack and SACK edges -= delta; MSS - 8 on the SYN+ACK. Nothing else is touched: IP ID,
 * TOS, DF, options, window and the RS's own sequence numbers pass through.
 *
 * Checksums are adjusted by differences, never computed anew, so that a segment that was corrupt when it came is still
 * corrupt when it leaves. With a partial checksum only pseudo-header changes count.
 */

import { PROTO } from '../../wire/ipv4.ts'
import type { Arm } from '../arm.ts'
import type { ConnTable } from '../conn.ts'
import { CELL, COLD, HEADER, KEY, PROTOCOL_BITS, RECORD } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import { armOf, Family } from '../family.ts'
import type { IsnSource } from '../isn.ts'
import type { UdpOptions } from '../options.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import type { Random } from '../random.ts'
import { ALL_SUB_POOLS, NO_LPORT } from '../sa-pool.ts'
import { sayLport } from '../say.ts'
import { type Dest, DestCell, type Lips, type Service } from '../service.ts'
import type { TraceRing } from '../trace.ts'
import { DueHeader } from './due-header.ts'
import { giveBackLport, LeftLport } from './left-lport.ts'
import type { Method } from './method.ts'
import { TcpRewrite } from './tcp.ts'
import { Tcp6Rewrite } from './tcp6.ts'
import { UdpRewrite } from './udp.ts'
import { Udp6Rewrite } from './udp6.ts'

/** At most this many LIPs are tried for one connection (semantics 5.4). */
const LIP_ATTEMPTS = 16
/** Per cent of connections under rr and wrr for which the LIP moves two steps, so that LIPs and RSs do not lock. */
const LIP_SKIP_PERCENT = 5

const { LINK } = DestCell
const { IPV6: SIX } = Family
const { RIP, LIP, RS_PORTS, DELTA, RST_ACK } = CELL
const { TCP: KEY_TCP, UDP: KEY_UDP, IPV6 } = KEY
const KEY_UDP6 = KEY_UDP | IPV6
const { TCP } = PROTO
const { at: recordAt, column: columnAt } = RECORD
const { known: knownOf } = HEADER

export class FullNat implements Method {
  readonly left: LeftLport
  readonly #table: ConnTable
  readonly #lips: Lips
  readonly #arms: readonly Arm[]
  readonly #destCells: Int32Array
  readonly #isn: IsnSource
  readonly #random: Random
  readonly #trace: TraceRing
  readonly #due: DueHeader
  readonly #tcp: TcpRewrite
  readonly #udp: UdpRewrite
  readonly #tcp6: Tcp6Rewrite
  readonly #udp6: Udp6Rewrite

  constructor(parts: Parts, toaMode: number, udp: UdpOptions, decrementsTtl: boolean) {
    this.#table = parts.table
    this.#lips = parts.lips
    this.#arms = parts.arms
    this.#destCells = parts.dests.cells
    this.#isn = parts.isn
    this.#random = parts.random
    this.#trace = parts.trace
    this.left = new LeftLport(parts.table, parts.lips)
    this.#due = new DueHeader(parts)
    this.#tcp = new TcpRewrite(parts, toaMode, decrementsTtl)
    this.#tcp6 = new Tcp6Rewrite(parts, toaMode, decrementsTtl)
    this.#udp = new UdpRewrite(parts, udp, decrementsTtl)
    this.#udp6 = new Udp6Rewrite(parts, udp, decrementsTtl)
  }

  /** Why the service cannot have a conn, whatever its RS: minus a drop reason, else 0. */
  refusal({ protocol, lips }: Service): number {
    if (lips.length > 0) return 0
    return protocol === TCP ? -Drop.TCP_NO_LIP : -Drop.UDP_NO_LIP
  }

  /**
   * RSs that the next conn of the service could not be bound to, as candidates.ts knows them: a mask of the sub-pools of which
   * none of the LIPs that it would try has an lport.
   */
  without({ lips, lipArms, lipCursors }: Service): number {
    const count = lips.length
    const attempts = isMixed(lipArms) ? count : Math.min(count, LIP_ATTEMPTS)
    let without = ALL_SUB_POOLS
    for (let i = 1; i <= attempts && without !== 0; i++) {
      without &= this.#lips[lips[(lipCursors[0] + i) % count]].exhausted
    }
    return without
  }

  /** LIP and lport, and of TCP by how much the client's sequence numbers move. */
  bind(conn: number, service: Service, dest: Dest, now: number): number {
    if (service.lips.length === 0) return this.refusal(service)
    const left = this.left.takeBack(service, dest)
    const lipport = left === NO_LPORT ? this.#fetchLport(service, dest) : left
    if (lipport < 0) return -Drop.LPORT_EXHAUSTED
    const lip = lipport >>> 16
    const lport = lipport & 0xffff
    const { cells, cold } = this.#table
    const at = recordAt(conn)
    cells[at | RIP] = dest.rip
    cells[at | LIP] = this.#lips[lip].lip
    cells[at | RS_PORTS] = (dest.rport << 16) | lport
    this.#table.setLip(conn, lip)
    if (service.protocol !== TCP) {
      cold[columnAt(conn) | COLD.PROXY] = HEADER.first(service.proxy, 0)
      cells[at | DELTA] = 0
      cells[at | RST_ACK] = this.#lips[lip].lastSeq(dest.rip, dest.rport, lport)
      return 0
    }
    const firstSeq = this.#firstSeq(lip, dest, lport, now)
    const header = this.#due.first(conn, service.proxy, service.family === SIX)
    cold[columnAt(conn) | COLD.PROXY] = header
    cells[at | DELTA] = firstSeq - cold[columnAt(conn) | COLD.CLIENT_ISN] + knownOf(header)
    // What the RS will have to acknowledge.
    cells[at | RST_ACK] = firstSeq + 1
    return 0
  }

  /** => Event.TOA_MTU or TOA_NO_ROOM if a TOA that was due could not be added, UOA_ALONE if that of a datagram is to go ahead, else 0 */
  translate(slot: number, p: Parsed, t: number, mtu: number): number {
    if (p.key === KEY_TCP) return this.#tcp.rewrite(slot, p, t, mtu)
    if (p.key < IPV6) return this.#udp.rewrite(slot, p, t, mtu)
    return p.key === KEY_UDP6
      ? this.#udp6.rewrite(slot, p, t, mtu)
      : this.#tcp6.rewrite(slot, p, t, mtu)
  }

  /** The same of a conn whose client speaks IPv6 and whose RS IPv4; the packet has no extension headers. */
  translate64(slot: number, p: Parsed, t: number, mtu: number): number {
    return (p.key & PROTOCOL_BITS) === KEY_TCP
      ? this.#tcp6.rewrite(slot, p, t, mtu)
      : this.#udp6.rewrite(slot, p, t, mtu)
  }

  release(conn: number): void {
    giveBackLport(this.#table, this.#lips, conn)
  }

  /** => LIP index << 16 | lport, or NO_LPORT when all LIPs that were tried are out of lports towards this RS. */
  #fetchLport(service: Service, dest: Dest): number {
    const count = service.lips.length
    const arm = this.#homeArm(service, dest)
    const cursors = service.lipCursors
    const own = arm === undefined ? 0 : arm.index
    let attempt = 0
    for (let i = 0; i < count && attempt < LIP_ATTEMPTS; i++) {
      cursors[own] = (cursors[own] + 1) % count
      const lip = service.lips[cursors[own]]
      const pool = this.#lips[lip]
      if (arm !== undefined && !arm.owns(pool.family, pool.lip)) continue
      // While a service changes from RSs of one family to the other's, its LIPs may be those of before.
      if (pool.family !== dest.family) continue
      attempt++
      const lport = pool.fetch(dest.rip, dest.rport)
      if (lport === NO_LPORT) continue
      // The next one begins a step further on: before this one it would leave out a LIP that was counted on.
      if (count > 1 && this.#random.below(100) < LIP_SKIP_PERCENT) cursors[own]++
      if (this.#trace.debug) {
        const left = pool.freeTowards(dest.rip, dest.rport)
        sayLport(this.#trace, pool, lport, attempt - 1, left)
      }
      return (lip << 16) | lport
    }
    return NO_LPORT
  }

  /**
   * The arm that leads to the RS, if it has some of the service's LIPs and another arm others: only its own will be answered there.
   * An RS whose arm has none of them must have a route to those of another.
   */
  #homeArm({ lipArms }: Service, dest: Dest): Arm | undefined {
    if (!isMixed(lipArms)) return undefined
    const arm = armOf(this.#destCells[(dest.index << 4) | LINK])
    return (lipArms >> arm) & 1 ? this.#arms[arm] : undefined
  }

  /** Towards the RS a connection starts ahead of what its lport's last one had come to, wherever the clock is. */
  #firstSeq(lip: number, dest: Dest, lport: number, now: number): number {
    const pool = this.#lips[lip]
    const { rip, rport } = dest
    const isn = this.#isn.choose(pool.lip, rip, (rport << 16) | lport, now)
    const last = pool.lastSeq(rip, rport, lport)
    if (last === 0 || ((isn - last) | 0) > 0) return isn
    return (last + 1 + (this.#random.below(65_536) << 8)) | 0
  }
}

/** LIPs of a service are on several arms. */
function isMixed(lipArms: number): boolean {
  return (lipArms & (lipArms - 1)) !== 0
}
