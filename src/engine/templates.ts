/**
 * Persistence: which RS a client (or its network) was given, so that its next connections go there too. The one table
 * that workers share, because a client's connections are spread over them; it is looked at only for what opens connections
 * of persistent services, a bucket at a time under its lock.
 *
 *   key      4 int32 at the head of the memory, the same for all workers: without it a client cannot be aimed at
 *   swept    int32 behind it: cell from which on the next sweep() looks
 *   bucket   8 entries of 8 int32: CIP (masked) | VIP, of IPv6 a hash of it | vport | place of the RS | deadline | lock (entry 0) | - | -
 *   vport    with the number of the protocol above it
 *   lock     0, or the index of the worker that has it, and one
 *
 * A full bucket gives up the entry that would end first: such a client is scheduled anew, and nothing is refused. So is one whose
 * bucket cannot be had in time: whoever has it may have ended. Who restarts a worker frees its locks first. An entry counts if it has
 * a vport, which is written last.
 */

import { ipv6Mask } from '../wire/ipv6-address.ts'
import { SipHash } from './siphash.ts'

const ENTRY = 8
const WAYS = 8
const BUCKET = ENTRY * WAYS
const [VIP, VPORT, PLACE, DEADLINE, LOCK] = [1, 2, 3, 4, 5]
/** What find() says of a bucket that somebody else has and does not give back. */
export const LOCKED = -2
/** How often a lock is asked for: some milliseconds, for its holder may have been put to sleep. */
const TRIES = 200_000
/** vport of an entry that is not in use. */
const NEVER = 0
/** Cells of an entry in an image, and of what stands in front of all: the key, and how far the sweep is. */
const SAVED = 6
const KEY = 4
const SWEPT = KEY
const FRONT = KEY + 1
/** Not the address of any client: of class E. */
const DERIVED = -0x0fab_ad01
/** Bytes before the buckets, so that these begin with cache lines. */
const HEAD = 64

export class Templates {
  readonly #cells: Int32Array
  readonly #front: Int32Array
  readonly #hash: SipHash
  readonly #mask: number
  readonly #owner: number

  /** `entries` is a power of two from 8 on. */
  static bytesFor(entries: number): number {
    return HEAD + entries * ENTRY * 4
  }

  /** Puts a key of four random int32 into memory that nobody uses yet. */
  static key(memory: ArrayBufferLike, key: Int32Array): void {
    new Int32Array(memory, 0, KEY).set(key)
  }

  /** Of what an earlier daemon has left in `memory`: frees locks of none of so many workers, and has the next sweep begin in front. */
  static settle(memory: ArrayBufferLike, entries: number, workers: number): void {
    const cells = new Int32Array(memory, HEAD, entries * ENTRY)
    for (let bucket = 0; bucket < cells.length; bucket += BUCKET)
      if (cells[bucket + LOCK] >>> 0 > workers) cells[bucket + LOCK] = 0
    new Int32Array(memory, 0, FRONT)[SWEPT] = 0
  }

  /** `memory`, shared by all workers, is all zero at first but for its key; `worker` is an index. */
  constructor(memory: ArrayBufferLike, entries: number, worker = 0) {
    this.#owner = worker + 1
    this.#cells = new Int32Array(memory, HEAD, entries * ENTRY)
    this.#front = new Int32Array(memory, 0, FRONT)
    this.#hash = new SipHash(this.#front.subarray(0, KEY))
    this.#mask = entries / WAYS - 1
  }

  /** What a client of IPv6 is known by: all in the same network of so many bits by the same. */
  clientOf(source: Int32Array, prefix: number): number {
    const a = this.#hash.of(source[0] & ipv6Mask(prefix, 0), source[1] & ipv6Mask(prefix, 1), 6)
    return this.#hash.of(a, source[2] & ipv6Mask(prefix, 2), source[3] & ipv6Mask(prefix, 3))
  }

  /** A number for another use of the key, which does not give it away: one of cookies.ts. */
  derive(use: number, i: number): number {
    return this.#hash.of(DERIVED, use, i)
  }

  /** => place of the RS that the client was given and that has not expired at `now`, -1, or LOCKED */
  find(client: number, vip: number, vport: number, now: number): number {
    const bucket = this.#bucket(client, vip, vport)
    if (!this.#lock(bucket)) return LOCKED
    const at = this.#search(bucket, client, vip, vport)
    const found = at >= 0 && ((this.#cells[at + DEADLINE] - now) | 0) > 0
    const place = found ? this.#cells[at + PLACE] : -1
    this.#leave(bucket)
    return place
  }

  /**
   * Remembers the RS of a client until `deadline` (ms, the clock that all workers share). => false, and nothing remembered, if
   * the bucket is locked
   */
  put(client: number, vip: number, vport: number, place: number, deadline: number): boolean {
    const bucket = this.#bucket(client, vip, vport)
    if (!this.#lock(bucket)) return false
    const known = this.#search(bucket, client, vip, vport)
    const at = known >= 0 ? known : this.#oldest(bucket)
    const cells = this.#cells
    if (known < 0) {
      cells[at + VPORT] = NEVER
      cells[at] = client
      cells[at + VIP] = vip
    }
    cells[at + PLACE] = place
    cells[at + DEADLINE] = deadline
    cells[at + VPORT] = vport
    this.#leave(bucket)
    return true
  }

  /**
   * Clears entries that have expired, a few buckets a call: 65,536 calls see all of them, two hours if it is called every 100 ms.
   * Left alone they would be taken for valid again after 24.8 days. One worker does it for all.
   */
  sweep(now: number): void {
    const cells = this.#cells
    const step = BUCKET * (1 + ((cells.length / BUCKET) >> 16))
    const from = this.#front[SWEPT]
    const end = Math.min(from + step, cells.length)
    for (let bucket = from; bucket < end; bucket += BUCKET) {
      if (!this.#lock(bucket)) continue
      for (let at = bucket; at < bucket + BUCKET; at += ENTRY) {
        if (((cells[at + DEADLINE] - now) | 0) <= 0) cells[at + VPORT] = NEVER
      }
      this.#leave(bucket)
    }
    this.#front[SWEPT] = end < cells.length ? end : 0
  }

  /** The key, how far the sweep is, and entries in use, six cells each: number of the entry, and its cells up to the deadline. */
  save(): Int32Array {
    const cells = this.#cells
    const used = [...this.#front]
    for (let at = 0; at < cells.length; at += ENTRY) {
      if (cells[at + VPORT] === NEVER) continue
      used.push(at / ENTRY, cells[at], cells[at + VIP], cells[at + VPORT])
      used.push(cells[at + PLACE], cells[at + DEADLINE])
    }
    return Int32Array.from(used)
  }

  /** Into a table of the same size that has no entries. */
  restore(image: Int32Array): void {
    this.#front.set(image.subarray(0, FRONT))
    for (let i = FRONT; i < image.length; i += SAVED) {
      this.#cells.set(image.subarray(i + 1, i + SAVED), image[i] * ENTRY)
    }
  }

  #search(bucket: number, client: number, vip: number, vport: number): number {
    const cells = this.#cells
    for (let at = bucket; at < bucket + BUCKET; at += ENTRY) {
      if (cells[at] === client && cells[at + VIP] === vip && cells[at + VPORT] === vport) return at
    }
    return -1
  }

  #oldest(bucket: number): number {
    const cells = this.#cells
    let oldest = bucket
    for (let at = bucket; at < bucket + BUCKET; at += ENTRY) {
      if (cells[at + VPORT] === NEVER) return at
      if (((cells[at + DEADLINE] - cells[oldest + DEADLINE]) | 0) < 0) oldest = at
    }
    return oldest
  }

  /** A worker has ended, and with it what it had locked. => how many buckets that were */
  free(worker: number): number {
    const cells = this.#cells
    const owner = worker + 1
    let freed = 0
    for (let bucket = 0; bucket < cells.length; bucket += BUCKET) {
      // Most are nobody's, which a look says.
      if (cells[bucket + LOCK] !== owner) continue
      if (Atomics.compareExchange(cells, bucket + LOCK, owner, 0) === owner) freed++
    }
    return freed
  }

  /** => its first cell */
  #bucket(client: number, vip: number, vport: number): number {
    return (this.#hash.of(client, vip, vport) & this.#mask) * BUCKET
  }

  #lock(bucket: number): boolean {
    const cells = this.#cells
    const at = bucket + LOCK
    for (let tries = TRIES; tries > 0; tries--) {
      if (Atomics.compareExchange(cells, at, 0, this.#owner) === 0) return true
    }
    return false
  }

  #leave(bucket: number): void {
    Atomics.store(this.#cells, bucket + LOCK, 0)
  }
}
