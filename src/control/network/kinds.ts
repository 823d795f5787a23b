/**
 * The kinds of devices that arms may have. A kind is a row here, made of its own files: how control opens a device, steers, and tells
 * whether another process has it, and the port that a packet thread makes of a queue (io/port.ts); and a row in
 * doctor/places.ts. TAPs are the only kind.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfigArm } from '../../config/arms.ts'
import type { Arm } from '../../engine/arm.ts'
import type { Counters } from '../../engine/counters.ts'
import type { Frames } from '../../engine/frames.ts'
import { steer } from '../../io/native.ts'
import type { Port, PortOptions } from '../../io/port.ts'
import { openQueues, type Queues } from '../../io/queues.ts'
import { TapPort } from '../../io/tap-port.ts'
import { type Holder, holdersOf, isHeld, refuseHeld } from './tun-info.ts'

const RELEASE_MS = 1000
const LOOK_AGAIN_MS = 50

export type Device = Pick<ConfigArm, 'name' | 'netns'>

/** An error of opening a device may say which one. */
export interface DeviceError extends Error {
  device?: Device
}

/** A device is named by its name and its namespace, as the config has it. */
export interface ArmKind {
  /**
   * Opens the device in the namespace file `path` ('' for our own), a queue for each worker. `program` is what steers
   * it, or why nothing does. Throws NativeError.
   */
  open(name: string, path: string, workers: number, program: Uint8Array | string): Queues
  /** Steers by another program from now on; `fd` is any of its queues. Throws NativeError. */
  steer(fd: number, program: Uint8Array): void
  /** Whether more than `own` queues of it are attached: another process has it too. */
  isHeld(name: string, netns: string | null, own: number): boolean
  /** Throws HeldError if it is held, and says by whom. */
  refuseHeld(name: string, netns: string | null, own: number): void
  /** Processes that hold it too, as far as we may look. */
  holders(name: string, netns: string | null): Holder[]
  /** The port of a worker, which gets its queue later. */
  newPort(arm: Arm, options: PortOptions, frames: Frames, counters: Counters): Port
}

export type ArmKindName = 'tap'

export const ARM_KINDS: Record<ArmKindName, ArmKind> = {
  tap: {
    open: openQueues,
    steer,
    isHeld,
    refuseHeld,
    holders: holdersOf,
    newPort: (arm, options, frames, counters) => new TapPort(arm, options, frames, counters),
  },
}

/** Arms of a config are all of one kind. */
export function kindName(_arm: Device): ArmKindName {
  return 'tap'
}

export function kindOf(arm: Device): ArmKind {
  return ARM_KINDS[kindName(arm)]
}

/**
 * Resolves when nobody else holds the devices of these arms. The kernel takes the queues of a daemon that was killed away a
 * moment after it has gone, so a holder is given a second. Rejects with a HeldError.
 */
export async function untilFree(arms: readonly Device[]): Promise<void> {
  for (const end = performance.now() + RELEASE_MS; ; await sleep(LOOK_AGAIN_MS)) {
    try {
      for (const arm of arms) kindOf(arm).refuseHeld(arm.name, arm.netns, 0)
      return
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
