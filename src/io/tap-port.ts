/**
 * The port of a TAP: one of its queues and its bursts, and letting go of a device that has gone away (the lab taken
 * down, the namespace made anew). It knows descriptors and errno, not packets.
 */

import { constants } from 'node:os'
import type { Arm } from '../engine/arm.ts'
import { type Counters, Drop, Event } from '../engine/counters.ts'
import { BURST, FRAME_MAX, type Frames, NO_SLOT } from '../engine/frames.ts'
import type { Vlans } from '../engine/vlan.ts'
import { VLAN } from '../wire/ethernet.ts'
import type { Impair } from './impair.ts'
import { attach, type Burst, EBADFD, readBurst, writeBurst } from './native.ts'
import { NO_FD, type Port, type PortOptions } from './port.ts'
import type { Watch } from './watch.ts'

const { EAGAIN, ENOBUFS, EIO, EBADF, ENETDOWN } = constants.errno
/**
 * A burst of long frames ends early: 64 of 64 KiB would push one another out of the second-level cache between being
 * read and being written. Worth 8 % in bulk; bursts of one or two are slower again.
 */
const BURST_BYTES = 256 * 1024
const BURST_LEAST = 4
/** A tag that is only a priority comes off on every arm. One byte more than the largest frame has is seen to be too many. */
const READ_MOST = FRAME_MAX + VLAN.TAG + 1

export class TapPort implements Port {
  readonly arm: Arm
  readonly impair: Impair | null
  fd = NO_FD
  reads = true
  emptied = true
  readonly slots = new Int32Array(BURST)
  #slotCount = 0
  /** Frames of the size of the last ones that a burst may have. */
  #fitting = BURST
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #rxDesc = new Int32Array(BURST * 2)
  readonly #txDesc: Int32Array
  readonly #rx: Burst
  readonly #tx: Burst
  readonly #watch: Watch | undefined

  constructor(arm: Arm, options: PortOptions, frames: Frames, counters: Counters) {
    this.arm = arm
    this.impair = options.impair
    this.#watch = options.watch
    this.#frames = frames
    this.#counters = counters
    this.#txDesc = new Int32Array(arm.outbox.length * 2)
    const arena = new Uint8Array(frames.pkt.buffer, 0, frames.pkt.byteLength)
    this.#rx = attach(arena, this.#rxDesc, options.ring)
    this.#tx = attach(arena, this.#txDesc, options.ring)
  }

  take(fd: number, reads: boolean): void {
    this.lose()
    this.fd = fd
    this.reads = reads
    if (reads) this.refill(0)
  }

  get ready(): number {
    return this.#slotCount
  }

  lose(): void {
    this.fd = NO_FD
  }

  read(): number {
    const most = Math.min(this.#slotCount, this.#fitting)
    const count = readBurst(this.#rx, this.fd, 0, most, READ_MOST)
    this.emptied = count < most || most === 0
    if (count < 0) {
      this.#counters.count(Event.RX_ERRORS)
      this.lose()
      return 0
    }
    let bytes = 0
    for (let i = 0; i < count; i++) {
      const length = this.#rxDesc[BURST + i]
      this.#frames.length[this.slots[i]] = length
      bytes += length
    }
    if (count > 0) {
      const fitting = Math.trunc((BURST_BYTES * count) / bytes)
      this.#fitting = Math.max(BURST_LEAST, Math.min(BURST, fitting))
    }
    return count
  }

  refill(used: number): void {
    let ready = this.#fill(0, used)
    if (ready < used) {
      // The arena is used up: what is left over moves forward.
      this.slots.copyWithin(ready, used, this.#slotCount)
      this.#rxDesc.copyWithin(ready, used, this.#slotCount)
    }
    ready += this.#slotCount - used
    this.#slotCount = this.#fill(ready, BURST)
  }

  /**
   * Puts slots at from..to. The last one released is the first one taken, and so is read into next: a stream in short
   * bursts uses a few slots that stay in the cache, and not 64 in turn. => Where the arena was used up, or `to`
   */
  #fill(from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const slot = this.#frames.take()
      if (slot === NO_SLOT) return i
      this.slots[i] = slot
      this.#rxDesc[i] = this.#frames.start[slot]
    }
    return to
  }

  flush(): void {
    const { arm } = this
    const n = arm.outboxCount
    if (n === 0) return
    arm.outboxCount = 0
    const half = arm.outbox.length
    for (let i = 0; i < n; i++) {
      const slot = arm.outbox[i]
      this.#txDesc[i] = this.#frames.start[slot]
      this.#txDesc[half + i] = this.#frames.length[slot]
    }
    let lost = false
    const watched = this.#watch?.on === true
    if (this.fd !== NO_FD) writeBurst(this.#tx, this.fd, 0, n)
    for (let i = 0; i < n; i++) {
      const slot = arm.outbox[i]
      const result = this.fd === NO_FD ? -EBADF : this.#txDesc[half + i]
      const drop = result >= 0 ? 0 : dropReason(-result)
      if (drop === 0) this.#counters.tx(arm.index, result)
      else if (result === -EBADFD) lost = true
      const sender = arm.vlans === null ? arm.index : this.#senderOf(arm.vlans, slot, drop)
      if (drop !== 0) this.#counters.txDrop(sender, drop, slot)
      if (watched) this.#watch?.output(sender, slot, drop)
      this.#frames.release(slot)
    }
    if (lost) this.lose()
  }

  /** => The arm that has sent the frame in `slot`, which is as that arm knows it now: without a tag */
  #senderOf(vlans: Vlans, slot: number, drop: number): number {
    const sender = vlans.armOf(this.#frames, slot)
    if (sender !== this.arm.index && drop === 0)
      this.#counters.tx(sender, this.#frames.length[slot])
    return sender
  }
}

function dropReason(errno: number): number {
  if (errno === EAGAIN || errno === ENOBUFS) return Drop.TX_QUEUE_FULL
  if (errno === EIO || errno === EBADFD || errno === EBADF || errno === ENETDOWN) {
    return Drop.TX_ARM_DOWN
  }
  return Drop.TX_ERROR
}
