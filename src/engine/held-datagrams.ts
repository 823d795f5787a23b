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

import { IPV6 } from '../wire/ipv6.ts'
import { clearVnetHdr } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { cellsOf } from './cells.ts'
import { type Counters, Drop } from './counters.ts'
import { armOf, Family, familyOf } from './family.ts'
import { type Fragment, frameLength, TOTAL_MAX } from './fragment.ts'
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

/**
 * STATE; who it is; its slot, or why it is DEAD; when it began; fragments and their payload bytes so far, behind the last of them, and the whole
 * payload once the last fragment is there, or -1; bytes of the header that stands in the slot, which is that of the first fragment once it has come; IP bytes of the largest
 * fragment, and of the largest that had DF; ECN codepoints seen, by bit; its number
 * in the order in which they began, for many do in one millisecond.
 */
export const Row = cellsOf({
  STATE: 1,
  SRC: 1,
  DST: 1,
  ID: 1,
  LINK: 1,
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
const { CELLS, STATE, BORN, ID, SRC, DST, LINK, SLOT, TOTAL, NUMBER, PIECES, HEADER } = Row
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
  /** Called with the slot and the arm of a first fragment whose others have not come in time. => true if the slot is somebody else's now */
  late: ((slot: number, arm: number) => boolean) | null = null
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
  protected find(p: Parsed, { link, id }: Fragment): number {
    const { saddr, daddr } = p
    if (this.#used === 0) return -1
    const rows = this.rows
    for (let at = 0; at < rows.length; at += CELLS) {
      if (rows[at + ID] !== id || rows[at + SRC] !== saddr) continue
      if (rows[at + DST] !== daddr || rows[at + LINK] !== link) continue
      if (rows[at + STATE] === FREE) continue
      if (familyOf(link) === Family.IPV4 || this.#isOf(at, p)) return at
    }
    return -1
  }

  /** Of IPv6 the word of a client is a digest, and all strangers have the same with a LIP. */
  #isOf(at: number, { source, client }: Parsed): boolean {
    const rows = this.rows
    // Of one that is dropped nothing more is known.
    if (rows[at + STATE] === DEAD) return true
    const { pkt, start } = this.frames
    const from = start[rows[at + SLOT]] + FRAME_HEAD + IPV6.SRC
    for (let i = 0; i < 4; i++) if (pkt.getInt32(from + 4 * i) !== source[i]) return false
    if (client === source) return true
    const to = from + IPV6.DST - IPV6.SRC
    for (let i = 0; i < 4; i++) if (pkt.getInt32(to + 4 * i) !== client[i]) return false
    return true
  }

  /** A row and a slot for the datagram whose first fragment has come in `slot`. => Its first cell, or minus a drop reason */
  protected begin(
    slot: number,
    { saddr, daddr, eth, ip }: Parsed,
    { link, id, header }: Fragment,
    now: number,
  ): number {
    const frames = this.frames
    if (frames.scarce) return -Drop.NO_BUFFER
    const at = this.#makeRoom(saddr, link)
    const own = frames.take()
    if (own === NO_SLOT) return -Drop.NO_BUFFER
    const rows = this.rows
    rows.fill(0, at, at + CELLS)
    rows[at + STATE] = HELD
    rows[at + SRC] = saddr
    rows[at + DST] = daddr
    rows[at + LINK] = link
    rows[at + ID] = id
    rows[at + HEADER] = header
    rows[at + SLOT] = own
    rows[at + BORN] = now
    rows[at + TOTAL] = -1
    rows[at + NUMBER] = this.#begun
    this.#begun = (this.#begun + 1) | 0
    this.#used++
    // Until the first fragment comes, what has come stands for it with whoever is told that it is given up.
    this.putHeaders(own, eth, ip, header)
    const payload = slotBase(own) + PAYLOAD_AT
    frames.bytes.fill(0, payload, payload + HEADERS_MAX)
    frames.length[own] = frames.length[slot]
    frames.mark[own] = frames.mark[slot]
    return at
  }

  /** => First cell of a free row, that of another datagram if there is none, or the source has its share. */
  #makeRoom(saddr: number, link: number): number {
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
      if (rows[at + SRC] !== saddr || rows[at + LINK] !== link) continue
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
    if (rows[at + STATE] !== HELD) {
      this.release(at)
      return
    }
    const slot = rows[at + SLOT]
    const arm = armOf(rows[at + LINK])
    this.counters.rxDrop(arm, reason, slot)
    const isTold = reason === Drop.FRAGMENT_TIMEOUT && this.late !== null && this.#hasFirst(at)
    // First, so that no row ever has a slot that is not its own.
    this.#forget(at)
    if (!isTold || !this.late?.(slot, arm)) this.frames.release(slot)
  }

  #hasFirst(at: number): boolean {
    const first = this.piecesOf(at)
    const last = first + this.rows[at + PIECES]
    for (let i = first; i < last; i++) if (this.pieces[i] >>> 16 === 0) return true
    return false
  }

  protected release(at: number): void {
    const rows = this.rows
    const held = rows[at + STATE] === HELD
    this.#forget(at)
    if (held) this.frames.release(rows[at + SLOT])
  }

  #forget(at: number): void {
    this.rows[at + STATE] = FREE
    this.#used--
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
      const start = slotBase(slot) + PAYLOAD_AT - cells[HEADER] - FRAME_HEAD
      frames.bytes.fill(0, start, slotBase(slot) + PAYLOAD_AT + TOTAL_MAX)
      frames.bytes.set(headers, start)
      frames.start[slot] = start
      frames.length[slot] = frameLength(headers)
    }
  }
}
