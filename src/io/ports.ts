/** The kinds of devices that an arm may have, and how a worker makes the port of one. */

import type { Arm } from '../engine/arm.ts'
import type { Counters } from '../engine/counters.ts'
import type { Frames } from '../engine/frames.ts'
import { steer } from './native.ts'
import type { Port, PortOptions } from './port.ts'
import { openQueues, type Queues } from './queues.ts'
import { TapPort } from './tap-port.ts'

export interface PortKind {
  /**
   * Opens the device `name` in the namespace file `netns` ('' for our own), a queue for each worker. `program` is what
   * steers it, or why nothing does. Throws NativeError.
   */
  open(name: string, netns: string, workers: number, program: Uint8Array | string): Queues
  /** Steers by another program from now on; `fd` is any of the queues. Throws NativeError. */
  steer(fd: number, program: Uint8Array): void
  /** The port of a worker; it gets its queue later. */
  newPort(arm: Arm, options: PortOptions, frames: Frames, counters: Counters): Port
}

export const PORT_KINDS = {
  tap: {
    open: openQueues,
    steer,
    newPort: (arm, options, frames, counters) => new TapPort(arm, options, frames, counters),
  },
} as const satisfies Record<string, PortKind>
