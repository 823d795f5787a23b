/**
 * Impairment for labs: frames that an arm has read are lost, doubled, delayed or spoiled before the engine sees them
 * (this kernel family may lack netem, and a TAP has no queueing discipline on the way to us). Seeded, so a run can be
 * repeated. The engine knows nothing of it.
 */

import { type Frames, NO_SLOT } from '../engine/frames.ts'
import { Random } from '../engine/random.ts'
import { ETH } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'

/** Probabilities 0..1 per frame. */
export interface ImpairOptions {
  loss: number
  duplicate: number
  reorder: number
  corrupt: number
  seed: number
}

/** A held frame goes on after this many frames have overtaken it, or after HOLD_MS. */
const OVERTAKERS = 3
const HOLD_MS = 5
const HELD_MAX = 16
/** Granularity of the probabilities. */
const SCALE = 65_536

export class Impair {
  readonly #options: ImpairOptions
  readonly #frames: Frames
  readonly #random: Random
  readonly #held = new Int32Array(HELD_MAX)
  readonly #overtaken = new Int32Array(HELD_MAX)
  readonly #since = new Int32Array(HELD_MAX)
  #heldCount = 0

  constructor(options: ImpairOptions, frames: Frames) {
    this.#options = options
    this.#frames = frames
    this.#random = new Random(options.seed)
  }

  /** Frames that wait to be overtaken: the loop must not sleep longer than HOLD_MS while there are any. */
  get holding(): boolean {
    return this.#heldCount > 0
  }

  /** Marks the slots that are held. */
  mark(marks: Uint8Array): void {
    for (let i = 0; i < this.#heldCount; i++) marks[this.#held[i]] = 1
  }

  static readonly holdMs = HOLD_MS

  /**
   * Decides the fate of the frame in `slot`. Hands what goes on to `pass`, in the order in which it goes on; a lost
   * frame goes to `lose`. Each slot is handed over exactly once.
   */
  frame(
    slot: number,
    now: number,
    pass: (slot: number) => void,
    lose: (slot: number) => void,
  ): void {
    const { loss, duplicate, reorder, corrupt } = this.#options
    if (this.#happens(loss)) {
      lose(slot)
      return
    }
    if (this.#happens(corrupt)) this.#flipBit(slot)
    if (this.#happens(duplicate)) {
      const twin = this.#frames.scarce ? NO_SLOT : this.#frames.copy(slot)
      if (twin !== NO_SLOT) pass(twin)
    }
    if (this.#heldCount < HELD_MAX && this.#happens(reorder)) {
      this.#held[this.#heldCount] = slot
      this.#overtaken[this.#heldCount] = 0
      this.#since[this.#heldCount++] = now
      return
    }
    pass(slot)
    for (let i = 0; i < this.#heldCount; i++) this.#overtaken[i]++
    this.release(now, pass)
  }

  /** Lets go what has been overtaken enough or has waited HOLD_MS. */
  release(now: number, pass: (slot: number) => void): void {
    let kept = 0
    const count = this.#heldCount
    this.#heldCount = 0
    for (let i = 0; i < count; i++) {
      if (this.#overtaken[i] >= OVERTAKERS || ((now - this.#since[i]) | 0) >= HOLD_MS) {
        pass(this.#held[i])
        continue
      }
      this.#held[kept] = this.#held[i]
      this.#overtaken[kept] = this.#overtaken[i]
      this.#since[kept++] = this.#since[i]
    }
    this.#heldCount = kept
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#random.below(SCALE) < probability * SCALE
  }

  /**
   * One bit behind the Ethernet header. A frame with a partial checksum is spared: nobody would notice, for the
   * receiver trusts it as it trusts its own memory, and no wire carries such a frame.
   */
  #flipBit(slot: number): void {
    const { pkt } = this.#frames
    const start = this.#frames.start[slot]
    const from = start + VNET.BYTES + ETH.HEADER
    const bytes = Math.min(this.#frames.length[slot] - VNET.BYTES - ETH.HEADER, SCALE)
    if (bytes <= 0 || pkt.getUint8(start + VNET.FLAGS) !== 0) return
    const at = from + this.#random.below(bytes)
    pkt.setUint8(at, pkt.getUint8(at) ^ (1 << this.#random.below(8)))
  }
}
