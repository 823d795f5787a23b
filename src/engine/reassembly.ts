/**
 * IPv4 reassembly (RFC 791): fragments of a datagram to us are put together, and the one that completes it becomes the whole
 * datagram, which then goes the way of any packet. Read RFC 1858, 3128, 4963 and 5722 before changing this file.
 *
 * Fragments that overlap are no mistake but an attack on whoever judges by the first one only, so all of the datagram is
 * dropped, and what still comes of it (RFC 5722). An exact duplicate is no overlap: networks double packets, and it brings
 * nothing new, so it is passed over.
 */

import { IP_DF, IP_MORE, IP_OFFSET_BITS, IPV4, PROTO, writeHeaderChecksum } from '../wire/ipv4.ts'
import { TCP, headerLength as tcpHeaderLength } from '../wire/tcp.ts'
import { type Arm, isOurs } from './arm.ts'
import { DONE, Drop, Event, PARKED } from './counters.ts'
import { Family } from './family.ts'
import { FRAME_HEAD, PAYLOAD_AT, slotBase } from './frames.ts'
import { HeldDatagrams, PIECES_MAX, Row, State, TOTAL_MAX } from './held-datagrams.ts'
import type { FragmentOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { Services } from './services.ts'
import { isPlausibleClient } from './verify.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { ID_PROTOCOL, STATE, TOTAL, END, PIECES, RECEIVED, SLOT, HEADER, LARGEST, LARGEST_DF, ECN } =
  Row
const { DEAD } = State
const { FRAGMENT, TOS, TOTAL_LENGTH } = IPV4
const MOST_PIECES = PIECES_MAX
const MOST = TOTAL_MAX
const HEAD = FRAME_HEAD
const PAYLOAD = PAYLOAD_AT
/** Behind it a TCP header is whole; a fragment that begins before would put something into it (RFC 1858 3, RFC 3128). */
const TCP_HEADER = TCP.HEADER
/** Bits of codepoints: Not-ECT 00, CE 11 (RFC 3168). */
const NOT_ECT = 1 << 0
const CE = 1 << 3

export class Reassembly extends HeldDatagrams {
  /** Called with the slot of each whole datagram: for who plays fragments again whose payload is not known. */
  mend: ((slot: number) => void) | null = null
  /** The same for who looks on. */
  seen: ((slot: number) => void) | null = null
  /** The fragment at hand. */
  #offset = 0
  #bytes = 0
  #more = false
  readonly #services: Services

  constructor(parts: Parts, options: FragmentOptions, services: Services) {
    super(parts, options)
    this.#services = services
  }

  /**
   * The fragment in `slot`, of whose IP header p tells. => 0 if the slot now has the whole datagram, to be decoded anew; PARKED if it
   * was taken in, and its slot is free; DONE for a duplicate; or minus a drop reason
   */
  add(slot: number, p: Parsed, arm: Arm, now: number): number {
    const refused = this.#read(p, arm)
    if (refused !== 0) return refused
    const idProtocol = this.#idProtocol(p)
    let at = this.find(p, arm.index, idProtocol)
    if (at < 0) {
      at = this.begin(slot, p, arm.index, now)
      if (at < 0) return at
      this.rows[at + ID_PROTOCOL] = idProtocol
    }
    const verdict = this.#take(at, p)
    if (verdict === PARKED) this.frames.release(slot)
    return verdict === 0 ? this.#finish(at, slot) : verdict
  }

  /** Reads the fragment's place, and refuses what is none. => 0, or minus a drop reason */
  #read(p: Parsed, arm: Arm): number {
    const { pkt } = this.frames
    const word = pkt.getUint16(p.ip + FRAGMENT)
    const offset = (word & IP_OFFSET_BITS) << 3
    const bytes = p.ipTotal - p.ipHeader
    this.#offset = offset
    this.#bytes = bytes
    this.#more = (word & IP_MORE) !== 0
    if (bytes === 0 || (this.#more && (bytes & 7) !== 0)) return -Drop.FRAGMENT_LENGTH
    if (p.ipHeader + offset + bytes > MOST) return -Drop.FRAGMENT_PAST_END
    if (this.#isTiny(p)) return -Drop.FRAGMENT_TINY
    // Anybody could fill the rows with what is for nobody here.
    if (this.capacity === 0 || !this.#isForUs(p.daddr)) return -Drop.IP_FRAGMENT
    return isPlausibleClient(this.arms, arm, p.saddr) ? 0 : -Drop.IP_SOURCE
  }

  #isForUs(address: number): boolean {
    return isOurs(this.arms, Family.IPV4, address) || this.#services.has(address, Family.IPV4)
  }

  /** The header behind IP has to be in the first fragment, all of it; that of UDP and ICMP fits into the smallest one. */
  #isTiny(p: Parsed): boolean {
    const { pkt } = this.frames
    if (pkt.getUint8(p.ip + IPV4.PROTOCOL) !== PROTO.TCP)
      return this.#offset === 0 && this.#bytes < 8
    if (this.#offset > 0) return this.#offset < TCP_HEADER
    return this.#bytes < TCP_HEADER || this.#bytes < tcpHeaderLength(pkt, p.l4)
  }

  #idProtocol(p: Parsed): number {
    const { pkt } = this.frames
    return (pkt.getUint16(p.ip + IPV4.ID) << 8) | pkt.getUint8(p.ip + IPV4.PROTOCOL)
  }

  /** Puts the fragment at hand into its datagram. => 0 if that is whole now, PARKED, DONE, or minus a drop reason */
  #take(at: number, p: Parsed): number {
    const rows = this.rows
    if (rows[at + STATE] === DEAD) return -rows[at + SLOT]
    const offset = this.#offset
    const bytes = this.#bytes
    const end = offset + bytes
    const met = this.#meets(at)
    if (met !== 0) return met === DONE ? DONE : this.kill(at, -met)
    const total = rows[at + TOTAL]
    // The last one says where the datagram ends: nothing may be behind that, and no other may say otherwise.
    const misfits = this.#more ? total >= 0 && end > total : total >= 0 || rows[at + END] > end
    if (misfits) return this.kill(at, Drop.FRAGMENT_MISFIT)
    const count = rows[at + PIECES]
    if (count === MOST_PIECES) return this.kill(at, Drop.FRAGMENT_TOO_MANY)
    this.pieces[this.piecesOf(at) + count] = (offset << 16) | bytes
    rows[at + PIECES] = count + 1
    if (!this.#more) rows[at + TOTAL] = end
    if (end > rows[at + END]) rows[at + END] = end
    const received = rows[at + RECEIVED] + bytes
    rows[at + RECEIVED] = received
    this.#note(at, p)
    const slot = rows[at + SLOT]
    this.frames.bytes.copyWithin(slotBase(slot) + PAYLOAD + offset, p.l4, p.l4 + bytes)
    if (offset === 0) {
      rows[at + HEADER] = p.ipHeader
      this.putHeaders(slot, p.eth, p.ip, p.ipHeader)
      this.frames.length[slot] = HEAD + p.ipTotal
    }
    // Nothing overlaps, so all is there when it is as much as the last one says.
    return received === rows[at + TOTAL] ? 0 : PARKED
  }

  /** => DONE if the fragment at hand is an exact duplicate of one, minus a drop reason if it overlaps one, else 0 */
  #meets(at: number): number {
    const offset = this.#offset
    // In order there is nothing to be met.
    if (offset >= this.rows[at + END]) return 0
    const bytes = this.#bytes
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
  #note(at: number, { ip, ipTotal }: Parsed): void {
    const rows = this.rows
    const { pkt } = this.frames
    if (ipTotal > rows[at + LARGEST]) rows[at + LARGEST] = ipTotal
    const df = (pkt.getUint16(ip + FRAGMENT) & IP_DF) !== 0
    if (df && ipTotal > rows[at + LARGEST_DF]) rows[at + LARGEST_DF] = ipTotal
    rows[at + ECN] |= 1 << (pkt.getUint8(ip + TOS) & 3)
  }

  /** The datagram is whole: it goes into the slot of the fragment that came last. => 0, or minus a drop reason */
  #finish(at: number, slot: number): number {
    const rows = this.rows
    const frames = this.frames
    const { pkt } = frames
    const header = rows[at + HEADER]
    const total = header + rows[at + TOTAL]
    if (total > MOST) return this.kill(at, Drop.FRAGMENT_PAST_END)
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
    const ip = to + HEAD
    pkt.setUint16(ip + TOTAL_LENGTH, total)
    // As far as its largest fragment did not want to be cut, it does not.
    pkt.setUint16(ip + FRAGMENT, rows[at + LARGEST_DF] === largest ? IP_DF : 0)
    if ((ecn & CE) !== 0) pkt.setUint8(ip + TOS, pkt.getUint8(ip + TOS) | 3)
    writeHeaderChecksum(pkt, ip, header)
    this.release(at)
    this.counters.count(Event.REASSEMBLED)
    if (this.mend !== null) this.mend(slot)
    if (this.seen !== null) this.seen(slot)
    return 0
  }
}
