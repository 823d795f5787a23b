/**
 * The connection table. A conn is two tuples, and the rewrite of each direction is the mirror of the other's tuple
 * (Click's idea), so there is no separate code for in and out. conn-layout.ts draws the record.
 *
 * A tuple id t = conn << 1 | dir names one direction of one conn, and the other direction is t ^ 1. The hash index
 * stores tuple ids, chained through the next cells: one probe finds the conn and the direction.
 *
 * Life-cycle: take (nobody's yet) ... open (committed, hashed twice) ... close (no connection any more, unhashed, free). The
 * records are the only truth: index, free list and counts are made of them by adopt(). Nothing else may keep a conn
 * number across packets.
 */

import type { AddressBook } from './address-book.ts'
import { AHEAD, ConnIndex } from './conn-index.ts'
import {
  CELL,
  COLD,
  COLUMN_BYTES,
  COLUMN_CELLS,
  CONN_BYTES,
  CONN_CELLS,
  LAYOUT,
  type Layout,
  openedWith,
  PROTOCOL_BITS,
  RECORD,
  STATE_MASK,
  TUPLE,
} from './conn-layout.ts'

export const NO_CONN = -1

/** Records up to the highest one ever taken: behind it every table is alike. */
export interface TableImage {
  cells: Int32Array
  cold: Int32Array
  /** Empty in a table without. */
  wide: Int32Array
  syn: Int32Array
  free: number
  used: number
}

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, BINDING } = CELL
const { NEXT } = TUPLE
const { LIP } = COLD
const { at: recordAt, column: columnAt, jitter, dest: destOf, clientArm: armOf } = RECORD
const STATE_BITS = STATE_MASK
const PROTOCOL = PROTOCOL_BITS

/** 2^n >= count. */
function powerOfTwo(count: number): number {
  return 1 << (32 - Math.clz32(count - 1))
}

export class ConnTable {
  /** All records. */
  readonly cells: Int32Array
  readonly cold: Int32Array
  /** Empty if the layout has none. */
  readonly wide: Int32Array
  readonly syn: Int32Array
  /** What words of IPv6 stand for, for who copies records; null where nobody has said. */
  book: AddressBook | null = null
  readonly capacity: number
  readonly index: ConnIndex
  /** The first of those that have come back; the others lie from #top on. */
  #free = NO_CONN
  #used = 0
  /** Keeps the compiler from leaving out loads whose values nobody uses. */
  #sink = 0
  /** Behind the last record ever taken. */
  #top = 0

  /** Capacity is rounded up to a power of two. */
  static capacityFor(conns: number): number {
    return powerOfTwo(Math.max(conns, 16))
  }

  static bytesFor(capacity: number, { wide }: Layout = LAYOUT.IPV4): number {
    return capacity * (CONN_BYTES + COLUMN_BYTES * (wide ? 3 : 2))
  }

  /**
   * `memory` from `offset` needs bytesFor(capacity) bytes, all zero or to be adopted; the index, which is made of them, is in memory of
   * its own, and `seed` keys its hash against chosen collisions.
   */
  constructor(
    memory: ArrayBufferLike,
    offset: number,
    capacity: number,
    seed: number,
    { wide }: Layout = LAYOUT.IPV4,
  ) {
    this.capacity = capacity
    const cold = offset + capacity * CONN_BYTES
    const behind = cold + capacity * COLUMN_BYTES
    const wides = wide ? capacity : 0
    this.cells = new Int32Array(memory, offset, capacity * CONN_CELLS)
    this.cold = new Int32Array(memory, cold, capacity * COLUMN_CELLS)
    this.wide = new Int32Array(memory, behind, wides * COLUMN_CELLS)
    const syn = behind + wides * COLUMN_BYTES
    this.syn = new Int32Array(memory, syn, capacity * COLUMN_CELLS)
    this.index = new ConnIndex(capacity, seed, this)
  }

  get used(): number {
    return this.#used
  }

  /** Behind the last record ever taken: conns in use lie below. */
  get top(): number {
    return this.#top
  }

  save(): TableImage {
    const column = columnAt(this.#top)
    return {
      cells: this.cells.slice(0, recordAt(this.#top)),
      cold: this.cold.slice(0, column),
      wide: this.wide.slice(0, column),
      syn: this.syn.slice(0, column),
      free: this.#free,
      used: this.#used,
    }
  }

  /**
   * Into a new table of the same capacity, whose index has a seed of its own. Throws RangeError if records are both in use and
   * free, or neither.
   */
  restore({ cells, cold, wide, syn, free, used }: TableImage): void {
    this.cells.set(cells)
    this.cold.set(cold)
    this.wide.set(wide)
    this.syn.set(syn)
    this.#top = RECORD.conn(cells.length)
    this.#free = free
    this.#used = used
    let count = 0
    for (let conn = 0; conn < this.#top; conn++) {
      if (!this.inUse(conn)) continue
      this.index.enter(conn)
      count++
    }
    if (count !== used || used + this.#countFree() !== this.#top)
      throw new RangeError('records that are neither in use nor free')
  }

  /** => Records in the free list. Throws RangeError if it is none: round, or with records that are in use. */
  #countFree(): number {
    let count = 0
    for (let conn = this.#free; conn !== NO_CONN; conn = this.cells[recordAt(conn) | NEXT]) {
      if (!(conn >= 0 && conn < this.#top) || this.inUse(conn) || ++count > this.#top)
        throw new RangeError('a free list that is none')
    }
    return count
  }

  /**
   * Takes over the records that lie in the memory, whatever else was known of them. Those that `accepts` refuses, and those that have a
   * tuple of another, are cleared. From `end` on no record was ever in use. => how many those were
   */
  adopt(accepts: (conn: number) => boolean, end = this.capacity): number {
    let cleared = 0
    if (!this.index.isEmpty) this.index.clear()
    this.#used = 0
    this.#top = 0
    this.#free = NO_CONN
    for (let conn = 0; conn < end; conn++) {
      if (conn % AHEAD === 0) this.#sink ^= this.index.lookAhead(conn, Math.min(conn + AHEAD, end))
      if (!this.inUse(conn)) continue
      if (!this.index.isTaken(conn) && accepts(conn)) {
        this.index.enterAhead(conn)
        this.#used++
        this.#top = conn + 1
      } else {
        this.cells[recordAt(conn) | BINDING] = 0
        cleared++
      }
    }
    const free = this.#top - this.#used
    for (let conn = this.#top - 1; free > 0 && conn >= 0; conn--)
      if (!this.inUse(conn)) this.#enlist(conn)
    return cleared
  }

  /** Some of the records below `end` may be an earlier engine's, and are whose they were until adopt(). */
  holdUpTo(end: number): void {
    this.#top = end
  }

  /** The same as the index's, whose findWide() is for IPv6. */
  find(key: number, saddr: number, daddr: number, ports: number): number {
    return this.index.find(key, saddr, daddr, ports)
  }

  /** => A record for the caller to fill and hand to open(), or to giveBack(); NO_CONN when the table is full. */
  take(): number {
    let conn = this.#free
    if (conn !== NO_CONN) this.#free = this.cells[recordAt(conn) | NEXT]
    else if (this.#top === this.capacity) return NO_CONN
    else conn = this.#top++
    this.#used++
    return conn
  }

  /** A record in which all but its binding stands becomes a connection, which is found from now on. */
  open(conn: number, binding: number): void {
    this.cells[recordAt(conn) | BINDING] = binding
    this.index.enter(conn)
  }

  /** Ends a connection and frees its record. */
  close(conn: number): void {
    const at = recordAt(conn) | BINDING
    const binding = this.cells[at]
    this.cells[at] = 0
    this.index.leave(conn, binding)
    this.giveBack(conn)
  }

  /** Frees a record that was not opened. */
  giveBack(conn: number): void {
    this.#enlist(conn)
    this.#used--
  }

  state(conn: number): number {
    return this.cells[recordAt(conn) | WORD] & STATE_BITS
  }

  setState(conn: number, state: number): void {
    const at = recordAt(conn) | WORD
    this.cells[at] = (this.cells[at] & ~STATE_BITS) | state
  }

  jitter(conn: number): number {
    return jitter(this.cells[recordAt(conn) | WORD])
  }

  /** One of METHOD. */
  method(conn: number): number {
    return RECORD.method(this.cells[recordAt(conn) | BINDING])
  }

  dest(conn: number): number {
    return destOf(this.cells[recordAt(conn) | BINDING])
  }

  /** One of KEY, without the family. */
  protocol(conn: number): number {
    return this.cells[recordAt(conn) | BINDING] & PROTOCOL
  }

  clientArm(conn: number): number {
    return armOf(this.cells[recordAt(conn) | BINDING])
  }

  lip(conn: number): number {
    return RECORD.lip(this.cold[columnAt(conn) | LIP])
  }

  /** The record that is being opened gets its LIP, and with it a generation of its own. */
  setLip(conn: number, lip: number): void {
    const at = columnAt(conn) | LIP
    this.cold[at] = openedWith(lip, this.cold[at])
  }

  /** Entries of both directions in the index: 2 * used, or the table is broken. For tests. */
  countLinked(): number {
    return this.index.count()
  }

  /** The first conn in use at or after `from`, or -1: how listings walk the table in bounded steps. */
  nextUsed(from: number, limit: number): number {
    const end = Math.min(limit, this.capacity)
    for (let conn = from; conn < end; conn++) if (this.inUse(conn)) return conn
    return -1
  }

  inUse(conn: number): boolean {
    return RECORD.inUse(this.cells[recordAt(conn) | BINDING])
  }

  #enlist(conn: number): void {
    this.cells[recordAt(conn) | NEXT] = this.#free
    this.#free = conn
  }
}
