/**
 * Where neighbours are kept: columns of typed arrays in one memory, an entry is an index; found by link (arm and family) and
 * word. What becomes of them is neigh.ts's.
 *
 * The memory may come from outside, zeroes are an empty table, and the entries are the truth: an entry counts if its link
 * says so, which is written last and cleared first. Index and free list are made anew of the entries (adoptTable).
 */

export const NO_NEIGH = -1
const BUCKETS = 256
/** In a link's cell: the entry is in use. */
const IN_USE = -0x80000000
/** Int32 columns, and bytes of an entry with the narrower ones. */
const WIDE = 7
const ENTRY_BYTES = WIDE * 4 + 4

/** The columns up to the highest entry ever used, behind which every table is alike; and the free ones among them, next one first. */
export interface NeighTableImage {
  columns: (Int32Array | Uint16Array | Uint8Array)[]
  free: number[]
}

export class NeighTable {
  readonly capacity: number
  /** The next hop: a word, see family.ts. */
  readonly word: Int32Array
  readonly state: Uint8Array
  readonly macHi: Uint16Array
  readonly macLo: Int32Array
  /** 1 for an entry that the operator has set: neither timers nor what the network says change it. */
  readonly fixed: Uint8Array
  /** 1 for one that was made because a host inside speaks to it by SNAT. An engine that adopts the entries knows of none. */
  protected readonly bySnat: Uint8Array
  /** Over IPv6 its address, whose word is a digest (neigh-word.ts): four cells each. */
  readonly far: Int32Array
  /** How many are so, and how many may be: what hosts inside ask for leaves the others as much. */
  protected snats = 0
  protected readonly snatsMost: number
  /** When its state times out, and when that was last put off. */
  protected readonly deadline: Int32Array
  protected readonly stamp: Int32Array
  /** When the entry last really changed its state, for SUSPECT; when it last asked, for retransmission. */
  protected readonly changed: Int32Array
  protected readonly asked: Int32Array
  /** How often its MAC has changed since `movedSince`, ms: 0 if not lately. An engine that adopts the entries counts anew. */
  protected readonly moves: Uint8Array
  protected readonly movedSince: Int32Array
  /** IN_USE and the entry's link; 0 when the entry is free. */
  readonly #links: Int32Array
  /** Chains through the buckets, and of free entries below the top. */
  readonly #next: Int32Array
  readonly #heads = new Int32Array(BUCKETS).fill(NO_NEIGH)
  #free = NO_NEIGH
  #used = 0
  #top = 0

  static bytesFor(capacity: number): number {
    return capacity * ENTRY_BYTES
  }

  constructor(memory: ArrayBufferLike, capacity: number) {
    this.capacity = capacity
    const wide = (i: number) => new Int32Array(memory, i * capacity * 4, capacity)
    this.#links = wide(0)
    this.word = wide(1)
    this.macLo = wide(2)
    this.deadline = wide(3)
    this.stamp = wide(4)
    this.changed = wide(5)
    this.asked = wide(6)
    const narrow = WIDE * capacity * 4
    this.macHi = new Uint16Array(memory, narrow, capacity)
    this.state = new Uint8Array(memory, narrow + capacity * 2, capacity)
    this.fixed = new Uint8Array(memory, narrow + capacity * 3, capacity)
    this.moves = new Uint8Array(capacity)
    this.movedSince = new Int32Array(capacity)
    this.bySnat = new Uint8Array(capacity)
    this.far = new Int32Array(capacity * 4)
    this.snatsMost = capacity >> 1
    this.#next = new Int32Array(capacity)
  }

  get used(): number {
    return this.#used
  }

  /** Behind the last entry ever used: an idle tick does not walk 4096 free ones. */
  get top(): number {
    return this.#top
  }

  inUse(n: number): boolean {
    return this.#links[n] !== 0
  }

  /** Link of an entry in use: its arm and family. */
  link(n: number): number {
    return this.#links[n] & ~IN_USE
  }

  /** Entry for `word` on `link`, or NO_NEIGH. `hint` is tried first. */
  find(link: number, word: number, hint: number): number {
    if (hint >= 0 && this.word[hint] === word && this.#links[hint] === (link | IN_USE)) return hint
    return this.#search(link, word)
  }

  /** A free entry, to be filled and then entered; NO_NEIGH when the table is full. */
  protected place(): number {
    if (this.#free !== NO_NEIGH) return this.#free
    return this.#top < this.capacity ? this.#top : NO_NEIGH
  }

  /** The entry that was filled in place() is in use. */
  protected enter(n: number, link: number, word: number): void {
    if (n === this.#top) this.#top++
    else this.#free = this.#next[n]
    this.word[n] = word
    this.#links[n] = link | IN_USE
    this.#chain(n)
  }

  /** The entry is free again. */
  protected leave(n: number): void {
    this.#links[n] = 0
    this.snats -= this.bySnat[n]
    this.bySnat[n] = 0
    const bucket = bucketOf(this.word[n])
    let before = this.#heads[bucket]
    if (before === n) this.#heads[bucket] = this.#next[n]
    else {
      while (this.#next[before] !== n) before = this.#next[before]
      this.#next[before] = this.#next[n]
    }
    this.#next[n] = this.#free
    this.#free = n
    this.#used--
  }

  saveTable(): NeighTableImage {
    const columns = this.#columns.map(column =>
      column.slice(0, this.#top * (column === this.far ? 4 : 1)),
    )
    const free: number[] = []
    for (let n = this.#free; n !== NO_NEIGH; n = this.#next[n]) free.push(n)
    return { columns, free }
  }

  /** Into a new table of the same capacity. */
  restoreTable({ columns, free }: NeighTableImage): void {
    // Images of before have fewer of them.
    for (const [i, column] of this.#columns.entries())
      if (i < columns.length) column.set(columns[i])
    this.snats = this.bySnat.reduce((sum, one) => sum + one, 0)
    this.#rebuild(columns[0].length, free)
  }

  /** Of the entries that the memory holds, those go that are not `sound`, or are there twice. => how many went */
  protected adoptTable(sound: (n: number) => boolean): number {
    let top = this.capacity
    while (top > 0 && this.#links[top - 1] === 0) top--
    let gone = 0
    const seen = new Set<string>()
    for (let n = 0; n < top; n++) {
      if (this.#links[n] === 0) continue
      const key = `${this.#links[n]} ${this.word[n]}`
      if (sound(n) && !seen.has(key)) seen.add(key)
      else {
        this.#links[n] = 0
        gone++
      }
    }
    const free = Array.from({ length: top }, (_, n) => n).filter(n => this.#links[n] === 0)
    this.#rebuild(top, free)
    return gone
  }

  /** Index and free list, of the entries below `top`. */
  #rebuild(top: number, free: readonly number[]): void {
    this.#top = top
    this.#used = 0
    this.#heads.fill(NO_NEIGH)
    for (let n = 0; n < top; n++) if (this.#links[n] !== 0) this.#chain(n)
    this.#free = free[0] ?? NO_NEIGH
    for (const [i, n] of free.entries()) this.#next[n] = free[i + 1] ?? NO_NEIGH
  }

  #chain(n: number): void {
    const bucket = bucketOf(this.word[n])
    this.#next[n] = this.#heads[bucket]
    this.#heads[bucket] = n
    this.#used++
  }

  get #columns(): (Int32Array | Uint16Array | Uint8Array)[] {
    const { word, macLo, deadline, stamp, changed, asked, macHi, state, fixed } = this
    const wide = [this.#links, word, macLo, deadline, stamp, changed, asked, this.movedSince]
    return [...wide, macHi, state, fixed, this.moves, this.bySnat, this.far]
  }

  #search(link: number, word: number): number {
    const cell = link | IN_USE
    let n = this.#heads[bucketOf(word)]
    while (n >= 0 && (this.word[n] !== word || this.#links[n] !== cell)) n = this.#next[n]
    return n
  }
}

function bucketOf(word: number): number {
  return (word ^ (word >>> 8)) & (BUCKETS - 1)
}
