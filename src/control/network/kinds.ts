/**
 * The kinds of devices that arms may have. A kind is a row here, made of its own files: how control opens a device, steers, and tells
 * whether another process has it, and the port that a packet thread makes of a queue (io/port.ts); and a row in
 * doctor/places.ts. A NIC has a TAP behind it (nic.ts), so its port is a TAP's.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ArmKindName } from '../../config/arms.ts'
import type { Arm } from '../../engine/arm.ts'
import type { Counters } from '../../engine/counters.ts'
import type { Frames } from '../../engine/frames.ts'
import { steer } from '../../io/native.ts'
import type { Port, PortOptions } from '../../io/port.ts'
import { openQueues } from '../../io/queues.ts'
import { TapPort } from '../../io/tap-port.ts'
import type { Device, Opened, Ours } from './device.ts'
import { netnsPath } from './netns.ts'
import { openNic, tapOf } from './nic.ts'
import { type Holder, holdersOf, isHeld, refuseHeld } from './tun-info.ts'

const RELEASE_MS = 2000
const LOOK_AGAIN_MS = 50

export interface ArmKind {
  /**
   * Opens the device, a queue for each worker. `steering` is what steers it, or why nothing does. Throws NativeError.
   */
  open(device: Device, workers: number, steering: Uint8Array | string, ours: Ours): Opened
  /** Steers by another program from now on; `fd` is any of its queues. Throws NativeError. */
  steer(fd: number, program: Uint8Array): void
  /** Whether more than `own` queues of it are attached: another process has it too. */
  isHeld(device: Device, own: number): boolean
  /** Throws HeldError if it is held, and says by whom. */
  refuseHeld(device: Device, own: number): void
  /** Processes that hold it too, as far as we may look. */
  holders(device: Device): Holder[]
  /** The port of a worker, which gets its queue later. */
  newPort(arm: Arm, options: PortOptions, frames: Frames, counters: Counters): Port
}

const newPort: ArmKind['newPort'] = (arm, options, frames, counters) =>
  new TapPort(arm, options, frames, counters)

export const ARM_KINDS: Record<ArmKindName, ArmKind> = {
  tap: {
    open: ({ name, netns }, workers, steering) =>
      openQueues(name, netnsPath(netns), workers, steering),
    steer,
    isHeld: ({ name, netns }, own) => isHeld(name, netns, own),
    refuseHeld: ({ name, netns }, own) => refuseHeld(name, netns, own),
    holders: ({ name, netns }) => holdersOf(name, netns),
    newPort,
  },
  // Who has the TAP behind it has the NIC.
  nic: {
    open: openNic,
    steer,
    isHeld: (device, own) => withTap(device, tap => isHeld(tap, device.netns, own)) ?? false,
    refuseHeld: (device, own) =>
      withTap(device, tap => refuseHeld(tap, device.netns, own, `nic ${device.name}`)),
    holders: device => withTap(device, tap => holdersOf(tap, device.netns)) ?? [],
    newPort,
  },
}

function withTap<T>(device: Device, look: (tap: string) => T): T | undefined {
  const tap = tapOf(device)
  return tap === undefined ? undefined : look(tap)
}

export function kindOf({ kind }: Pick<Device, 'kind'>): ArmKind {
  return ARM_KINDS[kind]
}

/**
 * Resolves when nobody else holds the devices of these arms. The kernel takes the queues of a daemon that was killed away a
 * moment after it has gone, and one whose keeper was killed ends by itself, so a holder is given two seconds. Rejects with a HeldError.
 */
export async function untilFree(arms: readonly Device[]): Promise<void> {
  for (const end = performance.now() + RELEASE_MS; ; await sleep(LOOK_AGAIN_MS)) {
    try {
      for (const arm of arms) kindOf(arm).refuseHeld(arm, 0)
      return
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
