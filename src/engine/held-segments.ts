/**
 * Segments of clients whose RS has not answered yet, in the order in which they came: a list per conn, through frames.next. There is a
 * quarter of the worker's slots for all of them, and of a conn so many as the config says; more is not kept, and the client sends it
 * again. Of a process that ends they go with it.
 */

import type { ConnTable } from './conn.ts'
import { type Frames, NO_SLOT } from './frames.ts'

/** A segment that a conn keeps: its bytes, virtio-net header included; `fragment` is as in Frames. */
export interface HeldSegmentImage {
  conn: number
  fragment: number
  bytes: Uint8Array
}

export class HeldSegments {
  readonly #frames: Frames
  readonly #capacity: number
  /** Of a conn: its first slot, plus one. Empty until a conn has one: few appliances need them. */
  #first = new Int32Array(0)
  #count = 0

  constructor(frames: Frames, { capacity }: ConnTable) {
    this.#frames = frames
    this.#capacity = capacity
  }

  /** Of all conns. */
  get count(): number {
    return this.#count
  }

  /** => how many the conn has; of more than `most` only that there are more */
  countOf(conn: number, most: number): number {
    if (this.#count === 0) return 0
    let count = 0
    for (
      let slot = this.#first[conn] - 1;
      slot >= 0 && count <= most;
      slot = this.#frames.next[slot]
    )
      count++
    return count
  }

  /** Keeps the frame in `slot` behind the others. => false, and the slot is still the caller's, if there is no room */
  keep(conn: number, arrived: number): boolean {
    const frames = this.#frames
    if (frames.scarce || this.#count >= frames.slots >> 2) return false
    let slot = arrived
    if (!frames.isOwn(arrived)) {
      slot = frames.copy(arrived)
      frames.release(arrived)
    }
    this.#append(conn, slot)
    return true
  }

  #append(conn: number, slot: number): void {
    if (this.#first.length === 0) this.#first = new Int32Array(this.#capacity)
    const { next } = this.#frames
    next[slot] = NO_SLOT
    this.#count++
    let last = this.#first[conn] - 1
    if (last < 0) {
      this.#first[conn] = slot + 1
      return
    }
    while (next[last] !== NO_SLOT) last = next[last]
    next[last] = slot
  }

  /** Takes the first one out. => Its slot, which is the caller's, or NO_SLOT */
  shift(conn: number): number {
    if (this.#count === 0) return NO_SLOT
    const slot = this.#first[conn] - 1
    if (slot < 0) return NO_SLOT
    this.#first[conn] = this.#frames.next[slot] + 1
    this.#count--
    return slot
  }

  /** Gives up what the conn has, which is over. */
  discard(conn: number): void {
    for (let slot = this.shift(conn); slot !== NO_SLOT; slot = this.shift(conn))
      this.#frames.release(slot)
  }

  /** Gives up those of all conns. */
  clear(): void {
    for (let conn = 0; this.#count > 0 && conn < this.#first.length; conn++) this.discard(conn)
    this.#count = 0
  }

  /** Marks the slots of all lists. */
  mark(marks: Uint8Array): void {
    if (this.#count === 0) return
    const { next } = this.#frames
    for (const first of this.#first)
      for (let slot = first - 1; slot >= 0; slot = next[slot]) marks[slot] = 1
  }

  save(): HeldSegmentImage[] {
    const held: HeldSegmentImage[] = []
    if (this.#count === 0) return held
    const { pkt, start, length, next, fragment } = this.#frames
    for (const [conn, first] of this.#first.entries()) {
      for (let slot = first - 1; slot >= 0; slot = next[slot]) {
        const bytes = new Uint8Array(pkt.buffer, start[slot], length[slot]).slice()
        held.push({ conn, fragment: fragment[slot], bytes })
      }
    }
    return held
  }

  /** Into slots of our own; what does not fit is left out. */
  restore(held: readonly HeldSegmentImage[]): void {
    const { pkt, start, length, fragment } = this.#frames
    for (const { conn, fragment: came, bytes } of held) {
      const slot = this.#frames.take()
      if (slot === NO_SLOT) return
      new Uint8Array(pkt.buffer, start[slot], bytes.length).set(bytes)
      length[slot] = bytes.length
      fragment[slot] = came
      this.#append(conn, slot)
    }
  }
}
