/**
 * Connections whose other end has not been heard: SYN_RECV of TCP, ONEWAY of UDP. Each costs an lport and a record, and anybody can
 * open as many as he has addresses to pretend. So they stand in the order in which they were opened, a list for each LIP and sub-pool
 * of lports, and when these run short the oldest one makes room: an honest one is answered within a round trip.
 *
 * Of UDP it does so only when its client has long said nothing: an answer that is under way would go to whoever has its lport next, and
 * there are no numbers by which that one could tell that it is not his.
 *
 * The lists are made anew of the records (adopt.ts); 8 bytes a conn.
 */

import type { ConnTable } from './conn.ts'
import { CELL, COLD, KEY, NO_LIP, RECORD } from './conn-layout.ts'
import type { Parts } from './parts.ts'
import { SUB_POOLS, subPoolOf } from './sa-pool.ts'
import { DestCell, type Lips } from './service.ts'
import { State } from './tcp-state.ts'
import { UdpState } from './udp-state.ts'

/** Of a list: its first and last conn, plus one; 0 is none. */
const FIRST = 0
const LAST = 1
/** Of a conn: those behind and before it in its list, plus one; END where there is none, 0 in no list. */
const BEHIND = 0
const BEFORE = 1
const END = -1

/** ms for which an answer to a datagram may be under way. */
const UNDER_WAY_MS = 2000
/** Heads of a list that are looked at for one that makes room; those that do not go behind the others. */
const HEADS = 4
/** LIPs whose lists are looked at for the oldest of all, the next ones the next time. */
const LOOKS = 4

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { RIP, RS_PORTS, WORD, BINDING, DEADLINE } = CELL
const { at: recordAt, column: columnAt, dest: destOf, jitter: jitterOf } = RECORD
const { ESTABLISHED_MS } = DestCell
const { ONEWAY } = UdpState

export class HalfOpen {
  readonly #table: ConnTable
  readonly #lips: Lips
  readonly #destCells: Int32Array
  /** ms by state of UDP, which others set. */
  readonly #udpTimeoutMs: Int32Array
  readonly #links: Int32Array
  /** As that of a LIP, of those that have none. */
  readonly #without = new Int32Array(SUB_POOLS * 2)
  /** Place of the LIP that oldest() has begun with. */
  #turn = 0
  /** A link may be other than 0. */
  #isUsed = false
  count = 0

  constructor({ table, lips, dests }: Parts, udpTimeoutMs: Int32Array) {
    this.#table = table
    this.#lips = lips
    this.#destCells = dests.cells
    this.#udpTimeoutMs = udpTimeoutMs
    this.#links = new Int32Array(table.capacity * 2)
  }

  /** The conn waits from now on. */
  append(conn: number): void {
    const links = this.#links
    if (links[conn << 1] !== 0) return
    this.#isUsed = true
    const list = this.#listOf(this.#table.lip(conn))
    const at = this.#subOf(conn) << 1
    const last = list[at | LAST]
    links[(conn << 1) | BEHIND] = END
    links[(conn << 1) | BEFORE] = last === 0 ? END : last
    if (last === 0) list[at | FIRST] = conn + 1
    else links[((last - 1) << 1) | BEHIND] = conn + 1
    list[at | LAST] = conn + 1
    this.count++
  }

  /** It does no longer, if it did; its record still says where it is bound to. */
  remove(conn: number): void {
    const links = this.#links
    const behind = links[(conn << 1) | BEHIND]
    if (behind === 0) return
    const before = links[(conn << 1) | BEFORE]
    const list = this.#listOf(this.#table.lip(conn))
    const at = this.#subOf(conn) << 1
    if (before === END) list[at | FIRST] = behind === END ? 0 : behind
    else links[((before - 1) << 1) | BEHIND] = behind
    if (behind === END) list[at | LAST] = before === END ? 0 : before
    else links[((behind - 1) << 1) | BEFORE] = before
    links[(conn << 1) | BEHIND] = 0
    this.count--
  }

  /** => The oldest one that has an lport of this LIP and sub-pool, and may go, or -1. */
  oldestOf(place: number, sub: number, now: number): number {
    const waiting = this.#listOf(place)
    for (let heads = HEADS; heads > 0; heads--) {
      const conn = waiting[sub << 1] - 1
      if (conn < 0 || !this.#isUnderWay(conn, now)) return conn
      this.remove(conn)
      this.append(conn)
    }
    return -1
  }

  /** The same of the LIP and sub-pool that a conn has an lport of. */
  oldestBeside(conn: number, now: number): number {
    return this.oldestOf(this.#table.lip(conn), this.#subOf(conn), now)
  }

  /** A datagram has opened the conn, or used it, so lately that it may still be answered. */
  #isUnderWay(conn: number, now: number): boolean {
    if (this.#table.protocol(conn) === KEY.TCP) return false
    const { cells } = this.#table
    const at = recordAt(conn)
    const own = this.#destCells[(destOf(cells[at | BINDING]) << 4) | ESTABLISHED_MS]
    const timeout = own === 0 ? this.#udpTimeoutMs[ONEWAY] : own
    const quiet = (now + timeout + jitterOf(cells[at | WORD]) - cells[at | DEADLINE]) | 0
    // Behind a change of the timeouts it can be anything, and is not waited for.
    return quiet >= 0 && quiet < UNDER_WAY_MS
  }

  /** => The oldest one of all, where there are some LIPs; of many LIPs the oldest of a few. -1: none was found */
  oldest(now: number): number {
    let oldest = -1
    const { length } = this.#lips
    for (let i = Math.min(LOOKS, length); i > 0; i--) {
      this.#turn = (this.#turn + 1) % length
      if (this.#lips[this.#turn] === undefined) continue
      for (let sub = 0; sub < SUB_POOLS; sub++)
        oldest = this.#older(oldest, this.oldestOf(this.#turn, sub, now), now)
    }
    for (let sub = 0; sub < SUB_POOLS; sub++)
      oldest = this.#older(oldest, this.oldestOf(NO_LIP, sub, now), now)
    return oldest
  }

  /** => The oldest one in those sub-pools of the LIPs in `places` that have no lport left, or -1. */
  oldestOfExhausted(places: readonly number[], now: number): number {
    let oldest = -1
    for (const place of places) {
      const { exhausted } = this.#lips[place]
      for (let sub = 0; sub < SUB_POOLS; sub++)
        if ((exhausted >> sub) & 1)
          oldest = this.#older(oldest, this.oldestOf(place, sub, now), now)
    }
    return oldest
  }

  /** Of two conns, or -1. */
  #older(a: number, b: number, now: number): number {
    if (a < 0 || b < 0) return Math.max(a, b)
    return this.#age(b, now) > this.#age(a, now) ? b : a
  }

  #age(conn: number, now: number): number {
    return (now - this.#table.cold[columnAt(conn) | COLD.OPENED]) | 0
  }

  /** All of them, each list from its oldest on. */
  save(): Int32Array {
    const all = new Int32Array(this.count)
    let count = 0
    for (const list of [...this.#lips.map(pool => pool?.waiting), this.#without]) {
      if (list === undefined) continue
      for (let sub = 0; sub < SUB_POOLS; sub++) {
        for (let next = list[sub << 1]; next > 0; next = this.#links[(next - 1) << 1])
          all[count++] = next - 1
      }
    }
    return all
  }

  /** Nobody waits. */
  clear(): void {
    // Those of one that is new are: some MiB that nobody has touched.
    if (this.#isUsed) this.#links.fill(0)
    this.#isUsed = false
    this.count = 0
    for (const pool of this.#lips) pool?.waiting.fill(0)
    this.#without.fill(0)
  }

  /** Into one that has none: in this order, each list from its oldest on. Throws RangeError for one that does not wait, or twice. */
  restore(all: ArrayLike<number>): void {
    for (let i = 0; i < all.length; i++) {
      const conn = all[i]
      const waits = conn >= 0 && conn < this.#table.top && this.#table.inUse(conn)
      if (!waits || !this.waits(conn)) throw new RangeError('a connection that does not wait')
      this.append(conn)
    }
    if (this.count !== all.length) throw new RangeError('connections that wait twice')
  }

  /** The same in the order of their age. */
  adopt(conns: number[], now: number): void {
    this.restore(conns.sort((a, b) => this.#age(b, now) - this.#age(a, now)))
  }

  /** What its record says. */
  waits(conn: number): boolean {
    const state = this.#table.state(conn)
    return this.#table.protocol(conn) !== KEY.TCP
      ? state === UdpState.ONEWAY
      : state === State.SYN_RECV
  }

  #listOf(place: number): Int32Array {
    return place === NO_LIP ? this.#without : this.#lips[place].waiting
  }

  #subOf(conn: number): number {
    const { cells } = this.#table
    const at = recordAt(conn)
    return subPoolOf(cells[at | RIP], cells[at | RS_PORTS] >>> 16)
  }
}
