/**
 * Packets of connections whose RS is told the client by a header of the PROXY protocol (semantics 3.8). What is done here is done
 * before a packet is translated, in its sender's own addresses and numbers, so that translation and all behind it find a packet like any
 * other. proxy-space.ts says which number is which.
 *
 * The segment that begins the client's stream is the one with the client's ISN + 1, whenever and however often it comes: it has the
 * header in front. Nothing of the stream goes on before it, for only it tells whether the client has sent a header of its own.
 */

import { adjust, diff32, sumWords } from '../wire/checksum.ts'
import { PROXY_MOST, PROXY_V1, PROXY_V2, V2, versionAt, wholeHeader } from '../wire/proxy.ts'
import { FLAG, OPT, optionLength, TCP } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import { CLIENT_HEADER_MOST, HEADER, KEY, PROTOCOL_BITS, PROXY } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { isIntactDatagram } from './datagrams.ts'
import type { Egress } from './egress.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import { OwnFrames } from './own-frames.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { isIntact } from './verify.ts'
import { ProxyHeader } from './xmit/proxy-header.ts'
import { moreOf, ProxySpace } from './xmit/proxy-space.ts'
import { diffSums } from './xmit/tcp-options.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SYN, RST, FIN, ACK } = FLAG
const { HEADER: TCP_HEADER, SEQ: TCP_SEQ, ACK: TCP_ACK, CHECKSUM: TCP_CHECKSUM } = TCP
const { TCP: KEY_TCP } = KEY
const { PROXY_ADDED, PROXY_ALONE, PROXY_REPLACED, PROXY_KEPT, PROXY_NO_ROOM } = Event
const { known: knownOf, bytes: bytesOf, taken: takenOf, mode: modeOf, isDecided, isAcked } = HEADER
const OUT_OF_ORDER = -Drop.TCP_PROXY_ORDER
const TOTAL_MOST = 0xffff

export class Proxied {
  readonly space: ProxySpace
  readonly #pkt: DataView
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #egress: Egress
  readonly #own: OwnFrames
  readonly #header: ProxyHeader

  constructor(parts: Parts, egress: Egress) {
    this.space = new ProxySpace(parts.table)
    this.#pkt = parts.frames.pkt
    this.#frames = parts.frames
    this.#counters = parts.counters
    this.#egress = egress
    this.#own = new OwnFrames(parts)
    this.#header = new ProxyHeader(parts)
  }

  /** HEADER_DUE speaks of the conn. */
  isDue(conn: number): boolean {
    return this.space.isDue(conn)
  }

  /**
   * The packet in `slot`, of tuple t of a conn that HEADER_DUE speaks of, is about to be translated and to leave on `out`; `dest` is
   * its RS. => 0, or minus a drop reason
   */
  prepare(slot: number, p: Parsed, t: number, out: Arm, dest: number, now: number): number {
    const conn = t >> 1
    if ((p.key & PROTOCOL_BITS) !== KEY_TCP)
      return (t & 1) === 0 ? this.#datagram(slot, p, conn, out.mtu) : 0
    if ((t & 1) === 1) return this.#ofRs(p, conn)
    const cell = this.space.cell(conn)
    if ((p.flags & SYN) !== 0) return this.#syn(slot, p, cell)
    const at = this.space.offset(conn, this.#pkt.getInt32(p.l4 + TCP_SEQ))
    const carries = (p.flags & RST) === 0 && (p.payload > 0 || (p.flags & FIN) !== 0)
    if (isAcked(cell)) return this.#move(p, TCP_SEQ, moreOf(cell))
    if (at === 0 && carries) return this.#first(slot, p, conn, out, dest, now)
    const before = -knownOf(cell)
    // In front of the stream there is nothing but the byte of a keepalive.
    if (at < 0) return p.payload > 1 ? OUT_OF_ORDER : this.#move(p, TCP_SEQ, before)
    // What has no bytes of its own begins where the RS is.
    if (at === 0) return this.#move(p, TCP_SEQ, before + this.space.acknowledged(conn))
    if (carries && (!isDecided(cell) || at < takenOf(cell))) return OUT_OF_ORDER
    return this.#move(p, TCP_SEQ, moreOf(cell))
  }

  /**
   * Data of TCP Fast Open is left out: the RS acknowledges the SYN alone, so that its answer says which SYN that was, and the client sends
   * the data again (RFC 7413 4.2.2).
   */
  #syn(slot: number, p: Parsed, cell: number): number {
    if (p.payload > 0) {
      if (!isIntact(this.#pkt, p)) return -Drop.TCP_CHECKSUM
      this.#header.cut(slot, p)
    }
    return this.#move(p, TCP_SEQ, -knownOf(cell))
  }

  /** The segment with the client's first byte, or with the FIN of one that has nothing to say. */
  #first(slot: number, p: Parsed, conn: number, out: Arm, dest: number, now: number): number {
    // Its checksum is made anew, and must not make good what was spoilt.
    if (!isIntact(this.#pkt, p)) return -Drop.TCP_CHECKSUM
    const header = this.#header
    const cell = this.#decide(p, conn)
    const taken = takenOf(cell)
    if (p.payload < taken && !tellsEnough(p, cell)) return OUT_OF_ORDER
    const first = -knownOf(cell)
    if (bytesOf(cell) === 0) return this.#move(p, TCP_SEQ, first)
    header.make(p, conn, modeOf(cell), taken)
    const gone = Math.min(taken, p.payload)
    const by = header.length - gone
    const fits = p.gsoSize !== 0 || p.largest + by <= out.mtu
    if (fits && p.ipTotal + by <= TOTAL_MOST && header.hasRoom(slot, by)) {
      header.replace(slot, p, gone, true)
      this.#counters.count(PROXY_ADDED)
      return this.#move(p, TCP_SEQ, first)
    }
    const ahead = this.#frames.take()
    if (ahead === NO_SLOT) return -Drop.NO_BUFFER
    header.writeAlone(ahead, p, conn, this.space.first(conn))
    this.#counters.count(PROXY_ALONE)
    const eth = header.ethOf(ahead)
    this.#own.settle(ahead, this.#egress.toRs(ahead, eth, out, dest, now))
    if (gone > 0) header.replace(slot, p, gone, false)
    return this.#move(p, TCP_SEQ, first + header.length)
  }

  /** What becomes of a header of the client's own is settled by the first segment that comes. => The cell */
  #decide(p: Parsed, conn: number): number {
    const cell = this.space.cell(conn)
    if (isDecided(cell)) return cell
    const mode = modeOf(cell)
    const at = p.l4 + p.l4Header
    let taken = wholeHeader(this.#pkt, at, p.payload)
    if (taken > CLIENT_HEADER_MOST) taken = 0
    let bytes = knownOf(cell)
    const isInsecure = mode === PROXY.V1_INSECURE || mode === PROXY.V2_INSECURE
    if (taken > 0 && isInsecure) {
      const version = mode === PROXY.V1_INSECURE ? PROXY_V1 : PROXY_V2
      if (versionAt(this.#pkt, at, p.payload) === version) bytes = taken = 0
      else if (this.#header.translate(at, taken)) bytes = this.#header.length
      else taken = 0
      if (bytes === 0) this.#counters.count(PROXY_KEPT)
    }
    if (taken > 0) this.#counters.count(PROXY_REPLACED)
    const decided = HEADER.decided(cell, taken, bytes)
    this.space.setCell(conn, decided)
    return decided
  }

  /** A segment of the RS: what it acknowledges is the client's. */
  #ofRs(p: Parsed, conn: number): number {
    const pkt = this.#pkt
    const { space } = this
    if ((p.flags & ACK) === 0) return 0
    const ack = pkt.getInt32(p.l4 + TCP_ACK)
    if ((p.flags & (SYN | RST)) === SYN && isIntact(pkt, p))
      space.answered(conn, pkt.getInt32(p.l4 + TCP_SEQ), ack)
    if (p.l4Header > TCP_HEADER) this.#moveSack(p, conn, ack)
    this.#move(p, TCP_ACK, space.back(conn, ack))
    space.settle(conn)
    return 0
  }

  /**
   * While the header is missing what the RS has beyond it would be told as if it stood next to what is acknowledged, which is nothing
   * that a receiver can say: it is told without its first byte, for the segment with that byte will bring the header.
   */
  #moveSack(p: Parsed, conn: number, ack: number): void {
    const pkt = this.#pkt
    const { space } = this
    const cell = space.cell(conn)
    const first = space.first(conn)
    const from = p.l4 + TCP_HEADER
    const end = p.l4 + p.l4Header
    const before = sumWords(pkt, from, end - from)
    const isMissing = !isAcked(cell) && takenOf(cell) === 0 && ((ack - first) | 0) < bytesOf(cell)
    const next = isMissing ? first + bytesOf(cell) : first
    for (let at = from, bytes = 0; at < end; at += bytes) {
      bytes = optionLength(pkt, at, end)
      if (bytes === 0) break
      if (pkt.getUint8(at) !== OPT.SACK || (bytes & 7) !== 2) continue
      for (let edge = at + 2; edge < at + bytes; edge += 4) {
        const number = pkt.getInt32(edge)
        const isLeft = ((edge - at - 2) & 4) === 0
        const step = isMissing && isLeft && number === (next | 0) ? 1 : 0
        pkt.setInt32(edge, number + space.back(conn, number) + step)
      }
    }
    const changed = diffSums(before, sumWords(pkt, from, end - from))
    if (p.partial === 0) adjust(pkt, p.l4 + TCP_CHECKSUM, changed)
  }

  /** => 0 */
  #move(p: Parsed, field: number, by: number): number {
    if (by === 0) return 0
    const pkt = this.#pkt
    const at = p.l4 + field
    const before = pkt.getInt32(at)
    const after = (before + by) | 0
    pkt.setInt32(at, after)
    if (p.partial === 0) adjust(pkt, p.l4 + TCP_CHECKSUM, diff32(before, after))
    return 0
  }

  /** The first datagram of the client; whatever becomes of its header, no other one has it. */
  #datagram(slot: number, p: Parsed, conn: number, mtu: number): number {
    if (!isIntactDatagram(this.#pkt, p)) return -Drop.UDP_CHECKSUM
    const header = this.#header
    const mode = modeOf(this.space.cell(conn))
    this.space.done(conn)
    const at = p.l4 + p.l4Header
    let taken = wholeHeader(this.#pkt, at, p.payload)
    if (versionAt(this.#pkt, at, p.payload) === PROXY_V1) taken = 0
    if (taken > 0 && mode === PROXY.V2_INSECURE) {
      this.#counters.count(PROXY_KEPT)
      return 0
    }
    header.make(p, conn, mode, 0)
    const by = header.length - taken
    const isSingle = p.gsoSize === 0 && this.#frames.fragment[slot] === 0
    if (!isSingle || p.ipTotal + by > mtu || !header.hasRoom(slot, by)) {
      this.#counters.count(PROXY_NO_ROOM)
      return 0
    }
    header.replaceInDatagram(slot, p, taken)
    if (taken > 0) this.#counters.count(PROXY_REPLACED)
    this.#counters.count(PROXY_ADDED)
    return 0
  }
}

/**
 * The segment is a part of a client's header that another one has shown whole: one that was longer than a segment came in a frame that
 * was to be segmented, was lost, and comes again in pieces. What the RS gets is known without it, or is in its first bytes; the
 * rest is none of the RS's.
 */
function tellsEnough(p: Parsed, cell: number): boolean {
  if ((p.flags & FIN) !== 0) return false
  const mode = modeOf(cell)
  const isInsecure = mode === PROXY.V1_INSECURE || mode === PROXY.V2_INSECURE
  return !isInsecure || (takenOf(cell) > PROXY_MOST && p.payload >= V2.IPV6)
}
