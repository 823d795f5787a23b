/**
 * A port: the device of an arm, as a packet thread sees it. The loop knows no more of it than this; a TAP is one kind
 * (tap-port.ts), and another kind is a file beside it and a row in control's table of kinds.
 *
 * Whatever the device is, a frame in a slot begins with a virtio-net header (wire/vnet-hdr.ts). A port without a device
 * reads nothing, and drops with a reason what it is to send.
 */

import type { Arm } from '../engine/arm.ts'
import type { Impair } from './impair.ts'
import type { Ring } from './native.ts'
import type { Watch } from './watch.ts'

/** fd of a port without a device; poll passes over it. */
export const NO_FD = -1

export interface Port {
  readonly arm: Arm
  /** What befalls frames that are read, or null for nothing. */
  readonly impair: Impair | null
  /** To be slept on, or NO_FD. */
  readonly fd: number
  /** False if another worker reads the only queue that there is, and hands over; this one only writes. */
  readonly reads: boolean
  /** The last read() found less than it had room for, or no room. */
  readonly emptied: boolean
  /** Slots ready to be read into, in this order, and how many there are. */
  readonly slots: Int32Array
  readonly ready: number
  /** Takes a queue of the device, or NO_FD for none yet. The descriptor is that of whoever has opened it, who closes it. */
  take(fd: number, reads: boolean): void
  /** Lets go of a device that has gone; take() brings another. */
  lose(): void
  /** Reads up to a burst into `slots`. => Frames read; their slots are the caller's until refill(). */
  read(): number
  /** Replaces the first `used` slots, and any that were missing, by fresh ones; call it after the burst has been sent. */
  refill(used: number): void
  /** Writes the arm's outbox and frees its slots. What the device refuses is counted by reason. */
  flush(): void
}

export interface PortOptions {
  impair: Impair | null
  /** The thread's ring, or null to move frames by one system call each. */
  ring: Ring | null
  /** Hears what leaves; left out for nobody. */
  watch?: Watch
}
