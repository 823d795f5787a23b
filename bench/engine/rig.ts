/**
 * An engine as the daemon builds it, with as many services, RSs, LIPs and connections as wanted and no kernel below:
 * frames are written into slots as a read would leave them, and judged as the loop does it.
 */

import { performance } from 'node:perf_hooks'
import { buildEngine } from '../../src/control/threads/build.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { DONE, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Family, linkOf } from '../../src/engine/family.ts'
import { FlightRing, Want, wantFlight } from '../../src/engine/flight.ts'
import { BURST } from '../../src/engine/frames.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { Watch } from '../../src/io/watch.ts'
import { macInts } from '../../src/wire/address.ts'
import { writeArpRequest } from '../../src/wire/arp.ts'
import { type Ipv6, parseIpv6 } from '../../src/wire/ipv6-address.ts'
import { clearVnetHdr, VNET } from '../../src/wire/vnet-hdr.ts'
import { configOf, LIP, RIP, type RigOptions, RS_ADDRESSES, VIP, VIPS } from './rig-config.ts'
import type { Mac } from './segments.ts'
import { sixText } from './segments6.ts'

/** Cells of 8 MiB. */
const FLIGHT_CELLS = 1 << 21
/** `capture.snaplen` and the virtio-net header. */
const FLIGHT_SNAP = 160 + VNET.BYTES

export const CLIENT_MAC: Mac = macInts('02:00:0a:00:00:01')
export const RS_MAC: Mac = macInts('02:00:ac:10:00:01')

export class Rig {
  readonly engine: Engine
  readonly ext: Arm
  readonly int: Arm
  readonly services: number
  /** Who speaks IPv6. */
  readonly clientsSix: boolean
  readonly serversSix: boolean
  /** Slots of the burst at hand, taken and not yet judged. */
  readonly slots = new Int32Array(BURST)
  /** The engine's clock, ms. */
  now = 1_000_000
  readonly #watch: Watch | undefined

  constructor(options: RigOptions) {
    this.services = options.services ?? 1
    this.clientsSix = options.families !== undefined
    this.serversSix = options.families === 'six'
    const realServers = options.realServers ?? 16
    this.engine = buildEngine(configOf(options, this.services, realServers), {
      trace: new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(4096)), 4096),
      isn: new KeyedIsn(Int32Array.of(1, 2, 3, 4)),
      seed: 7,
      now: this.now,
      ...(options.lports && { lports: options.lports }),
    })
    this.ext = this.engine.arms[0]
    this.int = this.engine.arms[1]
    this.clearOutboxes()
    if (options.record) this.#watch = recorder(this.engine)
    const addresses = Math.min(this.services * realServers, RS_ADDRESSES)
    if (this.serversSix) this.#answerNd(addresses)
    else this.#answerArp(addresses)
  }

  vip(service: number): number {
    return VIP + (service % VIPS)
  }

  vport(service: number): number {
    return 1000 + Math.floor(service / VIPS)
  }

  /** Takes the slots of a burst, as the loop has them ready before it reads. */
  take(): Int32Array {
    for (let i = 0; i < BURST; i++) this.slots[i] = this.engine.frames.take()
    return this.slots
  }

  /** Judges the burst. => ms that took */
  judge(arm: Arm): number {
    const from = performance.now()
    if (this.#watch) judgeOnRecord(this.#watch, this.engine, arm, this.slots, this.now)
    else judgeBurst(this.engine, arm, this.slots, this.now)
    return performance.now() - from
  }

  /** One call of the engine's tick. => ms that took */
  tick(): number {
    const from = performance.now()
    this.engine.tick(this.now)
    return performance.now() - from
  }

  /** What writing the frames out would do to their slots. */
  clearOutboxes(): void {
    for (const arm of this.engine.arms) {
      for (let i = 0; i < arm.outboxCount; i++) this.engine.frames.release(arm.outbox[i])
      arm.outboxCount = 0
    }
  }

  /** The same over IPv6, by advertisements. */
  #answerNd(addresses: number): void {
    const { addressBook } = this.engine
    const [hi, lo] = RS_MAC
    for (let i = 0; i < addresses; i++) {
      const word = addressBook.find(...(parseIpv6(sixText(RIP + i)) as Ipv6))
      this.engine.neighs.hear(linkOf(this.int.index, Family.IPV6), word, hi, lo, true, this.now)
      this.clearOutboxes()
    }
  }

  /** The RSs answer what the engine has asked when they were added. */
  #answerArp(addresses: number): void {
    const { frames } = this.engine
    for (let i = 0; i < addresses; i++) {
      const slot = frames.take()
      const start = frames.start[slot]
      clearVnetHdr(frames.pkt, start)
      const eth = start + VNET.BYTES
      const { macHi, macLo } = this.int
      writeArpRequest(frames.pkt, eth, RS_MAC[0], RS_MAC[1], RIP + i, LIP)
      frames.pkt.setUint16(eth, macHi)
      frames.pkt.setInt32(eth + 2, macLo)
      frames.pkt.setUint16(eth + 14 + 6, 2)
      frames.length[slot] = VNET.BYTES + 42
      judge(this.engine, this.int, slot, this.now)
      this.clearOutboxes()
    }
  }
}

function judgeBurst(engine: Engine, arm: Arm, slots: Int32Array, now: number): void {
  engine.expect(slots, BURST)
  for (let i = 0; i < BURST; i++) judge(engine, arm, slots[i], now)
}

function recorder(engine: Engine): Watch {
  const memory = new SharedArrayBuffer(FlightRing.bytesFor(FLIGHT_CELLS))
  wantFlight(memory, Want.MOMENTS, FLIGHT_SNAP)
  return new Watch(new FlightRing(memory, FLIGHT_CELLS), engine)
}

/** A turn of the loop with the recorder on: the same burst, and each frame once more as it leaves. */
function judgeOnRecord(
  watch: Watch,
  engine: Engine,
  arm: Arm,
  slots: Int32Array,
  now: number,
): void {
  const { frames, counters, arms } = engine
  watch.settle(now)
  watch.begin(now)
  engine.expect(slots, BURST)
  for (let i = 0; i < BURST; i++) {
    const slot = slots[i]
    counters.rx(arm.index, frames.length[slot])
    const verdict = watch.input(arm, slot, now)
    if (verdict < 0) throw new Error(`a frame on record was refused: ${verdict}`)
    arms[verdict].send(slot)
    watch.output(verdict, slot, 0)
  }
}

/** What the loop does with every frame it has read. */
function judge(engine: Engine, arm: Arm, slot: number, now: number): void {
  const { frames, counters, arms } = engine
  counters.rx(arm.index, frames.length[slot])
  const verdict = engine.input(arm, slot, now)
  if (verdict >= 0) {
    arms[verdict].send(slot)
    return
  }
  if (verdict === PARKED) return
  if (verdict !== DONE) counters.rxDrop(arm.index, -verdict, slot)
  frames.release(slot)
}
