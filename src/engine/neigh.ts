/**
 * Neighbours: MACs of next hops, per arm and family, with the five states of DPVS (semantics 6).
 * This is what packets and control do with them; neigh-machine.ts moves them, neigh-table.ts keeps them. Before changing
 * this file read RFC 826 and semantics 6.
 *
 * What differs from DPVS, each because an appliance has to be right without a control plane beside it: a request is
 * repeated every second while an entry is in SEND, failure is reported, a MAC that changed is learned from anything that
 * a *known* neighbour says of it, and a packet from another MAC than the known one makes us ask again (event SUSPECT).
 *
 * Life-cycle of an entry: created by the first packet (or resolve()) in NONE, asked for (SEND), REACHABLE, PROBE and
 * DELAY when it ages, deleted when the timer fires in NONE. Frames that wait for it are parked (parking.ts).
 */

import { writeMacs } from '../wire/ethernet.ts'
import type { Arm } from './arm.ts'
import { Event, PARKED } from './counters.ts'
import { armOf, Family, familyOf } from './family.ts'
import { NeighMachine } from './neigh-machine.ts'
import { Neigh, NeighEvent } from './neigh-state.ts'
import { type NeighTableImage, NO_NEIGH } from './neigh-table.ts'
import type { ParkedImage } from './parking.ts'

export interface NeighImage extends NeighTableImage {
  parked: ParkedImage[]
}

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { NONE, REACHABLE, PROBE } = Neigh
const { CONFIRMED, SUSPECT } = NeighEvent

export class Neighs extends NeighMachine {
  save(): NeighImage {
    return { ...this.saveTable(), parked: this.parking.save(this.top) }
  }

  /** Into a new table of the same options; the counters, a gauge of the states among them, are restored by themselves. */
  restore(image: NeighImage): void {
    this.restoreTable(image)
    this.parking.restore(image.parked)
  }

  /** Entry for `word` on `link`, created in NONE if there is none; NO_NEIGH when the table is full. */
  findOrCreate(link: number, word: number, hint: number, now: number): number {
    const found = this.find(link, word, hint)
    return found >= 0 ? found : this.create(link, word, now)
  }

  /**
   * The same for one that a host inside speaks to, on the link itself: `address` is what stands behind a word of IPv6. NO_NEIGH as well when
   * such have their part of the table, or another address has the word.
   */
  findOrCreateFar(
    link: number,
    word: number,
    address: Int32Array,
    hint: number,
    now: number,
  ): number {
    const found = this.find(link, word, hint)
    const isFar = word < 0 && familyOf(link) === Family.IPV6
    if (found >= 0) return isFar && !this.#isOf(found, address) ? NO_NEIGH : found
    if (this.snats >= this.snatsMost) return NO_NEIGH
    const n = this.create(link, word, now)
    if (n < 0) return n
    this.bySnat[n] = 1
    this.snats++
    if (isFar) for (let i = 0; i < 4; i++) this.far[(n << 2) | i] = address[i]
    return n
  }

  #isOf(n: number, address: Int32Array): boolean {
    for (let i = 0; i < 4; i++) if (this.far[(n << 2) | i] !== address[i]) return false
    return true
  }

  /** It has answered, and has not been silent since for too long. */
  isKnown(n: number): boolean {
    return this.state[n] >= REACHABLE
  }

  /**
   * Addresses the frame in `slot` (of n's family and its Ethernet type; the MACs at `eth` are written here) to neighbour n, which
   * is on `arm`. => The arm to send on, PARKED if the neighbour keeps the slot until it is resolved, or minus a drop reason.
   */
  output(n: number, slot: number, eth: number, arm: Arm, now: number): number {
    const state = this.state[n]
    if (state >= REACHABLE) {
      const { index } = arm
      writeMacs(this.frames.pkt, eth, this.macHi[n], this.macLo[n], arm.macHi, arm.macLo)
      if (state === PROBE) this.ask(n, now)
      return index
    }
    const refused = this.parking.park(n, slot)
    if (refused !== 0) return refused
    if (state === NONE) this.ask(n, now)
    return PARKED
  }

  /** Asks for `word` ahead of need, so that the first connection to a new RS finds it resolved. */
  resolve(link: number, word: number, now: number): void {
    const n = this.findOrCreate(link, word, NO_NEIGH, now)
    if (n >= 0 && this.state[n] === NONE) this.ask(n, now)
  }

  /** An entry that the operator sets; what was parked for it goes out. False when the table is full. */
  fix(link: number, word: number, macHi: number, macLo: number, now: number): boolean {
    const n = this.findOrCreate(link, word, NO_NEIGH, now)
    if (n < 0) return false
    this.fixed[n] = 1
    this.#setMac(n, macHi, macLo)
    this.counters.neighMoved(armOf(link), this.state[n], REACHABLE)
    this.state[n] = REACHABLE
    this.#flush(n)
    return true
  }

  /** It is gone, and has to be asked for like any other. */
  unfix(link: number, word: number): void {
    const n = this.find(link, word, NO_NEIGH)
    if (n < 0 || this.fixed[n] === 0) return
    this.fixed[n] = 0
    this.delete(n)
  }

  /**
   * What it says of neighbour n that a packet with the TCP ACK bit came from its side with this source MAC. => CONFIRMED,
   * SUSPECT, or 0 for nothing new, the usual case: a REACHABLE entry in its quiet period
   */
  newsIn(n: number, macHi: number, macLo: number, now: number): number {
    const state = this.state[n]
    if (state < REACHABLE || this.fixed[n] === 1) return 0
    if (this.macLo[n] === macLo && this.macHi[n] === macHi) {
      return state === REACHABLE && !this.mayRearm(n, now) ? 0 : CONFIRMED
    }
    return this.maySuspect(n, now) ? SUSPECT : 0
  }

  /** A packet with the TCP ACK bit came from neighbour n's side with this source MAC: it is alive (semantics 6.4). */
  confirm(n: number, macHi: number, macLo: number, now: number): void {
    const event = this.newsIn(n, macHi, macLo, now)
    if (event !== 0) this.event(n, event, now)
  }

  /** What is known of neighbour n may be wrong: the next frame to it asks again; not more than once a second. */
  suspect(n: number, now: number): void {
    if (this.maySuspect(n, now)) this.event(n, SUSPECT, now)
  }

  /**
   * What the network says of the MAC of `word`, heard by this worker or another one; with `solicited` it answers us. Of a
   * known neighbour its MAC is learned, and by an answer it is REACHABLE and its parked frames go out in order.
   * => whether it is a neighbour
   */
  hear(
    link: number,
    word: number,
    macHi: number,
    macLo: number,
    solicited: boolean,
    now: number,
  ): boolean {
    const n = this.find(link, word, NO_NEIGH)
    if (n < 0) return false
    if (this.fixed[n] === 0) this.#learn(n, macHi, macLo, solicited, now)
    return true
  }

  #learn(n: number, macHi: number, macLo: number, solicited: boolean, now: number): void {
    const arm = armOf(this.link(n))
    const known = this.state[n] >= REACHABLE
    const { macHi: oldHi, macLo: oldLo } = this
    if (known && (oldHi[n] !== macHi || oldLo[n] !== macLo)) {
      this.moved(n, macHi, macLo, now)
    } else if (!known && !solicited) return
    this.#setMac(n, macHi, macLo)
    if (!solicited) return
    this.counters.countOn(arm, Event.NEIGH_LEARNED)
    this.event(n, NeighEvent.REPLY, now)
    this.#flush(n)
  }

  /** The one place in which a MAC is: whoever sends to this neighbour reads it here. */
  #setMac(n: number, macHi: number, macLo: number): void {
    this.macHi[n] = macHi
    this.macLo[n] = macLo
  }

  #flush(n: number): void {
    this.parking.flush(n, this.arms[armOf(this.link(n))], this.macHi[n], this.macLo[n])
  }
}
