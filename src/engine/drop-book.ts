/**
 * The last refused frames of each drop reason, so that a counter that rises can be looked into afterwards. Always kept, and
 * nothing is allocated. Keeping one takes some 50 ns; of a flood only the first ENTRIES of each millisecond are kept, so
 * that it costs 4 ns a frame: nobody could tell them from the last ones.
 *
 *   begun   reasons int32    frames of the reason whose entry was begun, free-running
 *   done    reasons int32    and finished
 *   entry   reasons * ENTRIES * ENTRY_CELLS int32:
 *           [time ms (low and high 32 bits), arm or -1, length, up to 36 words as they lie, virtio-net header first]
 *
 * One writer, the packet thread; readers copy an entry and look at `begun` afterwards: an entry that has been begun anew
 * since is thrown away, so nobody ever sees half of two frames.
 */

import type { Frames } from './frames.ts'

/** Rows: drop reasons are below 64 and from 128 to 191. */
const REASONS = 128
/** A power of two. */
export const ENTRIES = 8
/** Bytes kept of a frame: virtio-net header 10, Ethernet 14, IP and TCP up to 60 each. */
export const KEPT_BYTES = 144
const KEPT_WORDS = KEPT_BYTES / 4
const HEAD_CELLS = 4
const HIGH = 2 ** 32
const ENTRY_CELLS = HEAD_CELLS + KEPT_WORDS
const RING_CELLS = ENTRIES * ENTRY_CELLS
const FIRST_ENTRY = 2 * REASONS
/** Of a frame that no arm has read, and of which nobody says where it was to go. */
export const NO_ARM = -1

/** A refused frame. */
export interface Refusal {
  /** ms of the engine's long clock. */
  time: number
  /** Index, or NO_ARM. */
  arm: number
  /** Bytes of the frame with its virtio-net header. */
  length: number
  /** Its first bytes, virtio-net header first. */
  bytes: Uint8Array
}

export class DropBook {
  /** ms of the engine's long clock, as two halves. */
  #low = 0
  #high = 0
  readonly #cells: Int32Array
  readonly #arena: Int32Array
  readonly #frames: Frames

  static readonly bytes = (FIRST_ENTRY + REASONS * RING_CELLS) * 4

  /** `memory`, DropBook.bytes, may be shared. */
  constructor(memory: ArrayBufferLike, frames: Frames) {
    this.#cells = new Int32Array(memory, 0, DropBook.bytes / 4)
    this.#frames = frames
    // Frames begin at a multiple of four (frames.ts); the last word of one may reach behind its end.
    this.#arena = new Int32Array(frames.pkt.buffer, 0, frames.pkt.byteLength >> 2)
  }

  /** ms of the engine's long clock, set as it turns: once a burst, where a division costs nothing. */
  set now(ms: number) {
    this.#low = ms | 0
    this.#high = Math.floor(ms / HIGH)
  }

  /** Keeps the first bytes of the frame in `slot`, which was refused for `reason`. */
  keep(reason: number, arm: number, slot: number): void {
    const cells = this.#cells
    const arena = this.#arena
    const row = rowOf(reason)
    const count = cells[row]
    const at = FIRST_ENTRY + row * RING_CELLS + (count & (ENTRIES - 1)) * ENTRY_CELLS
    // The oldest entry is of this millisecond too.
    const low = this.#low
    const high = this.#high
    if (cells[at] === low && cells[at + 1] === high && cells[at + 3] !== 0) return
    // An add and no store: nothing that follows may be seen before it.
    Atomics.add(cells, row, 1)
    const length = this.#frames.length[slot]
    cells[at] = low
    cells[at + 1] = high
    cells[at + 2] = arm
    cells[at + 3] = length
    const words = length < KEPT_BYTES ? (length + 3) >> 2 : KEPT_WORDS
    const to = at + HEAD_CELLS
    const from = this.#frames.start[slot] >> 2
    for (let i = 0; i < words; i++) cells[to + i] = arena[from + i]
    Atomics.store(cells, REASONS + row, (count + 1) | 0)
  }
}

function rowOf(reason: number): number {
  return (reason & 63) | ((reason >> 1) & 64)
}

/** The last refused frames of a reason, the newest first, at most ENTRIES; for whoever reads the memory of a DropBook. */
export function refusals(memory: ArrayBufferLike, reason: number): Refusal[] {
  const cells = new Int32Array(memory, 0, DropBook.bytes / 4)
  const row = rowOf(reason)
  const done = Atomics.load(cells, REASONS + row)
  const found: Refusal[] = []
  for (let back = 1; back <= ENTRIES; back++) {
    const number = (done - back) | 0
    const at = FIRST_ENTRY + row * RING_CELLS + (number & (ENTRIES - 1)) * ENTRY_CELLS
    const copy = cells.slice(at, at + ENTRY_CELLS)
    const [low = 0, high = 0, arm = 0, length = 0] = copy
    const time = high * HIGH + (low >>> 0)
    // Never written, or being written again: the ones before it are older still.
    if (length === 0) break
    if (((Atomics.load(cells, row) - number) | 0) > ENTRIES) break
    const kept = Math.min(length, KEPT_BYTES)
    found.push({ time, arm, length, bytes: new Uint8Array(copy.buffer, HEAD_CELLS * 4, kept) })
  }
  return found
}
