/**
 * The flight recorder: frames as they came and as they left, the verdicts on them, and what the engine said meanwhile, in
 * the order in which it happened. A ring in shared memory in which the newest overwrites the oldest; the writer, a packet
 * thread, waits for nobody, and a reader that is too slow is told how many records it missed.
 *
 *   control  [head, tail, wanted, bytes per frame, records, -]   int32; head and tail are free-running counts of cells
 *   record   flight-records.ts
 *
 * Records are never wrapped: one that does not fit before the end of the memory stands at its beginning, behind a filler.
 */

import type { ConnTable } from './conn.ts'
import { CELL, METHOD_BITS, PROTOCOL_BITS, RECORD } from './conn-layout.ts'
import { copyEnds, EndsCell } from './ends.ts'
import {
  BODY_AT,
  FlightKind,
  HeadCell,
  InCell,
  JudgedCell,
  NoteCell,
  SAID_AT,
} from './flight-records.ts'

export const CONTROL_CELLS = 6
/** A frame of 64 KiB. */
export const RECORD_CELLS_MAX = 16_640
export const [HEAD_AT, TAIL_AT, WANTED, SNAP, COUNT] = [0, 1, 2, 3, 4]

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { FILLER, SAID, JUDGED: JUDGING } = FlightKind
const { SIZE, KIND, US, MS, PAIR, NUMBER } = HeadCell
// The third cell of a frame that leaves is its drop reason.
const { ARM, BYTES, FREE: MORE, FRAGMENT } = InCell
const { VERDICT, TUPLE, BEFORE, AFTER, ENDS: ENDS_AT, DELTA, PROTOCOL } = JudgedCell
const JUDGED_CELLS = JudgedCell.CELLS
const { NOW, FREE } = NoteCell
const BODY = BODY_AT
const SAYING = SAID_AT
const ENDS_CELLS = EndsCell.CELLS
const { DELTA: CONN_DELTA, BINDING } = CELL
const KIND_BITS = PROTOCOL_BITS | METHOD_BITS

/** Bits in the control cell `wanted`: frames and what is said of them, or frames and all that the engine is given. */
export const Want = { NOTHING: 0, MOMENTS: 1, JOURNAL: 2 } as const

/** What both ends need to know of the memory. */
abstract class Flight {
  protected readonly control: Int32Array
  readonly cells: Int32Array
  protected readonly doubles: Float64Array
  protected readonly mask: number

  /** `cells` is a power of two, and several times what the largest record has. */
  constructor(memory: ArrayBufferLike, cells: number) {
    this.control = new Int32Array(memory, 0, CONTROL_CELLS)
    this.cells = new Int32Array(memory, CONTROL_CELLS * 4, cells)
    this.doubles = new Float64Array(memory, CONTROL_CELLS * 4, cells >> 1)
    this.mask = cells - 1
  }
}

export class FlightRing extends Flight {
  /** Somebody wants it: a copy of the control cell, looked at once a turn of the loop. */
  wanted = 0
  /** µs since 1970 and the engine's ms, of what is written next; set by whoever has a clock. */
  us = 0
  now = 0
  #head = 0
  #tail = 0
  #number = 0

  static bytesFor(cells: number): number {
    return (CONTROL_CELLS + cells) * 4
  }

  /** Goes on where another has left the memory, which is all zero at first. */
  constructor(memory: ArrayBufferLike, cells: number) {
    super(memory, cells)
    this.#head = Atomics.load(this.control, HEAD_AT)
    this.#tail = Atomics.load(this.control, TAIL_AT)
    this.#number = Atomics.load(this.control, COUNT)
  }

  /** Shows readers what has been written, and looks whether somebody wants more. */
  settle(): void {
    if (this.#head !== this.control[HEAD_AT]) {
      Atomics.store(this.control, COUNT, this.#number)
      Atomics.store(this.control, HEAD_AT, this.#head)
    }
    this.wanted = this.control[WANTED]
  }

  /** What is written from here on can be taken back until settle(). */
  get position(): number {
    return this.#head
  }

  /** Takes back all records from `position` on, of which there are `records`. */
  takeBack(position: number, records: number): void {
    this.#head = position
    this.#number -= records
  }

  /** `from` is the frame's first cell in `arena`, at its virtio-net header; `more` is what a frame of `kind` has besides. */
  frame(
    kind: number,
    pair: number,
    arm: number,
    bytes: number,
    more: number,
    arena: Int32Array,
    from: number,
    fragment = 0,
  ): void {
    const snap = this.control[SNAP]
    const copied = ((bytes < snap ? bytes : snap) + 3) >> 2
    const at = this.#begin(kind, BODY + copied, pair)
    const { cells } = this
    cells[at + ARM] = arm
    cells[at + BYTES] = bytes
    cells[at + MORE] = more
    cells[at + FRAGMENT] = fragment
    // A view is worth its garbage only for what a loop would copy for long.
    if (copied > 256) cells.set(arena.subarray(from, from + copied), at + BODY)
    else for (let i = 0; i < copied; i++) cells[at + BODY + i] = arena[from + i]
  }

  /** `t` is -1 for a frame of no connection. */
  judged(
    pair: number,
    verdict: number,
    t: number,
    before: number,
    after: number,
    table: ConnTable,
  ): void {
    const at = this.#begin(JUDGING, JUDGED_CELLS, pair)
    const { cells } = this
    cells[at + VERDICT] = verdict
    cells[at + TUPLE] = t
    cells[at + BEFORE] = before
    cells[at + AFTER] = after
    if (t < 0) {
      for (let i = 0; i < ENDS_CELLS; i++) cells[at + ENDS_AT + i] = 0
      cells[at + DELTA] = 0
      cells[at + PROTOCOL] = 0
    } else {
      copyEnds(table, t >> 1, cells, at + ENDS_AT)
      cells[at + DELTA] = table.cells[RECORD.of(t) | CONN_DELTA]
      cells[at + PROTOCOL] = table.cells[RECORD.of(t) | BINDING] & KIND_BITS
    }
  }

  /** The first `used` cells of `record`, which is one of the trace. */
  said(record: Int32Array, used: number): void {
    const at = this.#begin(SAID, SAYING + used, 0) + SAYING
    for (let i = 0; i < used; i++) this.cells[at + i] = record[i]
  }

  /** A record that only a journal has (TICK and behind it); `body` has `bytes` bytes, rounded up to cells. */
  note(kind: number, now: number, free: number, body: Int32Array, bytes: number): void {
    const at = this.#begin(kind, BODY + body.length, 0)
    const { cells } = this
    cells[at + NOW] = now
    cells[at + BYTES] = bytes
    cells[at + FREE] = free
    cells.set(body, at + BODY)
  }

  /** => first cell of a new record, whose header is written */
  #begin(kind: number, used: number, pair: number): number {
    const size = (used + 1) & ~1
    const left = this.mask + 1 - (this.#head & this.mask)
    if (left < size) {
      this.#makeRoom(left)
      // Sizes are even, so two cells are always left for it.
      this.cells[(this.#head & this.mask) + SIZE] = left
      this.cells[(this.#head & this.mask) + KIND] = FILLER
      this.#head = (this.#head + left) | 0
    }
    this.#makeRoom(size)
    const at = this.#head & this.mask
    const { cells } = this
    cells[at + SIZE] = size
    cells[at + KIND] = kind
    this.doubles[(at + US) >> 1] = this.us
    cells[at + MS] = this.now
    cells[at + PAIR] = pair
    cells[at + NUMBER] = this.#number
    this.#number = (this.#number + 1) | 0
    this.#head = (this.#head + size) | 0
    return at
  }

  /** Gives up the oldest records until `size` cells are free, and says so before anything is overwritten. */
  #makeRoom(size: number): void {
    let tail = this.#tail
    while (((this.#head + size - tail) | 0) > this.mask + 1) {
      tail = (tail + this.cells[(tail & this.mask) + SIZE]) | 0
    }
    if (tail === this.#tail) return
    this.#tail = tail
    // An exchange and not a store: what is written behind it must not become visible before it.
    Atomics.exchange(this.control, TAIL_AT, tail)
  }
}

/** For readers, of which there may be many: each has a place of its own. */
export class FlightReader extends Flight {
  /** The record that next() has brought. */
  readonly record: Int32Array
  readonly #recordDoubles: Float64Array
  #at: number
  /** Number of the record that is expected; undefined before the first of the past. */
  #number: number | undefined
  /** Records that were overwritten before they were read, since it began. */
  lost = 0

  /** `past`: begins with the oldest record that there is, or with the next one. */
  constructor(memory: ArrayBufferLike, cells: number, past: boolean) {
    super(memory, cells)
    this.record = new Int32Array(Math.min(cells >> 1, RECORD_CELLS_MAX))
    this.#recordDoubles = new Float64Array(this.record.buffer)
    this.#at = Atomics.load(this.control, TAIL_AT)
    if (past) return
    let number = 0
    do {
      number = Atomics.load(this.control, COUNT)
      this.#at = Atomics.load(this.control, HEAD_AT)
    } while (number !== Atomics.load(this.control, COUNT))
    this.#number = number
  }

  /** Time of the record in µs since 1970. */
  get us(): number {
    return this.#recordDoubles[US >> 1]
  }

  /** Bytes of a frame's record, from the virtio-net header on; a view that the next record overwrites. */
  get bytes(): Uint8Array {
    const copied = Math.min(this.record[BYTES], (this.record[SIZE] - BODY) * 4)
    return new Uint8Array(this.record.buffer, BODY * 4, Math.max(0, copied))
  }

  /** Copies the next record to `record`. => whether there was one */
  next(): boolean {
    for (;;) {
      const head = Atomics.load(this.control, HEAD_AT)
      if (this.#at === head) return false
      const at = this.#at & this.mask
      const size = this.cells[at + SIZE]
      const whole = size >= 2 && size <= this.record.length && at + size <= this.mask + 1
      if (whole && this.cells[at + KIND] !== FILLER) {
        for (let i = 0; i < size; i++) this.record[i] = this.cells[at + i]
      }
      const filler = this.cells[at + KIND] === FILLER
      const tail = Atomics.load(this.control, TAIL_AT)
      if (((this.#at - tail) | 0) < 0) {
        // Overwritten meanwhile, or before: on with the oldest that is left.
        this.#at = tail
        continue
      }
      this.#at = (this.#at + size) | 0
      if (filler) continue
      this.#count(this.record[NUMBER])
      return true
    }
  }

  #count(number: number): void {
    if (this.#number !== undefined) this.lost += (number - this.#number) | 0
    this.#number = (number + 1) | 0
  }
}

/** Cells that are copied at once, 4 MiB: some milliseconds. */
const COPY_CELLS = 1 << 20

/**
 * What the ring holds now, for a reader in no hurry: its packet thread may overwrite the original meanwhile. A piece of the
 * copy with each call of next(), the last one returns it.
 */
export function* copyFlight(memory: ArrayBufferLike): Generator<undefined, ArrayBuffer> {
  const control = new Int32Array(memory, 0, CONTROL_CELLS)
  const head = Atomics.load(control, HEAD_AT)
  const copy = new ArrayBuffer(memory.byteLength)
  const from = new Int32Array(memory)
  const to = new Int32Array(copy)
  for (let at = 0; at < from.length; at += COPY_CELLS) {
    to.set(from.subarray(at, at + COPY_CELLS), at)
    yield
  }
  // What was overwritten while it was copied lies before the tail as it is now.
  const tail = Atomics.load(control, TAIL_AT)
  const copied = new Int32Array(copy, 0, CONTROL_CELLS)
  copied[HEAD_AT] = head
  copied[TAIL_AT] = ((head - tail) | 0) < 0 ? head : tail
  return copy
}

/** For control: what the packet thread shall write from its next turn on; `snap` is bytes per frame. */
export function wantFlight(memory: ArrayBufferLike, wanted: number, snap: number): void {
  const control = new Int32Array(memory, 0, CONTROL_CELLS)
  Atomics.store(control, SNAP, snap)
  Atomics.store(control, WANTED, wanted)
}
