/**
 * The machine that moves neighbours from state to state (semantics 6.1; its table is in neigh-state.ts), with their
 * timers: one for all families, for what differs, how a MAC is asked for, is a resolver's.
 */

import type { Arm } from './arm.ts'
import { type Counters, Event } from './counters.ts'
import { armOf, Family, familyOf, linkOf } from './family.ts'
import type { Frames } from './frames.ts'
import { NEIGH_TIMEOUTS_SEC, Neigh, NeighEvent, nextNeighState } from './neigh-state.ts'
import { NeighTable } from './neigh-table.ts'
import type { NeighOptions } from './options.ts'
import { Parking } from './parking.ts'
import type { Parts } from './parts.ts'
import type { Random } from './random.ts'
import type { Resolver } from './resolver.ts'
import { sayFailed, sayFlaps, sayMoved, sayNeigh } from './say.ts'
import { KEEP } from './state-table.ts'
import type { TraceRing } from './trace.ts'

/** Up to 200 ms are added to every timeout, so that entries made together do not age together. */
const JITTER_MS = 200
const RETRANSMIT_MS = 1000
/** An entry that has just changed is not suspected again at once: an RS behind two routers may use two MACs. */
const SUSPECT_PAUSE_MS = 1000
/** An address whose MAC changes more than so many times in this time has two owners, or somebody pretends to be one. */
const FLAP_MOVES = 5
export const FLAP_WINDOW_MS = 10_000
/** A stamp that lies further back than half of any timeout: "never". */
const LONG_AGO = 0x3fffffff

/** What neighbours need of an engine. */
export type NeighParts = Pick<Parts, 'frames' | 'arms' | 'counters' | 'trace' | 'random'>

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { NONE, SEND, REACHABLE, DELAY } = Neigh

export class NeighMachine extends NeighTable {
  readonly parking: Parking
  readonly #timeoutMs: Int32Array
  protected readonly arms: readonly Arm[]
  protected readonly frames: Frames
  protected readonly counters: Counters
  protected readonly trace: TraceRing
  readonly #random: Random
  readonly #resolvers: readonly Resolver[]

  /** `resolvers` by family. */
  constructor(parts: NeighParts, resolvers: readonly Resolver[], options: NeighOptions) {
    super(options.memory, options.capacity)
    const { frames, arms, counters, trace, random } = parts
    this.parking = new Parking(options.capacity, options.queueLimit, parts)
    this.#timeoutMs = Int32Array.from(NEIGH_TIMEOUTS_SEC, sec => sec * 1000)
    this.#timeoutMs[REACHABLE] = options.timeoutSec * 1000
    this.arms = arms
    this.frames = frames
    this.counters = counters
    this.trace = trace
    this.#random = random
    this.#resolvers = resolvers
  }

  /**
   * Goes on, before anything else, with what the memory holds of an earlier life: entries, states and deadlines. Its
   * parked frames are gone. What the operator had set is an entry like any other until control sets it again.
   * => entries that made no sense, and are gone
   */
  adopt(now: number): number {
    const gone = this.adoptTable(n => this.#isSound(n))
    this.counters.neighbours.fill(0)
    for (let n = 0; n < this.top; n++) {
      if (!this.inUse(n)) continue
      this.counters.neigh(armOf(this.link(n)), this.state[n], 1)
      for (const times of [this.stamp, this.changed, this.asked]) {
        const ago = (now - times[n]) | 0
        if (ago < 0 || ago > LONG_AGO) times[n] = now - LONG_AGO
      }
      const left = (this.deadline[n] - now) | 0
      if (this.fixed[n] === 1 || left > this.#timeoutMs[this.state[n]] + JITTER_MS)
        this.#rearm(n, now)
      this.fixed[n] = 0
    }
    return gone
  }

  /** It can be of this machine: of an arm and a family that there are, in a state. */
  #isSound(n: number): boolean {
    const link = this.link(n)
    if (armOf(link) >= this.arms.length || familyOf(link) >= this.#resolvers.length) return false
    if (link !== linkOf(armOf(link), familyOf(link)) || this.state[n] > DELAY) return false
    // Nobody knows any more whose digest it was.
    return familyOf(link) === Family.IPV4 || this.word[n] > 0
  }

  protected create(link: number, word: number, now: number): number {
    const n = this.place()
    if (n < 0) return n
    this.macHi[n] = 0
    this.macLo[n] = 0
    this.fixed[n] = 0
    this.moves[n] = 0
    this.state[n] = NONE
    this.stamp[n] = now - LONG_AGO
    this.#rearm(n, now)
    this.enter(n, link, word)
    this.counters.neigh(armOf(link), NONE, 1)
    return n
  }

  /** Turns the timers; call it every 100 ms or so. Entries are few, so they are simply walked. */
  tick(now: number): void {
    if (this.used === 0) return
    const { top } = this
    for (let n = 0; n < top; n++) {
      if (!this.inUse(n) || this.fixed[n] === 1) continue
      // One that stays REACHABLE for weeks: int32 would take its change for one to come.
      if (((now - this.changed[n]) | 0) > LONG_AGO) this.changed[n] = now - SUSPECT_PAUSE_MS - 1
      if (this.moves[n] !== 0 && ((now - this.movedSince[n]) | 0) >= FLAP_WINDOW_MS)
        this.moves[n] = 0
      if (((this.deadline[n] - now) | 0) <= 0) {
        if (this.state[n] === NONE) this.delete(n)
        else this.#expire(n, now)
      } else if (this.#isAsking(n) && ((now - this.asked[n]) | 0) >= RETRANSMIT_MS) {
        this.#sendRequest(n, now)
      }
    }
  }

  /** The event timer: an entry that waited in vain gives up its frames, with a name. */
  #expire(n: number, now: number): void {
    const arm = armOf(this.link(n))
    if (this.#isAsking(n)) {
      this.counters.countOn(arm, Event.NEIGH_FAILED)
      sayFailed(this.trace, this, n, this.parking.count(n))
    }
    this.event(n, NeighEvent.TIMER, now)
    if (this.state[n] === NONE) this.parking.discard(n, arm)
  }

  /** Its MAC changes: said each time, and once more, as a warning, while it flaps. */
  protected moved(n: number, macHi: number, macLo: number, now: number): void {
    const arm = armOf(this.link(n))
    this.counters.countOn(arm, Event.NEIGH_MOVED)
    if (this.flaps(n)) return
    if (this.moves[n] === 0) this.movedSince[n] = now
    this.moves[n]++
    if (this.flaps(n)) {
      this.counters.countOn(arm, Event.NEIGH_FLAPS)
      sayFlaps(this.trace, this, n, macHi, macLo)
    } else sayMoved(this.trace, this, n, macHi, macLo)
  }

  /** Its MAC has changed many times within FLAP_WINDOW_MS, which are not over. */
  flaps(n: number): boolean {
    return this.moves[n] > FLAP_MOVES
  }

  /** It has been as it is for long enough to be doubted. */
  protected maySuspect(n: number, now: number): boolean {
    if (this.state[n] !== REACHABLE || this.fixed[n] === 1) return false
    return ((now - this.changed[n]) | 0) > SUSPECT_PAUSE_MS
  }

  #isAsking(n: number): boolean {
    return this.state[n] === SEND || this.state[n] === DELAY
  }

  protected event(n: number, event: number, now: number): void {
    const before = this.state[n]
    const after = nextNeighState(event, before)
    if (after === KEEP) return
    const arm = armOf(this.link(n))
    if (after === before) {
      if (!this.mayRearm(n, now)) return
      this.stamp[n] = now
    } else {
      this.state[n] = after
      this.counters.neighMoved(arm, before, after)
      this.stamp[n] = now - LONG_AGO
      this.changed[n] = now
    }
    this.#rearm(n, now)
    if (this.trace.debug) sayNeigh(this.trace, this, n, before)
  }

  /** A self transition re-arms only when half of the timeout has passed since the last time (semantics 6.1). */
  protected mayRearm(n: number, now: number): boolean {
    return ((now - this.stamp[n]) | 0) >= this.#timeoutMs[this.state[n]] >> 1
  }

  #rearm(n: number, now: number): void {
    this.deadline[n] = now + this.#timeoutMs[this.state[n]] + this.#random.below(JITTER_MS)
  }

  protected ask(n: number, now: number): void {
    this.#sendRequest(n, now)
    this.event(n, NeighEvent.SENT, now)
  }

  #sendRequest(n: number, now: number): void {
    const link = this.link(n)
    this.asked[n] = now
    this.#resolvers[familyOf(link)].ask(this.arms[armOf(link)], this.word[n], this.far, n << 2)
  }

  protected delete(n: number): void {
    const arm = armOf(this.link(n))
    this.parking.discard(n, arm)
    this.counters.neigh(arm, this.state[n], -1)
    this.leave(n)
  }
}
