/**
 * An appliance without kernel and clock, fed as its loop would be: bursts into slots of the arena, at whichever worker. It
 * watches over the arena: free slots hold nothing but a filling, so a byte that is written where it should not be is found.
 */

import assert from 'node:assert/strict'
import { DONE, Drop, HAND_OVER, PARKED } from '../../../src/engine/counters.ts'
import { FlightRing, Want, wantFlight } from '../../../src/engine/flight.ts'
import { HEADROOM, NO_SLOT, STRIDE } from '../../../src/engine/frames.ts'
import { push } from '../../../src/engine/vlan.ts'
import { Several } from '../../kit/several.ts'
import { STAND_ISN, Stand } from '../../kit/stand.ts'
import { kindOfFrame } from './came.ts'
import { Cookies } from './cookies.ts'
import { growthOf } from './growth.ts'
import { hasPayload, Leaving } from './leaving.ts'
import { Sum, sumState } from './sums.ts'
import type { Variant } from './variants.ts'

/** Bytes behind a frame that are looked at at once; the others are when the arena is. */
const GUARD = 96
const DROPS = new Set(Object.values(Drop).map(reason => -reason))
const KNOWN = new Set([PARKED, DONE, ...DROPS])
/** Cells of a recorder's ring: a few hundred frames. */
const CELLS = 2 ** 17

export const CLIENTS = 0
export const SERVERS = 1

export class World {
  readonly variant: Variant
  readonly stands: readonly Stand[]
  readonly arena: Uint8Array
  readonly pkt: DataView
  /** It has addresses of IPv6, too. */
  readonly isDual: boolean
  /** Null where none are given. */
  readonly cookies: Cookies | null
  readonly #several: Several | null
  readonly #fill: number
  readonly #filling: Buffer
  readonly #leaving: Leaving
  /** By slot: where what was written into it ends, one of Sum, and whether it had payload. */
  readonly #dirtyTo: Int32Array
  readonly #came: Uint8Array
  readonly #payload: Uint8Array
  readonly #isFree: Uint8Array
  /** That at hand is one. */
  #isFragment = false
  /** The burst: worker, reading arm and slot of each. */
  readonly #burst: { worker: number; arm: number; slot: number }[] = []
  /** What leaves, folded into one number: two appliances that do the same have the same. */
  digest = 0
  /** Of the last frame. */
  verdict = 0
  verdicts = new Map<number, number>()
  sent = 0
  lost = 0

  constructor(variant: Variant, fill = 0xa5) {
    this.variant = variant
    const { config, workers } = variant
    this.isDual = config.includes('2001:')
    this.cookies = config.includes('syn_proxy: on') ? new Cookies() : null
    this.#several = workers > 1 ? new Several(workers, config, STAND_ISN) : null
    this.stands = this.#several?.stands ?? [new Stand(config, STAND_ISN)]
    const [first] = this.stands as [Stand]
    this.pkt = first.engine.frames.pkt
    this.arena = first.engine.frames.bytes
    this.#fill = fill
    this.#filling = Buffer.alloc(STRIDE, fill)
    this.arena.fill(fill)
    const slots = first.engine.frames.allSlots
    this.#leaving = new Leaving(first.engine.arms.length)
    this.#dirtyTo = new Int32Array(slots)
    this.#came = new Uint8Array(slots)
    this.#payload = new Uint8Array(slots)
    this.#isFree = new Uint8Array(slots).fill(1)
    for (const stand of this.stands) this.#prepare(stand)
  }

  #prepare(stand: Stand): void {
    const { frames, reassembly } = stand.engine
    const { take, copy, release } = frames
    frames.take = () => {
      const slot = take.call(frames)
      if (slot !== NO_SLOT) {
        this.#came[slot] = Sum.UNKNOWN
        this.#isFree[slot] = 0
        // A datagram is put together anywhere in it.
        if (this.#isFragment) this.#dirtyTo[slot] = (slot + 1) * STRIDE
      }
      return slot
    }
    frames.copy = slot => {
      const twin = copy.call(frames, slot)
      if (twin !== NO_SLOT) {
        this.#came[twin] = this.#came[slot] as number
        this.#payload[twin] = this.#payload[slot] as number
        this.#dirtyTo[twin] = (frames.start[twin] as number) + (frames.length[twin] as number)
      }
      return twin
    }
    frames.release = slot => {
      const end = frames.start[slot] + frames.length[slot]
      this.#dirtyTo[slot] = Math.max(this.#dirtyTo[slot], end)
      if (frames.isOwn(slot)) this.#wipe(slot)
      release.call(frames, slot)
    }
    if (this.variant.records) {
      const flight = { memory: new SharedArrayBuffer(FlightRing.bytesFor(CELLS)), cells: CELLS }
      wantFlight(flight.memory, Want.MOMENTS, 200)
      stand.record(this.stands.indexOf(stand) + 1, this.stands.length, flight)
    }
    const { seen } = reassembly
    reassembly.seen = slot => {
      seen?.(slot)
      const at = frames.start[slot]
      this.#came[slot] = sumState(this.pkt, at, frames.length[slot])
      this.#payload[slot] = hasPayload(this.pkt, at) ? 1 : 0
      this.#dirtyTo[slot] = (slot + 1) * STRIDE
    }
  }

  #wipe(slot: number): void {
    assert.equal(this.#isFree[slot], 0, `slot ${slot} is given back twice`)
    this.#isFree[slot] = 1
    this.arena.fill(this.#fill, slot * STRIDE, Math.min(this.#dirtyTo[slot], (slot + 1) * STRIDE))
    this.#dirtyTo[slot] = 0
  }

  get now(): number {
    return (this.stands[0] as Stand).now
  }

  /** The clock goes on, and timers come due. */
  pass(ms: number): void {
    for (const stand of this.stands) {
      stand.now += ms
      stand.watch?.begin(stand.now)
      stand.engine.tick(stand.now | 0)
      this.#flush(stand)
      stand.watch?.settle(stand.now)
    }
    this.#exchange()
  }

  /** A frame of `length` bytes, from its virtio-net header on, waits to be read by `worker` from an arm. => false if there is no slot */
  put(worker: number, arm: number, bytes: Uint8Array, length: number): boolean {
    const stand = this.stands[worker] as Stand
    const { frames } = stand.engine
    const slot = frames.take()
    if (slot === NO_SLOT) {
      this.lost++
      return false
    }
    const start = frames.start[slot] as number
    this.arena.set(bytes.subarray(0, length), start)
    frames.length[slot] = length
    this.#dirtyTo[slot] = start + length
    // A fragment may become all of its datagram here, and in a slot that the engine takes.
    this.#came[slot] = Sum.UNKNOWN
    stand.engine.counters.rx(arm, length)
    this.#burst.push({ worker, arm, slot })
    return true
  }

  /** What waits is read, judged and sent. */
  turn(): void {
    for (const stand of this.stands) stand.engine.turn(stand.now | 0)
    for (const { worker, arm, slot } of this.#burst) {
      const stand = this.stands[worker] as Stand
      this.#judge(stand, this.#untagged(stand, arm, slot), slot)
    }
    this.#burst.length = 0
    for (const stand of this.stands) this.#flush(stand)
    this.#exchange()
    for (const stand of this.stands) stand.watch?.settle(stand.now)
  }

  #untagged(stand: Stand, arm: number, slot: number): number {
    const { frames, arms } = stand.engine
    const { vlans } = arms[arm] as { vlans: null | { armOf(f: object, slot: number): number } }
    return vlans === null ? arm : vlans.armOf(frames, slot)
  }

  #judge(stand: Stand, arm: number, slot: number): void {
    const { frames, arms } = stand.engine
    const start = frames.start[slot] as number
    const length = frames.length[slot] as number
    const came = sumState(this.pkt, start, length)
    this.#came[slot] = came
    this.#payload[slot] = came === Sum.WRONG && hasPayload(this.pkt, start) ? 1 : 0
    const end = this.#dirtyTo[slot] as number
    const { isIpv6, isFragment } = kindOfFrame(this.pkt, start, length)
    this.#isFragment = isFragment
    stand.judgeSlot(arms[arm] as never, slot)
    this.#isFragment = false
    const { verdict } = stand
    this.verdict = verdict
    if (isIpv6 && !this.isDual && !DROPS.has(verdict)) assert.fail(`verdict ${verdict} of IPv6`)
    if (verdict > HAND_OVER && !(verdict >= 0 ? verdict < arms.length : KNOWN.has(verdict)))
      assert.fail(`verdict ${verdict}`)
    this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + 1)
    this.#mix(verdict)
    // The last fragment's slot has all of its datagram.
    const growth = growthOf(this.variant.config)
    if (isFragment) return
    // An advertisement may be longer than the solicitation that it answers in its place, an error of IPv6 than that of IPv4 that it was, a cookie than the SYN.
    const grown =
      (this.isDual || this.cookies) && verdict >= 0 ? frames.start[slot] + frames.length[slot] : end
    this.#guard(slot * STRIDE + HEADROOM - growth, slot * STRIDE, Math.max(end, grown))
  }

  #guard(to: number, base: number, end: number): void {
    const fill = this.#fill
    for (let at = base; at < to; at++)
      if (this.arena[at] !== fill) assert.fail(`byte ${at - base} of the headroom was written`)
    const behind = Math.min(end + GUARD, base + STRIDE)
    for (let at = end; at < behind; at++)
      if (this.arena[at] !== fill) assert.fail(`byte ${at - end} behind a frame was written`)
  }

  #mix(value: number): void {
    this.digest = (Math.imul(this.digest ^ value, 0x01000193) + 0x9e37) | 0
  }

  /** As VlanPort and TapPort write: what leaves is judged. */
  #flush(stand: Stand): void {
    const { frames, arms, counters } = stand.engine
    for (const arm of arms) {
      for (let i = 0; i < arm.outboxCount; i++) {
        const slot = arm.outbox[i] as number
        this.#leave(stand, slot, arm)
        const { vlan } = stand.config.arms[arm.index] as { vlan: { id: number } | null }
        if (vlan) push(frames, slot, vlan.id)
        stand.watch?.output(arm.index, slot, 0)
        counters.tx(arm.index, frames.length[slot] as number)
        frames.release(slot)
      }
      arm.outboxCount = 0
    }
  }

  #leave(stand: Stand, slot: number, arm: { index: number; mtu: number }): void {
    const { frames } = stand.engine
    const at = frames.start[slot] as number
    const length = frames.length[slot] as number
    assert.ok(at >= slot * STRIDE && at + length <= (slot + 1) * STRIDE, 'a frame out of its slot')
    const came = this.#came[slot] as number
    const wrong = this.#leaving.judge(this.pkt, at, length, arm, came, this.#payload[slot] === 1)
    if (wrong !== '') {
      const hex = Buffer.from(this.arena.slice(at, at + Math.min(length, 300))).toString('hex')
      assert.fail(`sent ${wrong}, it came as ${came}: arm ${arm.index} ${hex}`)
    }
    if (arm.index === CLIENTS) this.cookies?.left(this.pkt, at, length)
    this.sent++
    this.#mix(arm.index)
    const end = Math.min(length, 120)
    for (let i = 0; i + 4 <= end; i += 4) this.#mix(this.pkt.getInt32(at + i))
  }

  /** Between the workers. */
  #exchange(): void {
    const several = this.#several
    if (several === null) return
    for (let round = 0; round < 2; round++) {
      several.exchange(
        (stand, arm, slot) => this.#judge(stand, arm, slot),
        stand => this.#flush(stand),
      )
    }
  }

  /** Where what is in a slot that somebody has ends. */
  #usedTo(slot: number): number {
    for (const { engine } of this.stands) {
      const { frames } = engine
      if (!frames.isOwn(slot)) continue
      const end = (frames.start[slot] as number) + (frames.length[slot] as number)
      return Math.max(end, this.#dirtyTo[slot] as number)
    }
    return slot * STRIDE
  }

  /** Every slot that is free holds nothing but the filling. */
  checkArena(): void {
    for (let slot = 0; slot < this.#isFree.length; slot++) {
      const at = slot * STRIDE
      const from = this.#isFree[slot] === 1 ? at : this.#usedTo(slot)
      const bytes = at + STRIDE - from
      if (bytes <= 0 || this.#filling.compare(this.arena, from, from + bytes, 0, bytes) === 0)
        continue
      const byte = this.arena.subarray(from, from + bytes).findIndex(b => b !== this.#fill)
      assert.fail(`byte ${from - at + byte} of slot ${slot}, which nobody has, was written`)
    }
  }
}
