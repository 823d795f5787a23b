/**
 * Datagrams that are being put together. Each has one slot of the arena from its first fragment on, into which all are copied
 * where they belong; more memory it does not get, whatever is sent. What is known of it besides:
 *
 *   rows     Row.CELLS int32 for each datagram
 *   pieces   PIECES_MAX int32 for each: offset << 16 | bytes of each fragment, in the order of arrival
 *
 * Rows are few, so they are looked through: no hash that somebody could collide, no list that somebody could lengthen
 * (FragmentSmack, CVE-2018-5391). One source has half of them at most. Who comes when there is no room takes the place of the
 * oldest: fragments of an honest datagram come close together, those of a flood never become whole.
 */

import { clearVnetHdr } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { cellsOf } from './cells.ts'
import { type Counters, Drop } from './counters.ts'
import { FRAME_HEAD, type Frames, HEADERS_MAX, NO_SLOT, PAYLOAD_AT, slotBase } from './frames.ts'
import type { FragmentOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'

/** A datagram that is being put together: its row, its pieces, and the first bytes of its slot. */
export interface HeldImage {
  row: number
  cells: Int32Array
  pieces: Int32Array
  headers: Uint8Array
}

/** Fragments of one datagram: 64 KiB in those of a link of 576 bytes are 119. */
export const PIECES_MAX = 128
const PIECES_SHIFT = 7
export const TOTAL_MAX = 65_535

/**
 * STATE; who it is; its slot, or why it is DEAD; when it began; fragments and their payload bytes so far, behind the last of them, and the whole
 * payload once the last fragment is there, or -1; bytes of the header of the first fragment, or 0; IP bytes of the largest
 * fragment, and of the largest that had DF; ECN codepoints seen, by bit; its number
 * in the order in which they began, for many do in one millisecond.
 */
export const Row = cellsOf({
  STATE: 1,
  SRC: 1,
  DST: 1,
  ID_PROTOCOL: 1,
  ARM: 1,
  SLOT: 1,
  BORN: 1,
  PIECES: 1,
  RECEIVED: 1,
  END: 1,
  TOTAL: 1,
  HEADER: 1,
  LARGEST: 1,
  LARGEST_DF: 1,
  ECN: 1,
  NUMBER: 1,
})
/** DEAD rows remember a datagram that was dropped, without a slot, for what still comes of it. */
export const State = { FREE: 0, HELD: 1, DEAD: 2 } as const
const ROW_SHIFT = 4

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CELLS, STATE, BORN, ID_PROTOCOL, SRC, DST, ARM, SLOT, TOTAL, NUMBER, PIECES } = Row
const { FREE, HELD, DEAD } = State

export class HeldDatagrams {
  /** How many datagrams it has room for. */
  readonly capacity: number
  readonly #timeoutMs: number
  protected readonly frames: Frames
  protected readonly arms: readonly Arm[]
  protected readonly counters: Counters
  protected readonly rows: Int32Array
  protected readonly pieces: Int32Array
  /** Rows that are not FREE. */
  #used = 0
  /** Datagrams that have begun, modulo 2^32. */
  #begun = 0

  constructor({ frames, arms, counters }: Parts, { datagrams, timeout }: FragmentOptions) {
    this.frames = frames
    this.arms = arms
    this.counters = counters
    this.capacity = Math.min(datagrams, frames.slots >> 3)
    this.#timeoutMs = timeout * 1000
    this.rows = new Int32Array(this.capacity << ROW_SHIFT)
    this.pieces = new Int32Array(this.capacity << PIECES_SHIFT)
  }

  /** Datagrams that have a slot. */
  get held(): number {
    let held = 0
    for (let at = 0; at < this.rows.length; at += CELLS) {
      if (this.rows[at + STATE] === HELD) held++
    }
    return held
  }

  /** Marks the slots of all datagrams. */
  mark(marks: Uint8Array): void {
    const { rows } = this
    for (let at = 0; at < rows.length; at += CELLS)
      if (rows[at + STATE] === HELD) marks[rows[at + SLOT]] = 1
  }

  /** Gives up what has waited for too long. */
  tick(now: number): void {
    if (this.#used === 0) return
    const rows = this.rows
    for (let at = 0; at < rows.length; at += CELLS) {
      if (rows[at + STATE] === FREE) continue
      if (((now - rows[at + BORN]) | 0) >= this.#timeoutMs) this.#giveUp(at, Drop.FRAGMENT_TIMEOUT)
    }
  }

  /** => First cell of the datagram's row, or -1 */
  protected find({ saddr, daddr }: Parsed, arm: number, idProtocol: number): number {
    if (this.#used === 0) return -1
    const rows = this.rows
    for (let at = 0; at < rows.length; at += CELLS) {
      if (rows[at + ID_PROTOCOL] !== idProtocol || rows[at + SRC] !== saddr) continue
      if (rows[at + DST] !== daddr || rows[at + ARM] !== arm) continue
      if (rows[at + STATE] !== FREE) return at
    }
    return -1
  }

  /** A row and a slot for the datagram whose first fragment has come in `slot`. => Its first cell, or minus a drop reason */
  protected begin(
    slot: number,
    { saddr, daddr, eth, ip, ipHeader }: Parsed,
    arm: number,
    now: number,
  ): number {
    const frames = this.frames
    if (frames.scarce) return -Drop.NO_BUFFER
    const at = this.#makeRoom(saddr, arm)
    const own = frames.take()
    if (own === NO_SLOT) return -Drop.NO_BUFFER
    const rows = this.rows
    rows.fill(0, at, at + CELLS)
    rows[at + STATE] = HELD
    rows[at + SRC] = saddr
    rows[at + DST] = daddr
    rows[at + ARM] = arm
    rows[at + SLOT] = own
    rows[at + BORN] = now
    rows[at + TOTAL] = -1
    rows[at + NUMBER] = this.#begun
    this.#begun = (this.#begun + 1) | 0
    this.#used++
    // Until the first fragment comes, what has come stands for it with whoever is told that it is given up.
    this.putHeaders(own, eth, ip, ipHeader)
    const payload = slotBase(own) + PAYLOAD_AT
    frames.bytes.fill(0, payload, payload + HEADERS_MAX)
    frames.length[own] = frames.length[slot]
    frames.mark[own] = frames.mark[slot]
    return at
  }

  /** => First cell of a free row, that of another datagram if there is none, or the source has its share. */
  #makeRoom(saddr: number, arm: number): number {
    const rows = this.rows
    let free = -1
    let oldest = -1
    let ownOldest = -1
    let own = 0
    for (let at = 0; at < rows.length; at += CELLS) {
      if (rows[at + STATE] === FREE) {
        if (free < 0) free = at
        continue
      }
      if (oldest < 0 || this.#age(at) > this.#age(oldest)) oldest = at
      if (rows[at + SRC] !== saddr || rows[at + ARM] !== arm) continue
      own++
      if (ownOldest < 0 || this.#age(at) > this.#age(ownOldest)) ownOldest = at
    }
    const share = (this.capacity + 1) >> 1
    if (free >= 0 && own < share) return free
    const leaving = own >= share ? ownOldest : oldest
    this.#giveUp(leaving, Drop.FRAGMENT_NO_ROOM)
    return leaving
  }

  /** In datagrams that have begun since. */
  #age(at: number): number {
    return (this.#begun - this.rows[at + NUMBER]) | 0
  }

  /** Copies everything up to the payload in front of where that is put together; the frame begins there. */
  protected putHeaders(slot: number, eth: number, ip: number, ipHeader: number): void {
    const frames = this.frames
    const start = slotBase(slot) + PAYLOAD_AT - ipHeader - FRAME_HEAD
    clearVnetHdr(frames.pkt, start)
    frames.bytes.copyWithin(start + FRAME_HEAD - (ip - eth), eth, ip + ipHeader)
    frames.start[slot] = start
  }

  /** The datagram is dropped for what has just come of it, and is remembered. => Minus the reason */
  protected kill(at: number, reason: number): number {
    const rows = this.rows
    const slot = rows[at + SLOT]
    // First, so that no row ever has a slot that is not its own.
    rows[at + STATE] = DEAD
    rows[at + SLOT] = reason
    this.frames.release(slot)
    return -reason
  }

  /** Drops what there is of a datagram that will not become whole, and forgets it. */
  #giveUp(at: number, reason: number): void {
    const rows = this.rows
    if (rows[at + STATE] === HELD) {
      this.counters.rxDrop(rows[at + ARM], reason, rows[at + SLOT])
    }
    this.release(at)
  }

  protected release(at: number): void {
    const rows = this.rows
    const held = rows[at + STATE] === HELD
    rows[at + STATE] = FREE
    this.#used--
    if (held) this.frames.release(rows[at + SLOT])
  }

  protected piecesOf(at: number): number {
    return (at >> ROW_SHIFT) << PIECES_SHIFT
  }

  save(): HeldImage[] {
    const { pkt, start, length } = this.frames
    const rows = this.rows
    const images: HeldImage[] = []
    for (let at = 0; at < rows.length; at += CELLS) {
      const state = rows[at + STATE]
      if (state === FREE) continue
      const cells = rows.slice(at, at + CELLS)
      // Which slot it is, and how many there were before, is nothing that anybody goes by.
      if (state === HELD) cells[SLOT] = 0
      cells[NUMBER] = (cells[NUMBER] - this.#begun) | 0
      const first = this.piecesOf(at)
      const pieces = this.pieces.slice(first, first + cells[PIECES])
      const slot = rows[at + SLOT]
      const bytes = state === HELD ? Math.min(length[slot], HEADERS_MAX) : 0
      const headers = new Uint8Array(pkt.buffer, bytes === 0 ? 0 : start[slot], bytes).slice()
      images.push({ row: at >> ROW_SHIFT, cells, pieces, headers })
    }
    return images
  }

  /** Into one that holds nothing. What lay behind the headers is zero; what has no slot is left out. */
  restore(images: readonly HeldImage[]): void {
    const frames = this.frames
    for (const { row, cells, pieces, headers } of images) {
      const at = row << ROW_SHIFT
      if (row >= this.capacity) continue
      const slot = cells[STATE] === HELD ? frames.take() : 0
      if (slot === NO_SLOT) return
      this.rows.set(cells, at)
      this.pieces.set(pieces, this.piecesOf(at))
      this.#used++
      if (cells[STATE] !== HELD) continue
      this.rows[at + SLOT] = slot
      // How far the headers reach is what the IP header says.
      const ipHeader = (headers[FRAME_HEAD] & 15) << 2
      const start = slotBase(slot) + PAYLOAD_AT - ipHeader - FRAME_HEAD
      frames.bytes.fill(0, start, start + FRAME_HEAD + TOTAL_MAX)
      frames.bytes.set(headers, start)
      frames.start[slot] = start
      frames.length[slot] = headers.length
    }
  }
}
