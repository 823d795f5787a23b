/**
 * Neighbours: MACs of next hops, per arm, with the five states of DPVS (semantics 6). Before changing this
 * file read RFC 826 and semantics 6.
 *
 * What differs from DPVS, each because an appliance has to be right without a control plane beside it: a request is
 * repeated every second while an entry is in SEND, failure is reported, a MAC that changed is learned from any ARP of
 * a *known* neighbour, and a packet from another MAC than the known one makes us ask again (event SUSPECT).
 *
 * Life-cycle of an entry: created by the first packet (or resolve()) in NONE, asked for (SEND), REACHABLE, PROBE and
 * DELAY when it ages, deleted when the timer fires in NONE. Frames that wait for it are parked (parking.ts).
 */

import { writeMacs } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { sendArp } from './arp-output.ts'
import { type Counters, Event, PARKED } from './counters.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import { NEIGH_TIMEOUTS_SEC, Neigh, NeighEvent, nextNeighState } from './neigh-state.ts'
import { NeighTable, type NeighTableImage, NO_NEIGH } from './neigh-table.ts'
import { type ParkedImage, Parking } from './parking.ts'
import type { Random } from './random.ts'
import { sayFailed, sayMoved, sayNeigh } from './say.ts'
import { KEEP } from './state-table.ts'
import type { TraceRing } from './trace.ts'

/** Up to 200 ms are added to every timeout, so that entries made together do not age together. */
const JITTER_MS = 200
const RETRANSMIT_MS = 1000
/** An entry that has just changed is not suspected again at once: an RS behind two routers may use two MACs. */
const SUSPECT_PAUSE_MS = 1000
/** A stamp that lies further back than half of any timeout: "never". */
const LONG_AGO = 0x3fffffff

export interface NeighOptions {
  /** Entries over all arms. */
  capacity: number
  /** REACHABLE, in seconds. */
  timeoutSec: number
  /** Frames parked per unresolved entry. */
  queueLimit: number
}

export interface NeighImage extends NeighTableImage {
  parked: ParkedImage[]
}

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { NONE, SEND, REACHABLE, PROBE, DELAY } = Neigh
const { CONFIRMED, SUSPECT } = NeighEvent
const { BYTES: VNET_BYTES } = VNET

export class Neighs extends NeighTable {
  readonly #parking: Parking
  readonly #timeoutMs: Int32Array
  readonly #arms: readonly Arm[]
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #random: Random

  constructor(
    options: NeighOptions,
    arms: readonly Arm[],
    frames: Frames,
    counters: Counters,
    trace: TraceRing,
    random: Random,
  ) {
    super(options.capacity)
    this.#parking = new Parking(options.capacity, options.queueLimit, frames, counters, trace)
    this.#timeoutMs = Int32Array.from(NEIGH_TIMEOUTS_SEC, sec => sec * 1000)
    this.#timeoutMs[REACHABLE] = options.timeoutSec * 1000
    this.#arms = arms
    this.#frames = frames
    this.#counters = counters
    this.#trace = trace
    this.#random = random
  }

  save(): NeighImage {
    return { ...this.saveTable(), parked: this.#parking.save(this.top) }
  }

  /** Into a new table of the same options; the counters, a gauge of the states among them, are restored by themselves. */
  restore(image: NeighImage): void {
    this.restoreTable(image)
    this.#parking.restore(image.parked)
  }

  /** Entry for `address` on `arm`, created in NONE if there is none; NO_NEIGH when the table is full. */
  findOrCreate(arm: number, address: number, hint: number, now: number): number {
    const found = this.find(arm, address, hint)
    return found >= 0 ? found : this.#create(arm, address, now)
  }

  /** It has answered, and has not been silent since for too long. */
  isKnown(n: number): boolean {
    return this.state[n] >= REACHABLE
  }

  #create(arm: number, address: number, now: number): number {
    const n = this.enter(arm, address)
    if (n < 0) return n
    this.state[n] = NONE
    this.#counters.neigh(arm, NONE, 1)
    this.stamp[n] = now - LONG_AGO
    this.#rearm(n, now)
    return n
  }

  /**
   * Addresses the frame in `slot` (IPv4, its Ethernet header at `eth` about to be written) to neighbour n, which is on
   * `arm`. => The arm to send on, PARKED if the neighbour keeps the slot until it is resolved, or minus a drop reason.
   */
  output(n: number, slot: number, eth: number, arm: Arm, now: number): number {
    const state = this.state[n]
    if (state >= REACHABLE) {
      const { index } = arm
      writeMacs(this.#frames.pkt, eth, this.macHi[n], this.macLo[n], arm.macHi, arm.macLo)
      if (state === PROBE) this.#ask(n, now)
      return index
    }
    const refused = this.#parking.park(n, slot)
    if (refused !== 0) return refused
    if (state === NONE) this.#ask(n, now)
    return PARKED
  }

  /** Asks for `address` ahead of need, so that the first connection to a new RS finds it resolved. */
  resolve(arm: number, address: number, now: number): void {
    const n = this.findOrCreate(arm, address, NO_NEIGH, now)
    if (n >= 0 && this.state[n] === NONE) this.#ask(n, now)
  }

  /** An entry that the operator sets; what was parked for it goes out. False when the table is full. */
  fix(arm: number, address: number, macHi: number, macLo: number, now: number): boolean {
    const n = this.findOrCreate(arm, address, NO_NEIGH, now)
    if (n < 0) return false
    this.fixed[n] = 1
    this.#counters.neighMoved(arm, this.state[n], REACHABLE)
    this.state[n] = REACHABLE
    this.macHi[n] = macHi
    this.macLo[n] = macLo
    this.#flush(n)
    return true
  }

  /** It is gone, and has to be asked for like any other. */
  unfix(arm: number, address: number): void {
    const n = this.find(arm, address, NO_NEIGH)
    if (n < 0 || this.fixed[n] === 0) return
    this.fixed[n] = 0
    this.#delete(n)
  }

  /**
   * What it says of neighbour n that a packet with the TCP ACK bit came from its side with this source MAC. => CONFIRMED,
   * SUSPECT, or 0 for nothing new, the usual case: a REACHABLE entry in its quiet period
   */
  newsIn(n: number, macHi: number, macLo: number, now: number): number {
    const state = this.state[n]
    if (state < REACHABLE || this.fixed[n] === 1) return 0
    if (this.macLo[n] === macLo && this.macHi[n] === macHi) {
      return state === REACHABLE && !this.#mayRearm(n, now) ? 0 : CONFIRMED
    }
    return this.#maySuspect(n, now) ? SUSPECT : 0
  }

  /** A packet with the TCP ACK bit came from neighbour n's side with this source MAC: it is alive (semantics 6.4). */
  confirm(n: number, macHi: number, macLo: number, now: number): void {
    const event = this.newsIn(n, macHi, macLo, now)
    if (event !== 0) this.#event(n, event, now)
  }

  /** What is known of neighbour n may be wrong: the next frame to it asks again; not more than once a second. */
  suspect(n: number, now: number): void {
    if (this.#maySuspect(n, now)) this.#event(n, SUSPECT, now)
  }

  #maySuspect(n: number, now: number): boolean {
    if (this.state[n] !== REACHABLE || this.fixed[n] === 1) return false
    return ((now - this.changed[n]) | 0) > SUSPECT_PAUSE_MS
  }

  /**
   * An ARP of a known neighbour: its MAC is learned, and with `solicited` (a reply to us) it is REACHABLE and its
   * parked frames go out in order.
   */
  learn(n: number, macHi: number, macLo: number, solicited: boolean, now: number): void {
    if (this.fixed[n] === 1) return
    const known = this.state[n] >= REACHABLE
    if (known && (this.macHi[n] !== macHi || this.macLo[n] !== macLo)) {
      this.#counters.countOn(this.arm[n], Event.NEIGH_MOVED)
      sayMoved(this.#trace, this, n, macHi, macLo)
    } else if (!known && !solicited) {
      return
    }
    this.macHi[n] = macHi
    this.macLo[n] = macLo
    if (!solicited) return
    this.#counters.countOn(this.arm[n], Event.NEIGH_LEARNED)
    this.#event(n, NeighEvent.REPLY, now)
    this.#flush(n)
  }

  /** Turns the timers; call it every 100 ms or so. Entries are few, so they are simply walked. */
  tick(now: number): void {
    if (this.used === 0) return
    const { top } = this
    for (let n = 0; n < top; n++) {
      if (this.arm[n] < 0 || this.fixed[n] === 1) continue
      // One that stays REACHABLE for weeks: int32 would take its change for one to come.
      if (((now - this.changed[n]) | 0) > LONG_AGO) this.changed[n] = now - SUSPECT_PAUSE_MS - 1
      if (((this.deadline[n] - now) | 0) <= 0) {
        if (this.state[n] === NONE) this.#delete(n)
        else this.#expire(n, now)
      } else if (this.#isAsking(n) && ((now - this.asked[n]) | 0) >= RETRANSMIT_MS) {
        this.#sendRequest(n, now)
      }
    }
  }

  /** The event timer: an entry that waited in vain gives up its frames, with a name. */
  #expire(n: number, now: number): void {
    if (this.#isAsking(n)) {
      this.#counters.countOn(this.arm[n], Event.NEIGH_FAILED)
      sayFailed(this.#trace, this, n, this.#parking.count(n))
    }
    this.#event(n, NeighEvent.TIMER, now)
    if (this.state[n] === NONE) this.#parking.discard(n, this.arm[n])
  }

  #isAsking(n: number): boolean {
    return this.state[n] === SEND || this.state[n] === DELAY
  }

  #event(n: number, event: number, now: number): void {
    const before = this.state[n]
    const after = nextNeighState(event, before)
    if (after === KEEP) return
    if (after === before) {
      if (!this.#mayRearm(n, now)) return
      this.stamp[n] = now
    } else {
      this.state[n] = after
      this.#counters.neighMoved(this.arm[n], before, after)
      this.stamp[n] = now - LONG_AGO
      this.changed[n] = now
    }
    this.#rearm(n, now)
    if (this.#trace.debug) sayNeigh(this.#trace, this, n, before)
  }

  /** A self transition re-arms only when half of the timeout has passed since the last time (semantics 6.1). */
  #mayRearm(n: number, now: number): boolean {
    return ((now - this.stamp[n]) | 0) >= this.#timeoutMs[this.state[n]] >> 1
  }

  #rearm(n: number, now: number): void {
    this.deadline[n] = now + this.#timeoutMs[this.state[n]] + this.#random.below(JITTER_MS)
  }

  #ask(n: number, now: number): void {
    this.#sendRequest(n, now)
    this.#event(n, NeighEvent.SENT, now)
  }

  #sendRequest(n: number, now: number): void {
    const arm = this.#arms[this.arm[n]]
    this.asked[n] = now
    if (sendArp(this.#frames, arm, arm.sourceFor(this.address[n]), this.address[n])) {
      this.#counters.countOn(arm.index, Event.ARP_REQUESTS)
    }
  }

  /** The type is there already: what is addressed to a neighbour has been IPv4 all the while. */
  #writeMacs(n: number, slot: number): void {
    const { pkt, start } = this.#frames
    const arm = this.#arms[this.arm[n]]
    writeMacs(pkt, start[slot] + VNET_BYTES, this.macHi[n], this.macLo[n], arm.macHi, arm.macLo)
  }

  #flush(n: number): void {
    const { next } = this.#frames
    for (let slot = this.#parking.first(n); slot !== NO_SLOT; slot = next[slot]) {
      this.#writeMacs(n, slot)
    }
    this.#parking.flush(n, this.#arms[this.arm[n]])
  }

  #delete(n: number): void {
    this.#parking.discard(n, this.arm[n])
    this.#counters.neigh(this.arm[n], this.state[n], -1)
    this.leave(n)
  }
}
