/**
 * The lports of one LIP. As in DPVS there are 16 sub-pools, each with *all* lports of this worker; a connection to
 * RIP:rport uses exactly one of them. So one LIP:lport may be in use towards up to 16 RSs at a time (the conn's key
 * holds RIP:rport too), and one RS can use about 64 thousand lports of a LIP.
 *
 * Every sub-pool is a ring, first in, first out: a port that comes back rests as long as the pool allows before
 * it meets the RS again. With each port rests the sequence number that its last connection had come to, because
 * an RS that holds that connection in TIME_WAIT takes a new SYN only ahead of it (RFC 6191), and a fast upload outruns
 * the clock that ISNs follow. 64,511 ports * 16 * 6 bytes are 6 MiB per LIP.
 */

import { Family } from './family.ts'
import { LportMarks, MARK } from './lport-marks.ts'

export const LPORT_FIRST = 1025
export const LPORT_LAST = 65_535
export const SUB_POOLS = 16
/** As a mask. */
export const ALL_SUB_POOLS = (1 << SUB_POOLS) - 1
export const NO_LPORT = -1

/** What is counted of a LIP, LIP_CELLS int32 each. */
export const LipCell = { FREE: 0, MISSES: 1, ALL: 2 } as const
export const LIP_CELLS = 4
const { FREE, MISSES, ALL } = LipCell

/** Which lports are this worker's: those with (port & mask) === residue (DPVS: sa_pool of n workers). */
export interface Partition {
  mask: number
  residue: number
}

/** The first lport of the partition; the others follow in steps of its mask and 1. */
function firstOf({ mask, residue }: Partition): number {
  return LPORT_FIRST + ((residue - LPORT_FIRST) & mask)
}

/** How many lports the partition owns. */
export function lportsOf(partition: Partition): number {
  return Math.floor((LPORT_LAST - firstOf(partition)) / (partition.mask + 1)) + 1
}

let ofPartition: Partition | undefined
let inOrder = new Uint16Array(0)

/** All of a partition, as a new sub-pool hands them out. A thread has one partition. */
function ascending(partition: Partition): Uint16Array {
  const { mask, residue } = partition
  if (ofPartition?.mask === mask && ofPartition.residue === residue) return inOrder
  ofPartition = partition
  inOrder = new Uint16Array(lportsOf(partition))
  let lport = firstOf(partition)
  for (let at = 0; at < inOrder.length; at++, lport += mask + 1) inOrder[at] = lport
  return inOrder
}

/** Sub-pool of an RS: (low 16 bits of RIP + rport) mod 16. */
export function subPoolOf(rip: number, rport: number): number {
  return ((rip & 0xffff) + rport) % SUB_POOLS
}

/** Of each sub-pool the lports that were ever handed out: the others lie where they lie in a new one. */
export interface PoolImage {
  lip: number
  family: number
  head: Int32Array
  free: Int32Array
  ports: Uint16Array[]
  lastSeq: Int32Array[]
  misses: number
}

export class SaPool {
  /** A word (family.ts), and its family. */
  readonly lip: number
  readonly family: number
  readonly #ports: Uint16Array
  /** Per sub-pool and port, in ascending order of ports; 0 for a port that has had no connection yet. */
  readonly #lastSeq: Int32Array
  /** lports of a sub-pool. */
  readonly size: number
  /** Of each sub-pool the half-open connections that have its lports (half-open.ts). */
  readonly waiting = new Int32Array(SUB_POOLS * 2)
  readonly #partition: Partition
  readonly #head = new Int32Array(SUB_POOLS)
  readonly #free = new Int32Array(SUB_POOLS)
  /** Places of the ring that have been handed out at least once, from the first one on. */
  readonly #touched = new Int32Array(SUB_POOLS)
  readonly #counts: Int32Array
  readonly #at: number
  #exhausted = 0

  static bytesFor(partition: Partition): number {
    return lportsOf(partition) * SUB_POOLS * 6
  }

  /**
   * `memory` needs bytesFor(partition) bytes, all zero, or of an earlier pool of the same partition: then the sequence numbers that
   * its lports have come to stay. Free lports and misses are counted in LIP_CELLS cells of `counts`
   * from `at` on (LipCell), where others may read them.
   */
  constructor(
    memory: ArrayBufferLike,
    lip: number,
    partition: Partition,
    counts: Int32Array = new Int32Array(LIP_CELLS),
    at = 0,
    family: number = Family.IPV4,
  ) {
    this.lip = lip
    this.family = family
    this.#counts = counts
    this.#at = at
    this.size = lportsOf(partition)
    this.#partition = partition
    const cells = this.size * SUB_POOLS
    this.#lastSeq = new Int32Array(memory, 0, cells)
    this.#ports = new Uint16Array(memory, cells * 4, cells)
    for (let sub = 0; sub < SUB_POOLS; sub++) this.#ports.set(ascending(partition), sub * this.size)
    this.#free.fill(this.size)
    counts[at + FREE] = cells
    counts[at + MISSES] = 0
    counts[at + ALL] = cells
  }

  /** => The longest-rested lport towards this RS, to be released exactly once; NO_LPORT (and a miss) if none is free. */
  fetch(rip: number, rport: number): number {
    const sub = subPoolOf(rip, rport)
    if (this.#free[sub] === 0) {
      this.#counts[this.#at + MISSES]++
      return NO_LPORT
    }
    if (--this.#free[sub] === 0) this.#exhausted |= 1 << sub
    this.#counts[this.#at + FREE]--
    const head = this.#head[sub]
    if (head >= this.#touched[sub]) this.#touched[sub] = head + 1
    const port = this.#ports[sub * this.size + head]
    this.#head[sub] = (head + 1) % this.size
    return port
  }

  /** A mask of the sub-pools that have no lport left. */
  get exhausted(): number {
    return this.#exhausted
  }

  /** lports that are free towards this RS. */
  freeTowards(rip: number, rport: number): number {
    return this.#free[subPoolOf(rip, rport)]
  }

  /** Less than an eighth of them is free. */
  isShort(rip: number, rport: number): boolean {
    return this.#free[subPoolOf(rip, rport)] < this.size >> 3
  }

  /** Sequence number that the lport's last connection of this sub-pool had come to, or 0 if it has had none. */
  lastSeq(rip: number, rport: number, lport: number): number {
    return this.#lastSeq[this.#place(subPoolOf(rip, rport), lport)]
  }

  /** Gives an lport back; RIP:rport must be the ones it was fetched for, `seq` is what the RS expects next. */
  release(rip: number, rport: number, lport: number, seq: number): void {
    const sub = subPoolOf(rip, rport)
    this.#lastSeq[this.#place(sub, lport)] = seq
    this.#ports[sub * this.size + ((this.#head[sub] + this.#free[sub]) % this.size)] = lport
    this.#free[sub]++
    this.#exhausted &= ~(1 << sub)
    this.#counts[this.#at + FREE]++
  }

  /** Undoes the last release() of this sub-pool, which must have been this RS's. */
  takeBack(rip: number, rport: number): void {
    const sub = subPoolOf(rip, rport)
    if (--this.#free[sub] === 0) this.#exhausted |= 1 << sub
    this.#counts[this.#at + FREE]--
  }

  /** For connections that there were before the pool. */
  marks(): LportMarks {
    return new LportMarks(this.size, SUB_POOLS)
  }

  /** Of an lport of a connection towards RIP:rport. => false, and nothing marked, if it is another worker's, or has that mark or a greater one */
  mark(marks: LportMarks, rip: number, rport: number, lport: number, mark: number): boolean {
    const { mask, residue } = this.#partition
    if (lport < LPORT_FIRST || (lport & mask) !== residue) return false
    const sub = subPoolOf(rip, rport)
    return marks.put(sub, this.#place(sub, lport), mark)
  }

  /** The lports that are marked as in use are, and no others, whatever was known of them. */
  adopt(marks: LportMarks): void {
    let free = 0
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      if (marks.ends[sub] > 0 || this.#touched[sub] > 0) this.#adopt(sub, marks)
      free += this.#free[sub]
    }
    this.#counts[this.#at + FREE] = free
  }

  /** lports are handed out in ascending order, so those behind the last mark have rested longest. */
  #adopt(sub: number, marks: LportMarks): void {
    const size = this.size
    const first = sub * size
    const ring = this.#ports.subarray(first, first + size)
    const all = ascending(this.#partition)
    const end = marks.ends[sub]
    let next = 0
    const put = (mark: number): void => {
      for (let at = 0; at < end; at++) if (marks.cells[first + at] === mark) ring[next++] = all[at]
    }
    put(MARK.IN_USE)
    const used = next
    ring.set(all.subarray(end), used)
    next += size - end
    put(MARK.NONE)
    put(MARK.LAST)
    this.#head[sub] = used % size
    this.#free[sub] = size - used
    if (end > 0) this.#touched[sub] = size
    if (used === size) this.#exhausted |= 1 << sub
    else this.#exhausted &= ~(1 << sub)
  }

  save(): PoolImage {
    const of = <T extends Int32Array | Uint16Array>(cells: T): T[] =>
      Array.from(this.#touched, (touched, sub) => {
        const first = sub * this.size
        return cells.slice(first, first + touched) as T
      })
    return {
      lip: this.lip,
      family: this.family,
      head: this.#head.slice(),
      free: this.#free.slice(),
      ports: of(this.#ports),
      // Ports were handed out in ascending order at first, so these are the same ones.
      lastSeq: of(this.#lastSeq),
      misses: this.misses,
    }
  }

  /** Into a new pool of the same partition. */
  restore({ head, free, ports, lastSeq, misses }: PoolImage): void {
    this.#head.set(head)
    this.#free.set(free)
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      if (free[sub] === 0) this.#exhausted |= 1 << sub
      this.#touched[sub] = ports[sub].length
      this.#ports.set(ports[sub], sub * this.size)
      this.#lastSeq.set(lastSeq[sub], sub * this.size)
    }
    this.#counts[this.#at + FREE] = free.reduce((sum, count) => sum + count, 0)
    this.#counts[this.#at + MISSES] = misses
  }

  /** Cell of an lport in #lastSeq: its rank among the ports of the partition. */
  #place(sub: number, lport: number): number {
    const { mask, residue } = this.#partition
    const bits = 32 - Math.clz32(mask)
    const first = (LPORT_FIRST - residue + mask) >> bits
    return sub * this.size + ((lport - residue) >> bits) - first
  }

  /** lports in use, over all sub-pools: `sa_used`. */
  get used(): number {
    return this.size * SUB_POOLS - this.free
  }

  /** `sa_free`. */
  get free(): number {
    return this.#counts[this.#at + FREE]
  }

  /** Fetches that found their sub-pool empty: `sa_miss`. */
  get misses(): number {
    return this.#counts[this.#at + MISSES]
  }
}
