/**
 * What workers send one another: a frame that reached the wrong one, a slot that goes home after it was sent or dropped
 * elsewhere, and what was heard of a MAC. The rings are handover.ts's; this file says what their records mean.
 */

import { Drop, Event } from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import type { Frames } from '../engine/frames.ts'
import type { Peers } from '../engine/peers.ts'
import type { Steering } from '../engine/steering.ts'
import { Handed, type Handover } from './handover.ts'

/** Records taken in per turn, so that a flood from a neighbour leaves the arms their turn. */
const RECORDS_PER_TURN = 256

/** Of a record's first cell, where it tells of a neighbour: whether that was asked for, and the link. */
const SOLICITED = 0x100
const LINK = 0xff

/** What another worker has heard of a MAC (Peers.tell). */
export type Hear = (
  link: number,
  address: Int32Array,
  macHi: number,
  macLo: number,
  solicited: boolean,
) => void

export class Exchange implements Peers {
  readonly self: number
  readonly steering: Steering
  readonly #rings: Handover
  readonly #workers: number
  /** The last one that was told of. */
  readonly #address = new Int32Array(4)

  constructor(rings: Handover, steering: Steering, workers: number, self: number) {
    this.#rings = rings
    this.steering = steering
    this.#workers = workers
    this.self = self
  }

  tell(link: number, address: Int32Array, macHi: number, macLo: number, solicited: boolean): void {
    const head = (macHi << 16) | (solicited ? SOLICITED : 0) | link
    for (let to = 0; to < this.#workers; to++) {
      // A ring that is full of frames loses it; whoever still needs to know asks again within a second.
      if (to !== this.self) this.#sendAddress(to, head, macLo, address)
    }
  }

  #sendAddress(to: number, head: number, macLo: number, address: Int32Array): void {
    const c = address[0]
    const d = address[1]
    const e = address[2]
    this.#rings.send(to, Handed.NEIGH, head, macLo, c, d, e, address[3])
  }

  /** Gives the frame in `slot`, which came in on `arm`, to the worker `owner`, or drops it if that one is behind. */
  handOver(engine: Engine, owner: number, arm: number, slot: number): void {
    const { frames, counters } = engine
    const start = frames.start[slot]
    const length = frames.length[slot]
    const fragment = frames.fragment[slot]
    if (this.#rings.send(owner, Handed.FRAME, arm, slot, start, length, fragment)) {
      counters.count(Event.HANDED_OVER)
    } else {
      counters.rxDrop(arm, Drop.HAND_OVER_FULL, slot)
      frames.release(slot)
    }
  }

  /** Takes in what the others have sent; frames go to `judge` in the order in which each of them sent them. */
  receive(frames: Frames, judge: (arm: number, slot: number) => void, hear: Hear): void {
    const rings = this.#rings
    for (let n = 0; n < RECORDS_PER_TURN && rings.receive(); n++) {
      const { kind, a, b, c, d, e } = rings
      if (kind === Handed.FRAME) {
        frames.start[b] = c
        frames.length[b] = d
        frames.fragment[b] = e
        judge(a, b)
      } else if (kind === Handed.HOME) frames.release(a)
      else this.#heard(hear)
    }
  }

  #heard(hear: Hear): void {
    const { a: head, b: macLo, c, d, e, f } = this.#rings
    const address = this.#address
    address[0] = c
    address[1] = d
    address[2] = e
    address[3] = f
    hear(head & LINK, address, head >>> 16, macLo, (head & SOLICITED) !== 0)
  }

  /** Marks the slots of all workers that are not in this one's hands. */
  markElsewhere(marks: Uint8Array): void {
    this.#rings.markElsewhere(marks)
  }

  /**
   * For a thread that takes the place of one that has ended, before anything else: frames that waited for it are dropped, slots
   * of others that it had go home, and those of its own that others have are not free.
   */
  recover({ frames, counters }: Engine): void {
    const rings = this.#rings
    rings.recover(() => {
      const { a: arm, b: slot, c: start, d: length } = rings
      frames.start[slot] = start
      frames.length[slot] = length
      counters.rxDrop(arm, Drop.WORKER_LOST, slot)
    })
    const marks = new Uint8Array(frames.allSlots)
    rings.markElsewhere(marks)
    frames.freeOnly(marks)
    for (let slot = 0; slot < marks.length; slot++)
      if (marks[slot] === 0 && !frames.isOwn(slot)) frames.release(slot)
    this.flush(frames)
  }

  /** Sends home what was released here, and shows the others what was sent since the last time. */
  flush(frames: Frames): void {
    for (let i = 0; i < frames.strangerCount; i++) {
      const slot = frames.strangers[i] as number
      this.#rings.send(Math.trunc(slot / frames.slots), Handed.HOME, slot)
    }
    frames.strangerCount = 0
    this.#rings.flush()
  }

  /** True if nothing waits; from then until awake() whoever sends something ends our sleep. */
  maySleep(): boolean {
    return this.#rings.prepareSleep()
  }

  awake(): void {
    this.#rings.awake()
  }
}
