/** Where neighbours are kept: columns of typed arrays, an entry is an index; found by address and arm. What becomes of them is neigh.ts's. */

export const NO_NEIGH = -1
const BUCKETS = 256

/** The columns up to the highest entry ever used: behind it every table is alike. */
export interface NeighTableImage {
  columns: (Int32Array | Uint16Array | Uint8Array)[]
  heads: Int32Array
  free: number
  used: number
}

export class NeighTable {
  readonly address: Int32Array
  /** Arm of the entry, -1 when the entry is free. */
  readonly arm: Int32Array
  readonly state: Uint8Array
  readonly macHi: Uint16Array
  readonly macLo: Int32Array
  /** 1 for an entry that the operator has set: neither timers nor ARP change it. */
  readonly fixed: Uint8Array
  /** When its state times out, and when that was last put off. */
  protected readonly deadline: Int32Array
  protected readonly stamp: Int32Array
  /** When the entry last really changed its state, for SUSPECT; when it last asked, for retransmission. */
  protected readonly changed: Int32Array
  protected readonly asked: Int32Array
  readonly #next: Int32Array
  readonly #heads = new Int32Array(BUCKETS).fill(NO_NEIGH)
  #free = 0
  #used = 0
  #top = 0

  constructor(capacity: number) {
    this.address = new Int32Array(capacity)
    this.arm = new Int32Array(capacity).fill(-1)
    this.state = new Uint8Array(capacity)
    this.macHi = new Uint16Array(capacity)
    this.macLo = new Int32Array(capacity)
    this.fixed = new Uint8Array(capacity)
    this.deadline = new Int32Array(capacity)
    this.stamp = new Int32Array(capacity)
    this.changed = new Int32Array(capacity)
    this.asked = new Int32Array(capacity)
    this.#next = new Int32Array(capacity)
    for (let i = 0; i < capacity; i++) this.#next[i] = i + 1 < capacity ? i + 1 : NO_NEIGH
  }

  get used(): number {
    return this.#used
  }

  get capacity(): number {
    return this.arm.length
  }

  /** Behind the last entry ever used: an idle tick does not walk 4096 free ones. */
  protected get top(): number {
    return this.#top
  }

  /** Entry for `address` on `arm`, or NO_NEIGH. `hint` is tried first. */
  find(arm: number, address: number, hint: number): number {
    if (hint >= 0 && this.address[hint] === address && this.arm[hint] === arm) return hint
    return this.#search(arm, address)
  }

  /** An entry with nothing but address and arm, or NO_NEIGH when the table is full. */
  protected enter(arm: number, address: number): number {
    const n = this.#free
    if (n === NO_NEIGH) return NO_NEIGH
    this.#free = this.#next[n]
    this.#used++
    if (n >= this.#top) this.#top = n + 1
    this.address[n] = address
    this.arm[n] = arm
    this.macHi[n] = 0
    this.macLo[n] = 0
    this.#next[n] = this.#heads[bucketOf(address)]
    this.#heads[bucketOf(address)] = n
    return n
  }

  /** The entry is free again. */
  protected leave(n: number): void {
    let link = this.#heads[bucketOf(this.address[n])]
    if (link === n) this.#heads[bucketOf(this.address[n])] = this.#next[n]
    else {
      while (this.#next[link] !== n) link = this.#next[link]
      this.#next[link] = this.#next[n]
    }
    this.arm[n] = -1
    this.#next[n] = this.#free
    this.#free = n
    this.#used--
  }

  saveTable(): NeighTableImage {
    const columns = this.#columns.map(column => column.slice(0, this.#top))
    return { columns, heads: this.#heads.slice(), free: this.#free, used: this.#used }
  }

  /** Into a new table of the same capacity. */
  restoreTable({ columns, heads, free, used }: NeighTableImage): void {
    for (const [i, column] of this.#columns.entries()) column.set(columns[i])
    this.#heads.set(heads)
    this.#top = columns[0].length
    this.#free = free
    this.#used = used
  }

  get #columns(): (Int32Array | Uint16Array | Uint8Array)[] {
    const { address, arm, state, macHi, macLo, fixed, deadline, stamp, changed, asked } = this
    return [address, arm, state, macHi, macLo, fixed, deadline, stamp, changed, asked, this.#next]
  }

  #search(arm: number, address: number): number {
    let n = this.#heads[bucketOf(address)]
    while (n >= 0 && (this.address[n] !== address || this.arm[n] !== arm)) n = this.#next[n]
    return n
  }
}

function bucketOf(address: number): number {
  return (address ^ (address >>> 8)) & (BUCKETS - 1)
}
