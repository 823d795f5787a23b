/**
 * An engine without kernel and clock: frames and times are put in by hand, and what it sends is taken out. It is built by the
 * code that builds those of the packet threads, and recorded by the same recorder.
 */

import type { Change } from '../../config/changes.ts'
import { Arm, type ArmImage } from '../../engine/arm.ts'
import { DONE, HAND_OVER, PARKED } from '../../engine/counters.ts'
import type { Engine } from '../../engine/engine.ts'
import { FlightReader, FlightRing, Want, wantFlight } from '../../engine/flight.ts'
import { FRAME_MAX, NO_SLOT } from '../../engine/frames.ts'
import { type EngineImage, saveEngine } from '../../engine/image.ts'
import { type IsnSource, KeyedIsn } from '../../engine/isn.ts'
import { Steering } from '../../engine/steering.ts'
import { TraceRing } from '../../engine/trace.ts'
import { Watch } from '../../io/watch.ts'
import { VLAN } from '../../wire/ethernet.ts'
import { checkShape } from '../journal/damaged.ts'
import { mend } from '../journal/headers.ts'
import { applyChange, applyRunning, type Built, buildBare, restoreBuilt } from '../threads/apply.ts'
import type { BareConfig, Tables } from '../threads/memory.ts'

/** Cells of its recorder: room for what a thousand frames say. */
const FLIGHT_CELLS = 2 ** 18
const TRACE_RECORDS = 16
/** Frames of more bytes are never taken out whole: payload is nothing that an engine looks at. */
export const SENT_BYTES_MAX = 170

/** As a port reads: a tag may come on top, and a byte too many. */
const READ_MOST = FRAME_MAX + VLAN.TAG + 1

export interface RigOptions {
  /** Restored into it; without one the engine is bare. */
  image?: EngineImage
  worker?: number
  /** Of all workers, if there are several. */
  arena?: SharedArrayBuffer
  tables?: Tables
  /** The same. */
  templateMemory?: SharedArrayBuffer
  isn?: IsnSource
  seed?: number
  now: number
  /** One of Want: whether what the engine says is wanted as well. */
  wanted?: number
}

/** A frame that left: its first bytes, from the virtio-net header on. */
export interface Sent {
  arm: number
  length: number
  bytes: Uint8Array
}

/** A frame of `length` bytes from the virtio-net header on, of which `bytes` are the first; the others are zero. */
export interface GivenFrame {
  bytes: Uint8Array
  length: number
  /** Slots that are free, its own not among them; as many as there are, if left out. */
  free?: number
  /** As Frames.fragment; 0 if left out. */
  fragment?: number
  /** The checksum of the datagram that it completes was wrong, and stays so. */
  isSpoilt?: boolean
}

export class Rig {
  readonly engine: Engine
  readonly #built: Built
  readonly #ring: FlightRing
  readonly #watch: Watch
  /** Slots that the packet thread had in other hands. */
  readonly #ballast: number[] = []
  readonly #flight: SharedArrayBuffer
  #us = 0
  #isSpoilt = false

  constructor(config: BareConfig, options: RigOptions) {
    const { worker = 0, image, wanted = Want.MOMENTS, isn, seed = 1, now } = options
    const workers = config.workers.count
    // That of the health checks stands behind those of the config.
    const checkArm = image?.arms[config.arms.length]
    const peers =
      workers === 1 ? null : { self: worker, steering: new Steering(workers), tell: () => {} }
    this.#built = buildBare(config, {
      worker,
      ...(options.arena && { arena: options.arena }),
      ...(peers && { peers }),
      ...(options.tables && { tables: options.tables }),
      ...(options.templateMemory && { templateMemory: options.templateMemory }),
      ...(checkArm && { checkArm: (index, slots) => armOf(checkArm, index, slots) }),
      trace: new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS)), TRACE_RECORDS),
      isn: isn ?? new KeyedIsn(new Int32Array(4)),
      seed,
      now,
    })
    this.engine = this.#built.engine
    if (image) {
      checkShape(image, saveEngine(this.engine, now), 'an image')
      restoreBuilt(this.#built, image)
    }
    this.#flight = new SharedArrayBuffer(FlightRing.bytesFor(FLIGHT_CELLS))
    wantFlight(this.#flight, wanted, SENT_BYTES_MAX)
    this.#ring = new FlightRing(this.#flight, FLIGHT_CELLS)
    this.#watch = new Watch(this.#ring, this.engine, worker, workers, () => this.#us)
    this.#watch.settle(now)
    this.engine.reassembly.mend = slot => this.#mend(slot)
  }

  /** A datagram that was put together has no payload. */
  #mend(slot: number): void {
    const { pkt, start, length } = this.engine.frames
    if (!this.#isSpoilt) mend(new Uint8Array(pkt.buffer, start[slot], length[slot]))
  }

  /** Of what it records. */
  reader(): FlightReader {
    return new FlightReader(this.#flight, FLIGHT_CELLS, false)
  }

  /** Makes as many slots free as the packet thread had at this point, as far as possible. */
  setFree(free: number): void {
    const { frames } = this.engine
    while (frames.free > free) {
      const slot = frames.take()
      if (slot === NO_SLOT) return
      this.#ballast.push(slot)
    }
    while (frames.free < free) {
      const slot = this.#ballast.pop()
      if (slot === undefined) return
      frames.release(slot)
    }
  }

  /** Judges a frame that came in on an arm at `now` of the engine's clock and `us` of the wall's. => the verdict */
  input(arm: number, given: GivenFrame, now: number, us: number): number {
    const { bytes, length, free, fragment = 0, isSpoilt = false } = given
    const { frames, arms } = this.engine
    if (length > READ_MOST || bytes.length > length || arms[arm] === undefined)
      throw new RangeError(`a frame of ${length} bytes on arm ${arm}`)
    this.#us = us
    if (frames.free === 0) this.setFree(1)
    const slot = frames.take()
    const from = frames.start[slot] as number
    new Uint8Array(frames.pkt.buffer, from, Math.max(length, SENT_BYTES_MAX)).fill(0).set(bytes)
    frames.length[slot] = length
    frames.fragment[slot] = fragment
    this.#isSpoilt = isSpoilt
    if (free !== undefined) this.setFree(free)
    this.engine.turn(now)
    this.#watch.begin(now)
    const verdict = this.#watch.input(arms[arm] as Arm, slot, now)
    if (verdict >= 0) (arms[verdict] as Arm).send(slot)
    else if (verdict !== PARKED) {
      if (verdict < DONE && verdict > HAND_OVER) this.engine.counters.rxDrop(arm, -verdict, slot)
      frames.release(slot)
    }
    this.#watch.settle(now)
    return verdict
  }

  tick(now: number, us: number): number {
    this.#us = us
    this.engine.turn(now)
    this.#watch.begin(now)
    const sleep = this.engine.tick(now)
    this.#watch.settle(now)
    return sleep
  }

  /** Before it begins. */
  setUp(change: Change, now: number): void {
    applyChange(this.#built, change, now)
  }

  /** While it runs. */
  change(change: Change, now: number): void {
    applyRunning(this.#built, change, now)
  }

  /** Empties the outboxes, in their order. */
  collect(): Sent[] {
    const { frames, arms } = this.engine
    const all: Sent[] = []
    for (const arm of arms) {
      for (let i = 0; i < arm.outboxCount; i++) {
        const slot = arm.outbox[i] as number
        const length = frames.length[slot] as number
        const from = frames.start[slot] as number
        const first = new Uint8Array(frames.pkt.buffer, from, Math.min(length, SENT_BYTES_MAX))
        all.push({ arm: arm.index, length, bytes: first.slice() })
        this.#watch.output(arm.index, slot, 0)
        frames.release(slot)
      }
      arm.outboxCount = 0
    }
    this.#watch.settle(this.engine.long.ms | 0)
    return all
  }
}

function armOf({ macHi, macLo, mtu }: ArmImage, index: number, slots: number): Arm {
  return new Arm(index, macHi, macLo, mtu, slots)
}
