/**
 * The arena: a fixed number of slots, each with room for one frame of up to 64 KiB and its virtio-net header.
 *
 *   slot * STRIDE    +HEADROOM                                                    +STRIDE
 *   |  headroom 128  | vnet hdr 10 | eth 14 | ip ...                  up to 65,559 |  spare |
 *                    ^start                 ^ 128 + 24 = 152, so IP is 4-byte aligned
 *
 * An option is inserted by moving the headers towards the headroom, never the payload (8 bytes for an IPv4
 * client's TOA, 20 for IPv6, 104 for a header of PROXY v1 with two of its addresses). A slot has one owner at any time: the free list, the loop (read, not yet judged),
 * an arm's outbox, a neighbour that parks it until its MAC is known, or a datagram that is being put together in it.
 *
 * Several workers share one arena and own a range of its slots each. A frame that reached the wrong worker changes
 * hands without being copied; released by the other worker, its slot goes home.
 */

import { ETH } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'

export const HEADROOM = 128

/**
 * Bytes from slot to slot. An odd number of 64-byte lines (1059), because a round 64 KiB would put the headers of
 * all frames of a burst into the same set of the first-level cache.
 */
export const STRIDE = 67_776

/** Largest frame with its virtio-net header: 10 + 14 + 65,535. */
export const FRAME_MAX = VNET.BYTES + ETH.HEADER + 65_535

/** Bytes of a frame that hold everything the engine reads of TCP: 10 + 14 + 40 + 64 of extension headers of IPv6 + 60, and some more. */
export const HEADERS_MAX = 192

/** virtio-net and Ethernet header. */
export const FRAME_HEAD = VNET.BYTES + ETH.HEADER

/** Behind a slot's base: where the payload of a datagram is put together, with room for the longest header before it, of IPv6 with extension headers and that of a fragment. */
export const PAYLOAD_AT = HEADROOM + FRAME_HEAD + 112

export const NO_SLOT = -1
/** Slots that must be free to end one more connection: both of its RSTs have to get out, so the outboxes go first. */
export const END_RESERVE = 64

/** Frames per burst. More did not help the plain shovel, and 64 first lines fill a first-level cache nicely. */
export const BURST = 64

/** Slots of a worker for so many arms: a burst per arm in flight, and as many again and more for parked frames. */
export function arenaSlots(arms: number): number {
  return Math.max(512, arms * BURST * 4)
}

/** Offset of the slot's first byte in the arena. */
export function slotBase(slot: number): number {
  return slot * STRIDE
}

export class Frames {
  /** The whole arena; every header is read and written through this one view, big-endian as on the wire. */
  readonly pkt: DataView
  /** Offset of each slot's virtio-net header in the arena. */
  readonly start: Int32Array
  /** Bytes of each slot's frame, virtio-net header included. */
  readonly length: Int32Array
  /** Link to the next slot for whoever owns the slot and keeps a list. */
  readonly next: Int32Array
  /** What a recorder leaves with each slot: the number that pairs what leaves with what came in; 0 in a fresh slot. */
  readonly mark: Int32Array
  /** Of a datagram that came in fragments: IP bytes of the largest; 0 of any other frame. */
  readonly fragment: Int32Array
  /** The arena as bytes, for copies within it that allocate nothing. */
  readonly bytes: Uint8Array
  /** Slots of other workers that were released here; the loop sends them home and empties the list. */
  readonly strangers: Int32Array
  strangerCount = 0
  /** How many slots are this worker's own, from #first on. */
  readonly slots: number
  readonly #first: number
  readonly #free: Int32Array
  #freeCount: number

  /** Bytes of memory that an arena of `slots` slots takes. */
  static bytesFor(slots: number): number {
    return slots * STRIDE
  }

  /**
   * `memory` is the arena of all workers, bytesFor(workers * slots) bytes whose contents do not matter; `worker` says
   * which range of `slots` slots is ours.
   */
  constructor(memory: ArrayBufferLike, slots: number, workers = 1, worker = 0) {
    const all = workers * slots
    this.pkt = new DataView(memory, 0, Frames.bytesFor(all))
    this.start = new Int32Array(all)
    this.length = new Int32Array(all)
    this.next = new Int32Array(all).fill(NO_SLOT)
    this.mark = new Int32Array(all)
    this.fragment = new Int32Array(all)
    this.bytes = new Uint8Array(memory, 0, Frames.bytesFor(all))
    this.strangers = new Int32Array(all)
    this.slots = slots
    this.#first = worker * slots
    this.#free = new Int32Array(slots)
    // Last in, first out, and the low slots first: the slots in use stay the ones that are warm in the cache.
    for (let i = 0; i < slots; i++) this.#free[i] = this.#first + slots - 1 - i
    this.#freeCount = slots
  }

  /** Slots of all workers: as many as any list of slots can hold. */
  get allSlots(): number {
    return this.start.length
  }

  get free(): number {
    return this.#freeCount
  }

  /** Under half of the arena is free, and that half is for bursts: nobody may keep another slot for longer. */
  get scarce(): boolean {
    return this.#freeCount < this.slots >> 1
  }

  /** A frame may become so many more for as long as a burst takes: a sixteenth of the slots stays for others. */
  hasRoomFor(pieces: number): boolean {
    return this.#freeCount - pieces >= this.slots >> 4
  }

  /** => A slot with its start at the headroom, owned by the caller; NO_SLOT when the arena is used up. */
  take(): number {
    if (this.#freeCount === 0) return NO_SLOT
    const slot = this.#free[--this.#freeCount]
    this.start[slot] = slot * STRIDE + HEADROOM
    this.length[slot] = 0
    this.mark[slot] = 0
    this.fragment[slot] = 0
    return slot
  }

  /** => A slot of our own with a copy of the frame in `slot`, owned by the caller; NO_SLOT as of take(). */
  copy(slot: number): number {
    const twin = this.take()
    if (twin === NO_SLOT) return NO_SLOT
    const from = this.start[slot]
    this.bytes.copyWithin(this.start[twin], from, from + this.length[slot])
    this.length[twin] = this.length[slot]
    this.mark[twin] = this.mark[slot]
    this.fragment[twin] = this.fragment[slot]
    return twin
  }

  /** Of a new arena: our slots that are marked are not free, somebody else has them. */
  freeOnly(marks: Uint8Array): void {
    this.#freeCount = 0
    for (let i = this.slots - 1; i >= 0; i--) {
      const slot = this.#first + i
      if (marks[slot] === 0) this.#free[this.#freeCount++] = slot
    }
  }

  /** Marks the slots that are free. */
  markFree(marks: Uint8Array): void {
    for (let i = 0; i < this.#freeCount; i++) marks[this.#free[i]] = 1
  }

  isOwn(slot: number): boolean {
    return (slot - this.#first) >>> 0 < this.slots
  }

  /** Gives a slot back; the caller forgets it. */
  release(slot: number): void {
    if (this.isOwn(slot)) this.#free[this.#freeCount++] = slot
    else this.strangers[this.strangerCount++] = slot
  }
}
