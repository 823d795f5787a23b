/**
 * The port of a sub-arm (engine/vlan.ts), which has no device: what it is to send gets its tag and leaves by the port of the
 * parent, which says what became of it.
 */

import type { Arm } from '../engine/arm.ts'
import type { Frames } from '../engine/frames.ts'
import { push } from '../engine/vlan.ts'
import type { Impair } from './impair.ts'
import { NO_FD, type Port } from './port.ts'

const NO_SLOTS = new Int32Array(0)

export class VlanPort implements Port {
  readonly arm: Arm
  readonly impair: Impair | null
  readonly fd = NO_FD
  readonly reads = false
  readonly emptied = true
  readonly slots = NO_SLOTS
  readonly ready = 0
  readonly #parent: Arm
  readonly #id: number
  readonly #frames: Frames

  constructor(arm: Arm, parent: Arm, id: number, impair: Impair | null, frames: Frames) {
    this.arm = arm
    this.impair = impair
    this.#parent = parent
    this.#id = id
    this.#frames = frames
  }

  take(): void {}

  lose(): void {}

  read(): number {
    return 0
  }

  refill(): void {}

  /** To the parent's outbox: it is to be flushed before the parent. */
  flush(): void {
    const { arm } = this
    for (let i = 0; i < arm.outboxCount; i++) {
      push(this.#frames, arm.outbox[i], this.#id)
      this.#parent.send(arm.outbox[i])
    }
    arm.outboxCount = 0
  }
}
