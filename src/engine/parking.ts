/**
 * Frames that wait for a neighbour's MAC: one list per neighbour, through frames.next, first in, first out. A parked
 * slot belongs to its list until flush or discard. It is always one of our own: a worker that is handed many frames for
 * a dead RS must not keep another one's slots for seconds.
 */

import { writeMacs } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type Counters, Drop } from './counters.ts'
import { Fragmentation } from './fragmentation.ts'
import { type Frames, HEADERS_MAX, NO_SLOT } from './frames.ts'
import type { Parts } from './parts.ts'
import { sayParkedDrop } from './say.ts'
import type { TraceRing } from './trace.ts'

const { BYTES: VNET_BYTES } = VNET

/** A frame that neighbour n keeps: its bytes, virtio-net header included, and the first of them; `fragment` is as in Frames. */
export interface ParkedImage {
  n: number
  length: number
  fragment: number
  headers: Uint8Array
}

/** => true if it has taken the frame in `slot`, which was counted as dropped */
export interface Returned {
  returns(slot: number): boolean
}

export class Parking {
  readonly #head: Int32Array
  readonly #tail: Int32Array
  readonly #count: Int32Array
  readonly #limit: number
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #fragmentation: Fragmentation
  /** What becomes of frames that are given up; nothing if there is nobody. */
  returned: Returned | null = null

  /** Lists for `lists` neighbours of at most limit + 1 frames: DPVS tests "more than" (semantics 6.2). */
  constructor(
    lists: number,
    limit: number,
    parts: Pick<Parts, 'frames' | 'arms' | 'counters' | 'trace' | 'random'>,
  ) {
    const { frames, counters, trace } = parts
    this.#head = new Int32Array(lists).fill(NO_SLOT)
    this.#tail = new Int32Array(lists)
    this.#count = new Int32Array(lists)
    this.#limit = limit
    this.#frames = frames
    this.#counters = counters
    this.#trace = trace
    this.#fragmentation = new Fragmentation(parts)
  }

  /** The frames of the first `lists` neighbours: what leaves with them needs no more than headers and length. */
  save(lists: number): ParkedImage[] {
    const { pkt, start, length, next, fragment } = this.#frames
    const parked: ParkedImage[] = []
    for (let n = 0; n < lists; n++) {
      for (let slot = this.#head[n]; slot !== NO_SLOT; slot = next[slot]) {
        const bytes = Math.min(length[slot], HEADERS_MAX)
        const headers = new Uint8Array(pkt.buffer, start[slot], bytes).slice()
        parked.push({ n, length: length[slot], fragment: fragment[slot], headers })
      }
    }
    return parked
  }

  /** Into slots of our own; what does not fit is left out. */
  restore(parked: readonly ParkedImage[]): void {
    const { pkt, start, length, fragment } = this.#frames
    for (const { n, length: bytes, fragment: came, headers } of parked) {
      const slot = this.#frames.take()
      if (slot === NO_SLOT) return
      new Uint8Array(pkt.buffer, start[slot], bytes).fill(0).set(headers)
      length[slot] = bytes
      fragment[slot] = came
      this.#append(n, slot)
    }
  }

  count(n: number): number {
    return this.#count[n]
  }

  /** => 0 and the slot is parked, or minus a drop reason and it is still the caller's. */
  park(n: number, arrived: number): number {
    const frames = this.#frames
    if (this.#count[n] > this.#limit) return -Drop.NEIGH_QUEUE_FULL
    if (frames.scarce) return -Drop.NO_BUFFER
    let slot = arrived
    if (!frames.isOwn(arrived)) {
      slot = frames.copy(arrived)
      frames.release(arrived)
    }
    this.#append(n, slot)
    return 0
  }

  #append(n: number, slot: number): void {
    const { next } = this.#frames
    next[slot] = NO_SLOT
    if (this.#head[n] === NO_SLOT) this.#head[n] = slot
    else next[this.#tail[n]] = slot
    this.#tail[n] = slot
    this.#count[n]++
  }

  /**
   * Addresses the list to this MAC and moves it to the arm's outbox, in order. The type is there already: what is parked
   * has been of the neighbour's family all the while. What does not fit on the arm is cut now.
   */
  flush(n: number, arm: Arm, macHi: number, macLo: number): void {
    const { pkt, start, next } = this.#frames
    for (let slot = this.#detach(n); slot !== NO_SLOT; ) {
      const following = next[slot]
      writeMacs(pkt, start[slot] + VNET_BYTES, macHi, macLo, arm.macHi, arm.macLo)
      if (this.#fragmentation.isDue(slot, arm)) this.#cut(slot, arm)
      else arm.send(slot)
      slot = following
    }
  }

  #cut(slot: number, arm: Arm): void {
    const failed = this.#fragmentation.cut(slot, arm)
    if (failed === 0) {
      arm.send(slot)
      return
    }
    this.#counters.txDrop(arm.index, -failed, slot)
    this.#frames.release(slot)
  }

  /** Drops the list: nobody answered. */
  discard(n: number, arm: number): void {
    for (let slot = this.#detach(n); slot !== NO_SLOT; ) {
      const next = this.#frames.next[slot]
      this.#counters.txDrop(arm, Drop.NEIGH_UNRESOLVED, slot)
      if (this.#trace.debug) {
        const pair = this.#frames.mark[slot]
        sayParkedDrop(this.#trace, pair, Drop.NEIGH_UNRESOLVED)
      }
      if (this.returned === null || !this.returned.returns(slot)) this.#frames.release(slot)
      slot = next
    }
  }

  /** Marks the slots of all lists. */
  mark(marks: Uint8Array): void {
    const { next } = this.#frames
    for (const head of this.#head)
      for (let slot = head; slot !== NO_SLOT; slot = next[slot]) marks[slot] = 1
  }

  /** Empties a list before anything becomes of it, so that none is ever half a list. => its first slot */
  #detach(n: number): number {
    const first = this.#head[n]
    this.#head[n] = NO_SLOT
    this.#count[n] = 0
    return first
  }
}
