/**
 * The address book: IPv6 addresses that control has configured (VIPs, LIPs, RIPs, next hops), each under a *word*, a number
 * from 1 on that stands for the address everywhere in the engine. An address that several things have is in it
 * once, and leaves with the last of them.
 *
 * Life-cycle of an entry: intern() ... intern() counts it up, release() down, and with the last one the word is free for
 * another address; whoever still holds it then would mean the wrong one. The lowest free word is given out, so books
 * with the same entries that take the same steps stay the same, and workers can tell one another words.
 *
 * Memory, 32 bytes an entry, of which zeroes are an empty book:
 *
 *   0..3 address as on the wire, big-endian   4 count (0: free; written last, cleared first)   5..7 spare
 *
 * The entries are the truth; the index over them is made anew of what the memory holds.
 */

/** No address has it. */
export const NO_WORD = 0

const SHIFT = 3
const COUNT = 4

export class AddressBook {
  /** Words are 1 to capacity. */
  readonly capacity: number
  readonly #cells: Int32Array
  /** By bucket, and by word the next one in its bucket. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  readonly #mask: number
  #used = 0
  /** No word below it is free. */
  #lowest = 1

  static bytesFor(capacity: number): number {
    return (capacity + 1) << (SHIFT + 2)
  }

  /** `memory` has bytesFor(capacity) bytes from `offset` on, and may hold a book of the same capacity already. */
  constructor(memory: ArrayBufferLike, offset: number, capacity: number) {
    this.capacity = capacity
    this.#cells = new Int32Array(memory, offset, (capacity + 1) << SHIFT)
    const buckets = 1 << (32 - Math.clz32(capacity))
    this.#heads = new Int32Array(buckets)
    this.#next = new Int32Array(capacity + 1)
    this.#mask = buckets - 1
    for (let word = 1; word <= capacity; word++) if (this.count(word) !== 0) this.#enter(word)
  }

  /** Addresses in it. */
  get used(): number {
    return this.#used
  }

  /** How often it was interned and not released. */
  count(word: number): number {
    return this.#cells[(word << SHIFT) | COUNT]
  }

  /** Cell `i` (0 to 3) of the address that has this word. */
  cell(word: number, i: number): number {
    return this.#cells[(word << SHIFT) | i]
  }

  /** => the word of an address, or NO_WORD if it is not in the book */
  find(a: number, b: number, c: number, d: number): number {
    const cells = this.#cells
    let word = this.#heads[this.#bucket(a, b, c, d)]
    while (word !== NO_WORD) {
      const at = word << SHIFT
      // The last cells differ most.
      if (cells[at | 3] === d && cells[at | 2] === c && cells[at | 1] === b && cells[at] === a)
        return word
      word = this.#next[word]
    }
    return NO_WORD
  }

  /** Enters an address, or counts it once more. => its word, or NO_WORD if the book is full */
  intern(a: number, b: number, c: number, d: number): number {
    const known = this.find(a, b, c, d)
    if (known !== NO_WORD) {
      this.#cells[(known << SHIFT) | COUNT]++
      return known
    }
    const word = this.#free()
    if (word > this.capacity) return NO_WORD
    const at = word << SHIFT
    this.#cells[at] = a
    this.#cells[at | 1] = b
    this.#cells[at | 2] = c
    this.#cells[at | 3] = d
    this.#cells[at | COUNT] = 1
    this.#enter(word)
    return word
  }

  /** Somebody who has interned it needs it no more. */
  release(word: number): void {
    if (--this.#cells[(word << SHIFT) | COUNT] !== 0) return
    const bucket = this.#bucketOf(word)
    let before = this.#heads[bucket]
    if (before === word) this.#heads[bucket] = this.#next[word]
    else {
      while (this.#next[before] !== word) before = this.#next[before]
      this.#next[before] = this.#next[word]
    }
    this.#used--
    if (word < this.#lowest) this.#lowest = word
  }

  #enter(word: number): void {
    const bucket = this.#bucketOf(word)
    this.#next[word] = this.#heads[bucket]
    this.#heads[bucket] = word
    this.#used++
  }

  /** => The lowest free word, or one behind the last */
  #free(): number {
    while (this.#lowest <= this.capacity && this.count(this.#lowest) !== 0) this.#lowest++
    return this.#lowest
  }

  #bucketOf(word: number): number {
    const at = word << SHIFT
    const cells = this.#cells
    return this.#bucket(cells[at], cells[at | 1], cells[at | 2], cells[at | 3])
  }

  /** Who is in the book is control's choice: nobody can make its chains long from outside. */
  #bucket(a: number, b: number, c: number, d: number): number {
    let hash = Math.imul(a ^ Math.imul(b, 0x2c1b3c6d), 0x297a2d39)
    hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0x2c1b3c6d)
    hash = Math.imul(hash ^ (hash >>> 13) ^ d, 0x297a2d39)
    return (hash ^ (hash >>> 16)) & this.#mask
  }
}
