/**
 * The address book: IPv6 addresses that control has configured (VIPs, LIPs, RIPs, next hops), each under a *word*, a number
 * from 1 on that stands for the address everywhere in the engine. No packet enters one: who is in the book is control's choice.
 *
 * Life-cycle of an entry: wordOf() enters an address, and it stays, whatever is taken away again, until the book is full. Then
 * `whenFull` looks through all of the engine for words that it still means, and keep() frees the others at once (words-in-use.ts). Counting
 * who has a word would need a count for each record, which a daemon that is killed leaves wrong; what is looked for is the truth.
 *
 * A word is its engine's own. Workers are told of addresses in other orders (one that is started again hears of those only that are
 * left) and free words at other times, so the same address may have another word in each. What leaves a worker therefore never is a
 * word: neighbours are told of by address (peers.ts), persistent clients, cookies and rates are known by a hash of the VIP (addressKey of
 * hash-tables.ts), and RSs of NAT by their words XORed. An engine that follows another on the same memory follows on its book too.
 *
 * Memory, 32 bytes an entry, of which zeroes are an empty book:
 *
 *   0..3 address as on the wire, big-endian   4 in use (0: free; written last, cleared first)   5..7 spare
 *
 * The entry of word 0, which no address has, is the key of digests (digest): without it nobody aims at one.
 *
 * The entries are the truth; the index over them is made anew of what the memory holds.
 */

import { type Ipv6, ipv6Mask } from '../wire/ipv6-address.ts'
import type { Random } from './random.ts'

/** No address has it. */
export const NO_WORD = 0
/** Words have it not: a digest with it is of somebody whom nobody has configured. */
export const FAR = 1 << 31

const SHIFT = 3
/** Cells of an entry, for who reads an image. */
export const BOOK_CELLS = 1 << SHIFT
const IN_USE = 4
export const DIGEST_KEY_CELLS = 8

export class AddressBook {
  /** Words are 1 to capacity. */
  readonly capacity: number
  readonly #cells: Int32Array
  /** By bucket, and by word the next one in its bucket. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  readonly #mask: number
  #used = 0
  /** Calls keep() with the words that the engine means. A book of nobody's frees none. */
  whenFull: (() => void) | null = null
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
    this.#enterAll()
  }

  /** Gives memory that nobody uses yet its key, of random int32. */
  static key(memory: ArrayBufferLike, key: Int32Array): void {
    new Int32Array(memory, 0, DIGEST_KEY_CELLS).set(key)
  }

  /** Memory that nobody has given a key gets one of these numbers. */
  keyIfNone(random: Random): void {
    const key = this.#cells.subarray(0, DIGEST_KEY_CELLS)
    if (key.some(cell => cell !== 0)) return
    for (let i = 0; i < DIGEST_KEY_CELLS; i++)
      key[i] = (random.below(65_536) << 16) | random.below(65_536)
  }

  /** Addresses in it. */
  get used(): number {
    return this.#used
  }

  /** An address has it. */
  has(word: number): boolean {
    return this.#cells[(word << SHIFT) | IN_USE] !== 0
  }

  /** Cell `i` (0 to 3) of the address that has this word. */
  cell(word: number, i: number): number {
    return this.#cells[(word << SHIFT) | i]
  }

  /** Writes the address that has this word to `at`. */
  write(pkt: DataView, at: number, word: number): void {
    const cells = this.#cells
    const from = word << SHIFT
    pkt.setInt32(at, cells[from])
    pkt.setInt32(at + 4, cells[from | 1])
    pkt.setInt32(at + 8, cells[from | 2])
    pkt.setInt32(at + 12, cells[from | 3])
  }

  /** Unfolded sum of its 16-bit words, as checksums need it. */
  sum(word: number): number {
    return sumOf(this.#cells, word << SHIFT)
  }

  /** The word of the address that stands at `at`, or NO_WORD. */
  read(pkt: DataView, at: number): number {
    return this.find(
      pkt.getInt32(at),
      pkt.getInt32(at + 4),
      pkt.getInt32(at + 8),
      pkt.getInt32(at + 12),
    )
  }

  /**
   * What stands for the address of a client: of two addresses it is the same for one of 2^17 keys at most (a multilinear hash of
   * its 16-bit words over Z/2^32, Carter and Wegman), so that nobody can make chains long by choosing some.
   */
  digest(a: number, b: number, c: number, d: number): number {
    const k = this.#cells
    const high = Math.imul(a >>> 16, k[0]) + Math.imul(b >>> 16, k[2]) + Math.imul(c >>> 16, k[4])
    const low =
      Math.imul(a & 0xffff, k[1]) + Math.imul(b & 0xffff, k[3]) + Math.imul(c & 0xffff, k[5])
    return (high + low + Math.imul(d >>> 16, k[6]) + Math.imul(d & 0xffff, k[7])) | 0
  }

  /** What stands for somebody whom hosts inside speak to: a digest that no word, and so no address of ours, can be. */
  far(a: number, b: number, c: number, d: number): number {
    return this.digest(a, b, c, d) | FAR
  }

  /**
   * What the connections of a client with these first words are counted by: its /64, for no link has less (RFC 4291 2.5.4), and
   * every host on it 2^64 addresses to take in turn.
   */
  counted(a: number, b: number): number {
    return this.digest(a, b, 0, 0)
  }

  /**
   * => The word of an address that somebody sets up, which has one from now on; NO_WORD if all are in use. It is to be put where
   * words are looked for before the next one is asked for.
   */
  wordOf(a: number, b: number, c: number, d: number): number {
    const known = this.find(a, b, c, d)
    if (known !== NO_WORD) return known
    if (this.#used === this.capacity) this.whenFull?.()
    const word = this.#free()
    if (word > this.capacity) return NO_WORD
    const at = word << SHIFT
    this.#cells[at] = a
    this.#cells[at | 1] = b
    this.#cells[at | 2] = c
    this.#cells[at | 3] = d
    this.#cells[at | IN_USE] = 1
    this.#enter(word)
    return word
  }

  /** Frees all words that are 0 in `meant`, of capacity + 1 bytes. */
  keep(meant: Uint8Array): void {
    for (let word = 1; word <= this.capacity; word++)
      if (meant[word] === 0) this.#cells[(word << SHIFT) | IN_USE] = 0
    this.#enterAll()
  }

  /** Key and entries up to the highest one in use, for an image. */
  save(): Int32Array {
    let top = this.capacity
    while (top > 0 && !this.has(top)) top--
    return this.#cells.slice(0, (top + 1) << SHIFT)
  }

  /**
   * Its memory is another's from now on, who had the same entries when `cells` were saved, or fewer: those stay, and what that one has
   * entered since comes in. => false, and nothing done, if that one has given a word of them to another address
   */
  resume(cells: Int32Array): boolean {
    const own = this.#cells
    const words = cells.length >> SHIFT
    for (let at = BOOK_CELLS; at < cells.length; at += BOOK_CELLS) {
      if (cells[at | IN_USE] === 0 || own[at | IN_USE] === 0) continue
      for (let i = 0; i < 4; i++) if (own[at | i] !== cells[at | i]) return false
    }
    for (let word = 1; word < words; word++) {
      const at = word << SHIFT
      if (cells[at | IN_USE] !== 0) own.set(cells.subarray(at, at + BOOK_CELLS), at)
    }
    this.#enterAll()
    return true
  }

  /** Into an empty one of the same capacity. */
  restore(cells: Int32Array): void {
    this.#cells.set(cells)
    this.#enterAll()
  }

  /** The address that has this word. */
  cells(word: number): Ipv6 {
    const at = word << SHIFT
    const cells = this.#cells
    return [cells[at], cells[at | 1], cells[at | 2], cells[at | 3]]
  }

  /** Whether an address lies in the prefix of this length around that of a word. */
  isWithin(word: number, length: number, a: number, b: number, c: number, d: number): boolean {
    const at = word << SHIFT
    const cells = this.#cells
    return (
      ((cells[at] ^ a) & ipv6Mask(length, 0)) === 0 &&
      ((cells[at | 1] ^ b) & ipv6Mask(length, 1)) === 0 &&
      ((cells[at | 2] ^ c) & ipv6Mask(length, 2)) === 0 &&
      ((cells[at | 3] ^ d) & ipv6Mask(length, 3)) === 0
    )
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

  /** Makes the index anew. */
  #enterAll(): void {
    this.#heads.fill(NO_WORD)
    this.#used = 0
    this.#lowest = 1
    for (let word = 1; word <= this.capacity; word++) if (this.has(word)) this.#enter(word)
  }

  #enter(word: number): void {
    const bucket = this.#bucketOf(word)
    this.#next[word] = this.#heads[bucket]
    this.#heads[bucket] = word
    this.#used++
  }

  /** => The lowest free word, or one behind the last */
  #free(): number {
    while (this.#lowest <= this.capacity && this.has(this.#lowest)) this.#lowest++
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

/** Unfolded sum of the 16-bit words of the address that is in four cells from `at` on. */
export function sumOf(cells: Int32Array, at: number): number {
  let sum = 0
  for (let i = 0; i < 4; i++) sum += (cells[at + i] >>> 16) + (cells[at + i] & 0xffff)
  return sum
}
