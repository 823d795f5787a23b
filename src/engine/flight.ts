/**
 * The flight recorder: frames as they came and as they left, the verdicts on them, and what the engine said meanwhile, in
 * the order in which it happened. A ring in shared memory in which the newest overwrites the oldest; the writer, a packet
 * thread, waits for nobody, and a reader that is too slow is told how many records it missed.
 *
 *   control  [head, tail, wanted, bytes per frame, records, -]   int32; head and tail are free-running counts of cells
 *   record   0 size in cells, even | 1 kind | 2-3 time in us, a double | 4 engine's ms | 5 pair | 6 number | 7...
 *
 * Records are never wrapped: one that does not fit before the end of the memory stands at its beginning, behind a filler.
 */

import { CELL, RECORD } from './conn-layout.ts'

/** Kinds, with what stands in the cells from 7 on. */
export const FlightKind = {
  FILLER: 0,
  /** 7 arm, 8 bytes of the frame with its virtio-net header, 9 free slots; from 10 on the first of them */
  IN: 1,
  /**
   * 7 verdict, 8 tuple or -1, 9 state before or -1, 10 state after, 11 CIP, 12 VIP, 13 cport:vport, 14 RIP, 15 LIP,
   * 16 rport:lport, 17 delta of sequence numbers. What is said between IN and it is about the frame.
   */
  JUDGED: 2,
  /** 7 arm, 8 bytes, 9 0 or the drop reason; from 10 on the first bytes. Its pair is that of the frame that came in, or 0. */
  OUT: 3,
  /** 8...: a record of the trace */
  SAID: 4,
  /**
   * For a journal: what else the engine is given. 7 engine's ms, 8 bytes of what follows, 9 free slots before it; from 10 on:
   * nothing; the arguments of Neighs.hear; JSON of a change of what is set up; nothing; index of an arm
   */
  TICK: 5,
  HEARD: 6,
  CHANGE: 7,
  STOPPING: 8,
  ANNOUNCE: 9,
  /** The same head; what it was asked by: an image of the engine was taken here */
  IMAGE: 10,
  /** The same head; all counters as they are here, and the cells of the first RSs */
  CHECK: 11,
} as const

/** Where the bytes of a frame begin. */
export const FRAME_AT = 10
export const SAID_AT = 8
const SAID_CELLS = 12
const JUDGED_CELLS = 18
const CONTROL_CELLS = 6
/** A frame of 64 KiB. */
const RECORD_CELLS_MAX = 16_640
const [HEAD, TAIL, WANTED, SNAP, NUMBER] = [0, 1, 2, 3, 4]

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

  /** Shows readers what has been written, and looks whether somebody wants more. */
  settle(): void {
    if (this.#head !== this.control[HEAD]) {
      Atomics.store(this.control, NUMBER, this.#number)
      Atomics.store(this.control, HEAD, this.#head)
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

  /** `from` is the frame's first cell in `arena`, at its virtio-net header. */
  frame(
    kind: number,
    pair: number,
    arm: number,
    bytes: number,
    ninth: number,
    arena: Int32Array,
    from: number,
  ): void {
    const snap = this.control[SNAP]
    const copied = ((bytes < snap ? bytes : snap) + 3) >> 2
    const at = this.#begin(kind, FRAME_AT + copied, pair)
    const { cells } = this
    cells[at + 7] = arm
    cells[at + 8] = bytes
    cells[at + 9] = ninth
    // A view is worth its garbage only for what a loop would copy for long.
    if (copied > 256) cells.set(arena.subarray(from, from + copied), at + FRAME_AT)
    else for (let i = 0; i < copied; i++) cells[at + FRAME_AT + i] = arena[from + i]
  }

  /** `conns` are the cells of the connection table; `t` is -1 for a frame of no connection. */
  judged(
    pair: number,
    verdict: number,
    t: number,
    before: number,
    after: number,
    conns: Int32Array,
  ): void {
    const at = this.#begin(FlightKind.JUDGED, JUDGED_CELLS, pair)
    const { cells } = this
    cells[at + 7] = verdict
    cells[at + 8] = t
    cells[at + 9] = before
    cells[at + 10] = after
    const conn = RECORD.of(t)
    const known = t >= 0
    for (let i = 0; i < 3; i++) {
      cells[at + 11 + i] = known ? conns[conn | (CELL.CIP + i)] : 0
      cells[at + 14 + i] = known ? conns[conn | (CELL.RIP + i)] : 0
    }
    cells[at + 17] = known ? conns[conn | CELL.DELTA] : 0
  }

  // biome-ignore format: one record, one line
  said(kind: number, now: number, a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number): void {
    const at = this.#begin(FlightKind.SAID, SAID_AT + SAID_CELLS, 0) + SAID_AT
    const r = this.cells
    r[at] = kind
    r[at + 1] = now
    r[at + 2] = a
    r[at + 3] = b
    r[at + 4] = c
    r[at + 5] = d
    r[at + 6] = e
    r[at + 7] = f
    r[at + 8] = g
    r[at + 9] = h
    r[at + 10] = i
    r[at + 11] = j
  }

  /** A record that only a journal has (TICK and behind it); `body` has `bytes` bytes, rounded up to cells. */
  note(kind: number, now: number, free: number, body: Int32Array, bytes: number): void {
    const at = this.#begin(kind, FRAME_AT + body.length, 0)
    const { cells } = this
    cells[at + 7] = now
    cells[at + 8] = bytes
    cells[at + 9] = free
    cells.set(body, at + FRAME_AT)
  }

  /** => first cell of a new record, whose header is written */
  #begin(kind: number, used: number, pair: number): number {
    const size = (used + 1) & ~1
    const left = this.mask + 1 - (this.#head & this.mask)
    if (left < size) {
      this.#makeRoom(left)
      // Sizes are even, so two cells are always left for it.
      this.cells[this.#head & this.mask] = left
      this.cells[(this.#head & this.mask) + 1] = FlightKind.FILLER
      this.#head = (this.#head + left) | 0
    }
    this.#makeRoom(size)
    const at = this.#head & this.mask
    const { cells } = this
    cells[at] = size
    cells[at + 1] = kind
    this.doubles[(at + 2) >> 1] = this.us
    cells[at + 4] = this.now
    cells[at + 5] = pair
    cells[at + 6] = this.#number
    cells[at + 7] = 0
    this.#number = (this.#number + 1) | 0
    this.#head = (this.#head + size) | 0
    return at
  }

  /** Gives up the oldest records until `size` cells are free, and says so before anything is overwritten. */
  #makeRoom(size: number): void {
    let tail = this.#tail
    while (((this.#head + size - tail) | 0) > this.mask + 1) {
      tail = (tail + this.cells[tail & this.mask]) | 0
    }
    if (tail === this.#tail) return
    this.#tail = tail
    // An exchange and not a store: what is written behind it must not become visible before it.
    Atomics.exchange(this.control, TAIL, tail)
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
    this.#at = Atomics.load(this.control, TAIL)
    if (past) return
    let number = 0
    do {
      number = Atomics.load(this.control, NUMBER)
      this.#at = Atomics.load(this.control, HEAD)
    } while (number !== Atomics.load(this.control, NUMBER))
    this.#number = number
  }

  /** Time of the record in µs since 1970. */
  get us(): number {
    return this.#recordDoubles[1]
  }

  /** Bytes of a frame's record, from the virtio-net header on; a view that the next record overwrites. */
  get bytes(): Uint8Array {
    const copied = Math.min(this.record[8], (this.record[0] - FRAME_AT) * 4)
    return new Uint8Array(this.record.buffer, FRAME_AT * 4, Math.max(0, copied))
  }

  /** Copies the next record to `record`. => whether there was one */
  next(): boolean {
    for (;;) {
      const head = Atomics.load(this.control, HEAD)
      if (this.#at === head) return false
      const at = this.#at & this.mask
      const size = this.cells[at]
      const whole = size >= 2 && size <= this.record.length && at + size <= this.mask + 1
      if (whole && this.cells[at + 1] !== FlightKind.FILLER) {
        for (let i = 0; i < size; i++) this.record[i] = this.cells[at + i]
      }
      const filler = this.cells[at + 1] === FlightKind.FILLER
      const tail = Atomics.load(this.control, TAIL)
      if (((this.#at - tail) | 0) < 0) {
        // Overwritten meanwhile, or before: on with the oldest that is left.
        this.#at = tail
        continue
      }
      this.#at = (this.#at + size) | 0
      if (filler) continue
      this.#count(this.record[6])
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
  const head = Atomics.load(control, HEAD)
  const copy = new ArrayBuffer(memory.byteLength)
  const from = new Int32Array(memory)
  const to = new Int32Array(copy)
  for (let at = 0; at < from.length; at += COPY_CELLS) {
    to.set(from.subarray(at, at + COPY_CELLS), at)
    yield
  }
  // What was overwritten while it was copied lies before the tail as it is now.
  const tail = Atomics.load(control, TAIL)
  const copied = new Int32Array(copy, 0, CONTROL_CELLS)
  copied[HEAD] = head
  copied[TAIL] = ((head - tail) | 0) < 0 ? head : tail
  return copy
}

/** For control: what the packet thread shall write from its next turn on; `snap` is bytes per frame. */
export function wantFlight(memory: ArrayBufferLike, wanted: number, snap: number): void {
  const control = new Int32Array(memory, 0, CONTROL_CELLS)
  Atomics.store(control, SNAP, snap)
  Atomics.store(control, WANTED, wanted)
}
