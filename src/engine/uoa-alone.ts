/** The datagram that tells an RS a client's address ahead of one that has no room for it (semantics 4.2). */

import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { CELL, KEY, RECORD } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import type { Egress } from './egress.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import { OwnFrames } from './own-frames.ts'
import type { Parts } from './parts.ts'
import { sayNoToa } from './say.ts'
import type { TraceRing } from './trace.ts'
import { writeUoaAlone } from './xmit/uoa.ts'
import { UoaAlone6 } from './xmit/uoa6.ts'
import { UoaAlone64 } from './xmit/uoa64.ts'

const { UOA_ALONE } = Event
const { BINDING } = CELL
const { at: recordAt, key: keyOf } = RECORD
const { IPV6 } = KEY

export class UoaAlone {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #egress: Egress
  readonly #own: OwnFrames
  readonly #trace: TraceRing
  readonly #mode: number
  readonly #six: UoaAlone6
  readonly #across: UoaAlone64

  /** `mode` is one of UoaMode. */
  constructor(parts: Parts, egress: Egress, mode: number) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#counters = parts.counters
    this.#egress = egress
    this.#trace = parts.trace
    this.#own = new OwnFrames(parts)
    this.#mode = mode
    this.#six = new UoaAlone6(parts)
    this.#across = new UoaAlone64(parts)
  }

  /** The client's address does not go with a packet of a conn, as `failed` says: of UDP it goes ahead, of TCP not at all. */
  notAdded(failed: number, conn: number, arm: Arm, dest: number, now: number): void {
    if (failed === UOA_ALONE) this.#send(conn, arm, dest, now)
    else if (this.#trace.debug) sayNoToa(this.#trace, this.#cells, conn, failed)
  }

  /** Of a conn, to its RS `dest` on that one's arm; without a free slot its client goes untold. */
  #send(conn: number, arm: Arm, dest: number, now: number): void {
    const slot = this.#frames.take()
    if (slot === NO_SLOT) {
      this.#counters.count(Event.UOA_NO_BUFFER)
      return
    }
    const binding = this.#cells[recordAt(conn) | BINDING]
    if (keyOf(binding, 1) >= IPV6) this.#six.write(slot, conn)
    else if (keyOf(binding, 0) >= IPV6) this.#across.write(slot, conn)
    else writeUoaAlone(this.#frames, slot, this.#cells, conn, this.#mode)
    this.#counters.count(Event.UOA_ALONE)
    const eth = this.#frames.start[slot] + VNET.BYTES
    this.#own.settle(slot, this.#egress.toRs(slot, eth, arm, dest, now))
  }
}
