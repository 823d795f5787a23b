/** Frames that the engine itself has written: what becomes of them is not for whoever brought a packet to know. */

import type { Arm } from './arm.ts'
import { type Counters, PARKED } from './counters.ts'
import type { Frames } from './frames.ts'
import type { Parts } from './parts.ts'

export class OwnFrames {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #counters: Counters

  constructor({ frames, arms, counters }: Parts) {
    this.#frames = frames
    this.#arms = arms
    this.#counters = counters
  }

  /** Carries out the verdict on the one in `slot`. */
  settle(slot: number, verdict: number): void {
    if (verdict >= 0) {
      this.#arms[verdict].send(slot)
    } else if (verdict !== PARKED) {
      this.#counters.ownDrop(-verdict, slot)
      this.#frames.release(slot)
    }
  }
}
