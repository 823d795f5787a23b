/**
 * The connection table. A conn is two tuples, and the rewrite of each direction is the mirror of the other's tuple
 * (Click's idea), so there is no separate code for in and out.
 *
 * One record per cache line, 16 int32 cells (64 bytes):
 *
 *    0 CIP      1 VIP      2 cport:vport   3 next       the IN tuple, as packets from the client carry it
 *    4 RIP      5 LIP      6 rport:lport   7 next       the OUT tuple, as packets from the RS carry it
 *    8 delta    9 word    10 dest:arm:lip 11 deadline
 *   12 rsIsn1  13 rstSeq  14 rstAck       15 client MAC, last 32 bits
 *
 *   word   client MAC first 16 bits << 16 | jitter ms (10 bits) << 6 | UDP << 5 | RS seen << 4 | state (4 bits)
 *   cell 10  dest << 16 | client arm << 12 | LIP (12 bits)
 *
 * The client's first sequence number, which tells a SYN sent again from a new one, has a column of its own behind the index:
 * it is written and read for SYNs only.
 *
 * The time of opening, in ms, stands where nothing else is known yet: in rsIsn1 until the RS has been seen, and then in rstSeq
 * as long as the state is SYN_RECV.
 *
 * A tuple id t = conn << 1 | dir names one direction of one conn; its cells start at t's conn * 16 + dir * 4, and the
 * other direction is t ^ 1. The hash index stores tuple ids, chained through the next cells: one probe finds
 * the conn and the direction. Life-cycle: open (hashed twice, filed in the wheel) ... close (unhashed, unfiled, cell 3
 * links the free records). Nothing else may keep a conn number across packets.
 */

export const CELL = {
  SADDR: 0,
  DADDR: 1,
  PORTS: 2,
  NEXT: 3,
  DELTA: 8,
  WORD: 9,
  BINDING: 10,
  DEADLINE: 11,
  RS_ISN1: 12,
  RST_SEQ: 13,
  RST_ACK: 14,
  MAC_LO: 15,
} as const

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
const { SADDR, DADDR, PORTS, NEXT, WORD, BINDING, MAC_LO } = CELL

/** What fits into cell 10 beside the RS, and keeps FREE apart from every binding. */
export const ARMS_MAX = 15
export const LIPS_MAX = 4096

/** Cell 10 of a record on the free list. */
const FREE = -1

const STATE_BITS = 0xf
export const STATE_MASK = STATE_BITS
export const RS_SEEN = 0x10
const UDP_BIT = 0x20

/** 2^n >= count. */
function powerOfTwo(count: number): number {
  return 1 << (32 - Math.clz32(count - 1))
}

/** First cell of tuple t. */
function tupleCell(t: number): number {
  return ((t >> 1) << 4) | ((t & 1) << 2)
}

export class ConnTable {
  /** All records; conn c starts at cell c * 16. */
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
    return capacity * (64 + HEADS * 4 + 4)
  }

  /** `memory` from `offset` needs bytesFor(capacity) bytes; `seed` keys the hash against chosen collisions. */
  constructor(memory: ArrayBufferLike, offset: number, capacity: number, seed: number) {
    this.capacity = capacity
    this.cells = new Int32Array(memory, offset, capacity * 16)
    this.#heads = new Int32Array(memory, offset + capacity * 64, capacity * HEADS).fill(-1)
    this.isns = new Int32Array(memory, offset + capacity * (64 + HEADS * 4), capacity)
    this.#mask = capacity * HEADS - 1
    this.#seed = seed | 0
    for (let conn = 0; conn < capacity; conn++) {
      this.cells[(conn << 4) | NEXT] = conn + 1 < capacity ? conn + 1 : NO_CONN
      this.cells[(conn << 4) | BINDING] = FREE
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
    const cells = this.cells.slice(0, this.#top << 4)
    const isns = this.isns.slice(0, this.#top)
    return { cells, isns, free: this.#free, used: this.#used }
  }

  /** Into a new table of the same capacity, whose index has a seed of its own. */
  restore({ cells, isns, free, used }: TableImage): void {
    this.cells.set(cells)
    this.isns.set(isns)
    this.#top = cells.length >> 4
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
    const at = ((entry >> 1) & (this.capacity - 1)) << 4
    return this.cells[at] ^ this.cells[at | MAC_LO]
  }

  /** => A record that is in no index yet, for the caller to fill and hand to link(); NO_CONN when the table is full. */
  take(): number {
    const conn = this.#free
    if (conn === NO_CONN) return NO_CONN
    this.#free = this.cells[(conn << 4) | NEXT]
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
    this.cells[(conn << 4) | NEXT] = this.#free
    this.cells[(conn << 4) | BINDING] = FREE
    this.#free = conn
    this.#used--
  }

  state(conn: number): number {
    return this.cells[(conn << 4) | WORD] & STATE_BITS
  }

  setState(conn: number, state: number): void {
    const at = (conn << 4) | WORD
    this.cells[at] = (this.cells[at] & ~STATE_BITS) | state
  }

  /** ms in 0..999 drawn when the conn was opened: the fraction that stays in all its timeouts. */
  jitter(conn: number): number {
    return (this.cells[(conn << 4) | WORD] >>> 6) & 0x3ff
  }

  dest(conn: number): number {
    return this.cells[(conn << 4) | BINDING] >>> 16
  }

  clientArm(conn: number): number {
    return (this.cells[(conn << 4) | BINDING] >>> 12) & 0xf
  }

  lip(conn: number): number {
    return this.cells[(conn << 4) | BINDING] & 0xfff
  }

  /** Number of entries of both directions in the index: 2 * used, or the table is broken. For tests. */
  countLinked(): number {
    let count = 0
    for (let t of this.#heads) {
      for (; t >= 0; t = this.cells[tupleCell(t) + NEXT]) count++
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
    return this.cells[(conn << 4) | BINDING] !== FREE
  }

  #enter(t: number): void {
    const at = tupleCell(t)
    const cells = this.cells
    const head = this.#hash(cells[at], cells[at + 1], cells[at + 2])
    cells[at + NEXT] = this.#heads[head]
    this.#heads[head] = t
  }

  #leave(t: number): void {
    const at = tupleCell(t)
    const cells = this.cells
    const head = this.#hash(cells[at], cells[at + 1], cells[at + 2])
    let other = this.#heads[head]
    if (other === t) {
      this.#heads[head] = cells[at + NEXT]
      return
    }
    for (;;) {
      const link = tupleCell(other) + NEXT
      other = cells[link]
      if (other === t) {
        cells[link] = cells[at + NEXT]
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

/** Cell 9 of a new conn. */
export function firstWord(macHi: number, jitter: number, udp: boolean): number {
  return (macHi << 16) | (jitter << 6) | (udp ? UDP_BIT : 0)
}

/** Cell 10 of a new conn. */
export function binding(dest: number, arm: number, lip: number): number {
  return (dest << 16) | (arm << 12) | lip
}
