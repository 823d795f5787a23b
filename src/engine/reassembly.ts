/**
 * Reassembly (RFC 791, RFC 8200 4.5): fragments of a datagram to us are put together, and the one that completes it becomes the whole
 * datagram, which then goes the way of any packet. Read RFC 4963, 5722 and 6946 before changing this file.
 *
 * Fragments that overlap are no mistake but an attack on whoever judges by the first one only, so all of the datagram is
 * dropped, and what still comes of it (RFC 5722). An exact duplicate is no overlap: networks double packets, and it brings
 * nothing new, so it is passed over.
 */

import { IP_DF, IPV4, writeHeaderChecksum } from '../wire/ipv4.ts'
import { extensionBytes, FRAGMENT6, IPV6, NEXT } from '../wire/ipv6.ts'
import type { Arm } from './arm.ts'
import { DONE, Drop, Event, PARKED } from './counters.ts'
import { Family } from './family.ts'
import { Fragment } from './fragment.ts'
import { FRAME_HEAD, PAYLOAD_AT, slotBase } from './frames.ts'
import { HeldDatagrams, PIECES_MAX, Row, State } from './held-datagrams.ts'
import type { FragmentOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Services } from './services.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { STATE, TOTAL, END, PIECES, RECEIVED, SLOT, HEADER, LARGEST, LARGEST_DF, ECN } = Row
const { DEAD } = State
const { FRAGMENT, TOS, TOTAL_LENGTH } = IPV4
const { HEADER: FRAGMENT_HEADER } = FRAGMENT6
const { HEADER: IP6_HEADER, PAYLOAD_LENGTH } = IPV6
const { IPV6: SIX } = Family
const MOST_PIECES = PIECES_MAX
const HEAD = FRAME_HEAD
const PAYLOAD = PAYLOAD_AT
/** Bits of codepoints: Not-ECT 00, CE 11 (RFC 3168). */
const NOT_ECT = 1 << 0
const CE = 1 << 3

export class Reassembly extends HeldDatagrams {
  /** Called with the slot of each whole datagram: for who plays fragments again whose payload is not known. */
  mend: ((slot: number) => void) | null = null
  /** The same for who looks on. */
  seen: ((slot: number) => void) | null = null
  readonly #fragment: Fragment

  constructor(parts: Parts, options: FragmentOptions, services: Services) {
    super(parts, options)
    this.#fragment = new Fragment(parts, services)
  }

  /** The words of those who send and get what is held. */
  eachAddress(see: (word: number) => void): void {
    const { rows } = this
    for (let at = 0; at < rows.length; at += Row.CELLS) {
      if (rows[at + STATE] === State.FREE) continue
      see(rows[at + Row.SRC])
      see(rows[at + Row.DST])
    }
  }

  /**
   * The fragment in `slot`, of whose IP header p tells. => 0 if the slot now has the whole datagram, to be decoded anew; PARKED if it
   * was taken in, and its slot is free; DONE for a duplicate; or minus a drop reason
   */
  add(slot: number, p: Parsed, arm: Arm, now: number, family: number): number {
    const fragment = this.#fragment
    const refused = fragment.read(p, arm, family)
    if (refused !== 0) return refused
    if (this.capacity === 0) return -Drop.IP_FRAGMENT
    let at = this.find(p, fragment)
    if (at < 0) {
      at = this.begin(slot, p, fragment, now)
      if (at < 0) return at
    }
    const verdict = this.#take(at, p)
    if (verdict === PARKED) this.frames.release(slot)
    return verdict === 0 ? this.#finish(at, slot) : verdict
  }

  /** Puts the fragment at hand into its datagram. => 0 if that is whole now, PARKED, DONE, or minus a drop reason */
  #take(at: number, p: Parsed): number {
    const rows = this.rows
    if (rows[at + STATE] === DEAD) return -rows[at + SLOT]
    const { offset, bytes, more, data, header } = this.#fragment
    const end = offset + bytes
    const met = this.#meets(at)
    if (met !== 0) return met === DONE ? DONE : this.kill(at, -met)
    const total = rows[at + TOTAL]
    // The last one says where the datagram ends: nothing may be behind that, and no other may say otherwise.
    const misfits = more ? total >= 0 && end > total : total >= 0 || rows[at + END] > end
    if (misfits) return this.kill(at, Drop.FRAGMENT_MISFIT)
    const count = rows[at + PIECES]
    if (count === MOST_PIECES) return this.kill(at, Drop.FRAGMENT_TOO_MANY)
    this.pieces[this.piecesOf(at) + count] = (offset << 16) | bytes
    rows[at + PIECES] = count + 1
    if (!more) rows[at + TOTAL] = end
    if (end > rows[at + END]) rows[at + END] = end
    const received = rows[at + RECEIVED] + bytes
    rows[at + RECEIVED] = received
    this.#note(at, p)
    const slot = rows[at + SLOT]
    this.frames.bytes.copyWithin(slotBase(slot) + PAYLOAD + offset, data, data + bytes)
    if (offset === 0) {
      rows[at + HEADER] = header
      this.putHeaders(slot, p.eth, p.ip, header)
      this.frames.length[slot] = HEAD + p.ipTotal
    }
    // Nothing overlaps, so all is there when it is as much as the last one says.
    return received === rows[at + TOTAL] ? 0 : PARKED
  }

  /** => DONE if the fragment at hand is an exact duplicate of one, minus a drop reason if it overlaps one, else 0 */
  #meets(at: number): number {
    const { offset, bytes } = this.#fragment
    // In order there is nothing to be met.
    if (offset >= this.rows[at + END]) return 0
    const first = this.piecesOf(at)
    const last = first + this.rows[at + PIECES]
    for (let i = first; i < last; i++) {
      const from = this.pieces[i] >>> 16
      const length = this.pieces[i] & 0xffff
      if (from === offset && length === bytes) return DONE
      if (from < offset + bytes && offset < from + length) return -Drop.FRAGMENT_OVERLAP
    }
    return 0
  }

  /** What the whole datagram will need to know of its fragments. */
  #note(at: number, { ipTotal }: Parsed): void {
    const rows = this.rows
    const { mayNot, ecn } = this.#fragment
    if (ipTotal > rows[at + LARGEST]) rows[at + LARGEST] = ipTotal
    if (mayNot && ipTotal > rows[at + LARGEST_DF]) rows[at + LARGEST_DF] = ipTotal
    rows[at + ECN] |= 1 << ecn
  }

  /** The datagram is whole: it goes into the slot of the fragment that came last. => 0, or minus a drop reason */
  #finish(at: number, slot: number): number {
    const rows = this.rows
    const frames = this.frames
    const header = rows[at + HEADER]
    const total = header + rows[at + TOTAL]
    if (total > this.#fragment.most) return this.kill(at, Drop.FRAGMENT_PAST_END)
    const ecn = rows[at + ECN]
    // Congestion is not lost, and not told to whom cannot be (RFC 3168 5.3).
    if ((ecn & CE) !== 0 && (ecn & NOT_ECT) !== 0) return this.kill(at, Drop.FRAGMENT_MISFIT)
    const held = rows[at + SLOT]
    const from = frames.start[held]
    const to = slotBase(slot) + from - slotBase(held)
    const length = HEAD + total
    frames.bytes.copyWithin(to, from, from + length)
    frames.start[slot] = to
    frames.length[slot] = length
    const largest = rows[at + LARGEST]
    frames.fragment[slot] = largest
    const isCongested = (ecn & CE) !== 0
    if (this.#fragment.family === SIX) this.#becomeWhole6(slot, header, isCongested)
    else this.#becomeWhole(slot, header, rows[at + LARGEST_DF] === largest, isCongested)
    this.release(at)
    this.counters.count(Event.REASSEMBLED)
    if (this.mend !== null) this.mend(slot)
    if (this.seen !== null) this.seen(slot)
    return 0
  }

  /** As far as its largest fragment did not want to be cut, it does not. */
  #becomeWhole(slot: number, header: number, mayNot: boolean, isCongested: boolean): void {
    const { pkt, start, length } = this.frames
    const ip = start[slot] + HEAD
    pkt.setUint16(ip + TOTAL_LENGTH, length[slot] - HEAD)
    pkt.setUint16(ip + FRAGMENT, mayNot ? IP_DF : 0)
    if (isCongested) pkt.setUint8(ip + TOS, pkt.getUint8(ip + TOS) | 3)
    writeHeaderChecksum(pkt, ip, header)
  }

  /** The header of the first fragment, the last of `header` bytes, goes out of those that are to stay. */
  #becomeWhole6(slot: number, header: number, isCongested: boolean): void {
    const { pkt, bytes, start, length } = this.frames
    const from = start[slot]
    const next = pkt.getUint8(from + HEAD + header - FRAGMENT_HEADER)
    const end = from + HEAD + header - FRAGMENT_HEADER
    bytes.copyWithin(from + FRAGMENT_HEADER, from, end)
    start[slot] = from + FRAGMENT_HEADER
    length[slot] -= FRAGMENT_HEADER
    const ip = from + FRAGMENT_HEADER + HEAD
    pkt.setUint16(ip + PAYLOAD_LENGTH, length[slot] - HEAD - IP6_HEADER)
    if (isCongested) pkt.setUint16(ip, pkt.getUint16(ip) | (3 << 4))
    pkt.setUint8(fragmentNextAt(pkt, ip), next)
  }
}

/** Where the headers at `ip` say that a fragment follows. */
function fragmentNextAt(pkt: DataView, ip: number): number {
  let next = ip + IPV6.NEXT
  for (let at = ip + IP6_HEADER; pkt.getUint8(next) !== NEXT.FRAGMENT; ) {
    next = at
    at += extensionBytes(pkt, at)
  }
  return next
}
