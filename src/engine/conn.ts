/**
 * The connection table. A conn is two tuples, and the rewrite of each direction is the mirror of the other's tuple
 * (Click's idea), so there is no separate code for in and out. conn-layout.ts draws the record.
 *
 * A tuple id t = conn << 1 | dir names one direction of one conn, and the other direction is t ^ 1. The hash index
 * stores tuple ids, chained through the next cells: one probe finds
 * the conn and the direction. Life-cycle: open (hashed twice, filed in the wheel) ... close (unhashed, unfiled, the IN
 * tuple's next cell links the free records). Nothing else may keep a conn number across packets.
 */

import { CELL, CONN_BYTES, CONN_CELLS, FREE, RECORD, STATE_MASK, TUPLE } from './conn-layout.ts'

export const NO_CONN = -1

/** Records up to the highest one ever taken: behind it every table is alike. */
export interface TableImage {
  cells: Int32Array
  isns: Int32Array
  free: number
  used: number
}

/**
 * Index heads per conn, for its two tuples. With two, four of ten lookups in a full table go past a stranger's record, a
 * cache miss and a mispredicted branch; with four it is two of ten, for 8 bytes more.
 */
const HEADS = 4

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { WORD, BINDING, MAC_LO } = CELL
const { SADDR, DADDR, PORTS, NEXT } = TUPLE
const {
  at: recordAt,
  tuple: tupleCell,
  jitter,
  dest: destOf,
  clientArm: armOf,
  lip: lipOf,
} = RECORD
const STATE_BITS = STATE_MASK
const IS_FREE = FREE

/** 2^n >= count. */
function powerOfTwo(count: number): number {
  return 1 << (32 - Math.clz32(count - 1))
}

export class ConnTable {
  /** All records. */
  readonly cells: Int32Array
  /** By conn: the sequence number of the client's SYN. */
  readonly isns: Int32Array
  readonly capacity: number
  readonly #heads: Int32Array
  readonly #mask: number
  readonly #seed: number
  #free: number
  #used = 0
  /** Behind the last record ever taken. */
  #top = 0

  /** Capacity is rounded up to a power of two. */
  static capacityFor(conns: number): number {
    return powerOfTwo(Math.max(conns, 16))
  }

  static bytesFor(capacity: number): number {
    return capacity * (CONN_BYTES + HEADS * 4 + 4)
  }

  /** `memory` from `offset` needs bytesFor(capacity) bytes; `seed` keys the hash against chosen collisions. */
  constructor(memory: ArrayBufferLike, offset: number, capacity: number, seed: number) {
    this.capacity = capacity
    this.cells = new Int32Array(memory, offset, capacity * CONN_CELLS)
    this.#heads = new Int32Array(memory, offset + capacity * CONN_BYTES, capacity * HEADS).fill(-1)
    this.isns = new Int32Array(memory, offset + capacity * (CONN_BYTES + HEADS * 4), capacity)
    this.#mask = capacity * HEADS - 1
    this.#seed = seed | 0
    for (let conn = 0; conn < capacity; conn++) {
      this.cells[recordAt(conn) | NEXT] = conn + 1 < capacity ? conn + 1 : NO_CONN
      this.cells[recordAt(conn) | BINDING] = IS_FREE
    }
    this.#free = 0
  }

  get used(): number {
    return this.#used
  }

  /** Behind the last record ever taken: conns in use lie below. */
  get top(): number {
    return this.#top
  }

  save(): TableImage {
    const cells = this.cells.slice(0, recordAt(this.#top))
    const isns = this.isns.slice(0, this.#top)
    return { cells, isns, free: this.#free, used: this.#used }
  }

  /** Into a new table of the same capacity, whose index has a seed of its own. */
  restore({ cells, isns, free, used }: TableImage): void {
    this.cells.set(cells)
    this.isns.set(isns)
    this.#top = RECORD.conn(cells.length)
    this.#free = free
    this.#used = used
    for (let conn = 0; conn < this.#top; conn++) if (this.inUse(conn)) this.link(conn)
  }

  /** Tuple id that a packet with these header fields belongs to, or -1. `ports` is source << 16 | destination. */
  find(saddr: number, daddr: number, ports: number): number {
    const cells = this.cells
    let t = this.#heads[this.#hash(saddr, daddr, ports)]
    while (t >= 0) {
      const at = tupleCell(t)
      if (
        cells[at | PORTS] === ports &&
        cells[at | SADDR] === saddr &&
        cells[at | DADDR] === daddr
      ) {
        return t
      }
      t = cells[at | NEXT]
    }
    return -1
  }

  /** The first tuple id that find() looks at, or -1. */
  entry(saddr: number, daddr: number, ports: number): number {
    return this.#heads[this.#hash(saddr, daddr, ports)]
  }

  /** Reads from the record of an entry, or from any for -1. => Nothing of meaning */
  touch(entry: number): number {
    const at = recordAt((entry >> 1) & (this.capacity - 1))
    return this.cells[at] ^ this.cells[at | MAC_LO]
  }

  /** => A record that is in no index yet, for the caller to fill and hand to link(); NO_CONN when the table is full. */
  take(): number {
    const conn = this.#free
    if (conn === NO_CONN) return NO_CONN
    this.#free = this.cells[recordAt(conn) | NEXT]
    this.#used++
    if (conn >= this.#top) this.#top = conn + 1
    return conn
  }

  /** Enters both tuples of a filled record in the index. */
  link(conn: number): void {
    this.#enter(conn << 1)
    this.#enter((conn << 1) | 1)
  }

  /** Takes both tuples out of the index and frees the record. */
  close(conn: number): void {
    this.#leave(conn << 1)
    this.#leave((conn << 1) | 1)
    this.giveBack(conn)
  }

  /** Frees a record that was never linked. */
  giveBack(conn: number): void {
    this.cells[recordAt(conn) | NEXT] = this.#free
    this.cells[recordAt(conn) | BINDING] = IS_FREE
    this.#free = conn
    this.#used--
  }

  state(conn: number): number {
    return this.cells[recordAt(conn) | WORD] & STATE_BITS
  }

  setState(conn: number, state: number): void {
    const at = recordAt(conn) | WORD
    this.cells[at] = (this.cells[at] & ~STATE_BITS) | state
  }

  /** ms in 0..999 drawn when the conn was opened: the fraction that stays in all its timeouts. */
  jitter(conn: number): number {
    return jitter(this.cells[recordAt(conn) | WORD])
  }

  dest(conn: number): number {
    return destOf(this.cells[recordAt(conn) | BINDING])
  }

  clientArm(conn: number): number {
    return armOf(this.cells[recordAt(conn) | BINDING])
  }

  lip(conn: number): number {
    return lipOf(this.cells[recordAt(conn) | BINDING])
  }

  /** Number of entries of both directions in the index: 2 * used, or the table is broken. For tests. */
  countLinked(): number {
    let count = 0
    for (let t of this.#heads) {
      for (; t >= 0; t = this.cells[tupleCell(t) | NEXT]) count++
    }
    return count
  }

  /** The first conn in use at or after `from`, or -1: how listings walk the table in bounded steps. */
  nextUsed(from: number, limit: number): number {
    const end = Math.min(limit, this.capacity)
    for (let conn = from; conn < end; conn++) if (this.inUse(conn)) return conn
    return -1
  }

  inUse(conn: number): boolean {
    return this.cells[recordAt(conn) | BINDING] !== IS_FREE
  }

  #enter(t: number): void {
    const at = tupleCell(t)
    const cells = this.cells
    const head = this.#hash(cells[at | SADDR], cells[at | DADDR], cells[at | PORTS])
    cells[at | NEXT] = this.#heads[head]
    this.#heads[head] = t
  }

  #leave(t: number): void {
    const at = tupleCell(t)
    const cells = this.cells
    const head = this.#hash(cells[at | SADDR], cells[at | DADDR], cells[at | PORTS])
    let other = this.#heads[head]
    if (other === t) {
      this.#heads[head] = cells[at | NEXT]
      return
    }
    for (;;) {
      const link = tupleCell(other) | NEXT
      other = cells[link]
      if (other === t) {
        cells[link] = cells[at | NEXT]
        return
      }
    }
  }

  /**
   * Murmur3's steps, address and ports side by side and then together, so that the multiplications overlap; the seed goes
   * in first, so that a client cannot aim at one bucket.
   */
  #hash(saddr: number, daddr: number, ports: number): number {
    const a = Math.imul(saddr ^ this.#seed, 0xcc9e2d51)
    const b = Math.imul(ports ^ this.#seed, 0x1b873593)
    const h = Math.imul((a ^ (a >>> 15)) + (b ^ (b >>> 13)) + daddr, 0x85ebca6b)
    return (h ^ (h >>> 16)) & this.#mask
  }
}
