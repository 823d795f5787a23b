/**
 * What the flight recorder is told by the loop and the arms: each frame that comes in with its verdict, and each that
 * leaves. Its price is paid only while somebody wants it; otherwise it is one branch a frame.
 */

import { performance } from 'node:perf_hooks'
import type { Arm } from '../engine/arm.ts'
import { Event, HAND_OVER, PARKED } from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import { type FlightRing, Want } from '../engine/flight.ts'
import { FlightKind } from '../engine/flight-records.ts'
import { TupleOf } from './tuple-of.ts'

const NO_TUPLE = -1
const NO_STATE = -1
const NOTHING = new Int32Array(0)
/** 32 KiB a second. */
const NOTED_DESTS = 512
const PAIR_MAX = 0x7fffff00

export class Watch {
  /** Somebody wants it; looked at between two turns. */
  on = false
  /** A journal is wanted: everything that the engine is given. */
  journal = false
  readonly #ring: FlightRing
  readonly #engine: Engine
  readonly #arena: Int32Array
  readonly #clock: () => number
  /** Of the next frame; the pairs of several workers never meet. */
  #pair: number
  readonly #first: number
  readonly #step: number
  #wanted = 0
  readonly #tuple: TupleOf
  /** Of the frame at hand, before it is judged. */
  #hasTuple = false
  #found = NO_TUPLE
  #state = NO_STATE
  /** It was the last fragment of a datagram. */
  #isWhole = false

  /** `worker` is its index among `workers`; `clock` says µs since 1970. */
  constructor(ring: FlightRing, engine: Engine, worker = 0, workers = 1, clock = clockUs) {
    this.#ring = ring
    this.#clock = clock
    this.#engine = engine
    const { pkt } = engine.frames
    this.#tuple = new TupleOf(engine)
    this.#arena = new Int32Array(pkt.buffer, pkt.byteOffset, pkt.byteLength >> 2)
    this.#first = worker + 1
    this.#pair = this.#first
    this.#step = workers
    engine.trace.listen(ring)
    // The last fragment is judged as the whole datagram.
    engine.reassembly.seen = slot => {
      this.#isWhole = true
      if (this.on) this.#look(slot)
    }
  }

  /** Between two turns of the loop: readers see what was written, and the recorder begins or ends. `now` is the next turn's. */
  settle(now: number): void {
    const ring = this.#ring
    ring.settle()
    ring.now = now
    const { wanted } = ring
    const on = wanted !== 0
    if (on) ring.us = this.#clock()
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    this.on = on
    this.journal = (wanted & Want.JOURNAL) !== 0
    this.#engine.trace.settle()
  }

  /** The turn that begins at `now`, before its first frame or timer. */
  begin(now: number): void {
    this.#ring.now = now
    this.#ring.us = this.#clock()
  }

  /** For a journal: the engine is about to be given this (FlightKind from TICK on), of `bytes` bytes. */
  note(kind: number, now: number, body = NOTHING, bytes = body.length * 4): void {
    if (this.journal) this.#ring.note(kind, now, this.#engine.frames.free, body, bytes)
  }

  /** The same of a value, as JSON. */
  noteJson(kind: number, now: number, value: object): void {
    if (!this.journal) return
    const bytes = new TextEncoder().encode(JSON.stringify(value))
    const body = new Int32Array((bytes.length + 3) >> 2)
    new Uint8Array(body.buffer).set(bytes)
    this.note(kind, now, body, bytes.length)
  }

  /** For a journal: all counters as they are, and what is counted of the first RSs. */
  noteCounters(now: number): void {
    if (!this.journal) return
    const { counters, dests } = this.#engine
    const cells = Math.min(dests.list.length, NOTED_DESTS) << 4
    const counted = new Int32Array(counters.save().buffer)
    const body = new Int32Array(counted.length + cells)
    body.set(counted)
    body.set(dests.cells.subarray(0, cells), counted.length)
    this.note(FlightKind.CHECK, now, body)
  }

  /** Engine.input, on record. */
  input(arm: Arm, slot: number, now: number): number {
    const ring = this.#ring
    const { frames, conns } = this.#engine
    const { table } = conns
    const before = ring.position
    const pair = this.#frameIn(arm, slot)
    // The engine is not asked what it made of the headers, so that it need not keep it.
    const tuple = this.#tuple
    this.#look(slot)
    this.#isWhole = false
    frames.mark[slot] = pair
    const { reuse, counters } = this.#engine
    const { begun } = reuse
    const opened = counters.events[Event.CONNS_OPENED]
    const verdict = this.#engine.input(arm, slot, now)
    if (verdict <= HAND_OVER) {
      // Whoever judges it has it on record.
      frames.mark[slot] = 0
      // But of a fragment: with it a datagram has become whole here, which is what goes on.
      if (this.#isWhole) ring.judged(pair, PARKED, NO_TUPLE, NO_STATE, NO_STATE, table)
      else ring.takeBack(before, 1)
      return verdict
    }
    let t = this.#found
    let state = this.#state
    if (begun !== reuse.begun) {
      // Judged as if it had found nothing: it is of the connection that it opened, or of none.
      const hasOpened = counters.events[Event.CONNS_OPENED] !== opened
      state = NO_STATE
      t = hasOpened ? tuple.find() : NO_TUPLE
    } else if (t < 0 && this.#hasTuple) t = tuple.find()
    const after = t < 0 ? NO_STATE : table.state(t >> 1)
    ring.judged(pair, verdict, t, state, after, table)
    return verdict
  }

  /** Which connection the frame in `slot` is of, before it is judged, and its state. */
  #look(slot: number): void {
    const { table } = this.#engine.conns
    this.#hasTuple = this.#tuple.read(slot)
    this.#found = this.#hasTuple ? this.#tuple.find() : NO_TUPLE
    this.#state = this.#found < 0 ? NO_STATE : table.state(this.#found >> 1)
  }

  /** A frame that the engine does not get to see. */
  refused(arm: Arm, slot: number, drop: number): void {
    this.#dropped(this.#frameIn(arm, slot), drop)
  }

  /** Judging the frame in `slot` was broken off: it is on record as dropped for `drop`. */
  broken(slot: number, drop: number): void {
    const pair = this.#engine.frames.mark[slot]
    if (pair !== 0) this.#dropped(pair, drop)
  }

  #dropped(pair: number, drop: number): void {
    this.#ring.judged(pair, -drop, NO_TUPLE, NO_STATE, NO_STATE, this.#engine.conns.table)
  }

  /** => its pair */
  #frameIn(arm: Arm, slot: number): number {
    const { frames } = this.#engine
    const pair = this.#pair
    this.#ring.us = this.#clock()
    const from = frames.start[slot] >> 2
    const bytes = frames.length[slot]
    const came = frames.fragment[slot]
    this.#ring.frame(FlightKind.IN, pair, arm.index, bytes, frames.free, this.#arena, from, came)
    // Pairs stay positive for two thousand million frames, and then begin anew.
    this.#pair = pair + this.#step > PAIR_MAX ? this.#first : pair + this.#step
    return pair
  }

  /** The arm has written the frame in `slot`, or has refused it for `drop`; 0 if it has not. */
  output(arm: number, slot: number, drop: number): void {
    this.#ring.us = this.#clock()
    const { frames } = this.#engine
    const from = frames.start[slot] >> 2
    const pair = frames.mark[slot]
    const bytes = frames.length[slot]
    this.#ring.frame(FlightKind.OUT, pair, arm, bytes, drop, this.#arena, from)
  }
}

function clockUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000)
}
