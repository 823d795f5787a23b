/**
 * The translation of one TCP segment, in place. Read semantics 3 and RFC 1624 before changing this file.
 *
 * Both directions: addresses and ports become the mirror of the other tuple. IN: seq += delta; on a SYN the timestamp
 * option becomes NOPs; TOA. OUT: ack and SACK edges -= delta; MSS - 8 on the SYN+ACK. Nothing else is touched: IP ID,
 * TOS, DF, options, window and the RS's own sequence numbers pass through.
 *
 * Checksums are adjusted by differences, never computed anew, so that a segment that was corrupt when it came is still
 * corrupt when it leaves. With a partial checksum only pseudo-header changes count.
 */

import {
  adjust,
  adjusted,
  adjustPartial,
  diff16,
  diff32,
  fold,
  sumWords,
} from '../wire/checksum.ts'
import { IPV4 } from '../wire/ipv4.ts'
import {
  FLAG,
  findOption,
  isTfoExperiment,
  NOP_NOP_TIMESTAMP,
  OPT,
  optionLength,
  TCP,
  TOA_BYTES,
} from '../wire/tcp.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { CELL, type ConnTable, RS_SEEN } from './conn.ts'
import { type Counters, Event } from './counters.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import { compactOptions, keptOptions, ToaMode, wantsToa, writeToa } from './toa.ts'

/** Smallest MSS that still gives up 8 bytes; below it (no such stack exists) the value passes unchanged. */
const MSS_MIN = 16

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { SADDR, DADDR, PORTS, DELTA, WORD, RS_ISN1 } = CELL
const { TTL: IP_TTL, TOTAL_LENGTH, CHECKSUM: IP_CHECKSUM, SRC: IP_SRC, DST: IP_DST } = IPV4
const { SPORT: TCP_SPORT, SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const { HEADER: TCP_HEADER, OFFSET: TCP_OFFSET, CHECKSUM: TCP_CHECKSUM } = TCP
const { BYTES: VNET_BYTES } = VNET
const SEEN = RS_SEEN
/** Every offset fits; said with a mask, it spares V8 the overflow check of each sum with it. */
const OFFSET_BITS = 0x3fffffff
const { SYN } = FLAG
const USUAL_OPTION = NOP_NOP_TIMESTAMP

export class FullNat {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #decrementTtl: boolean

  constructor(
    frames: Frames,
    conns: ConnTable,
    counters: Counters,
    toaMode: number,
    decrementTtl: boolean,
  ) {
    this.#frames = frames
    this.#cells = conns.cells
    this.#counters = counters
    this.#toaMode = toaMode
    this.#decrementTtl = decrementTtl
  }

  /**
   * Translates the segment of tuple t. The frame may grow towards its headroom; its Ethernet header is not valid
   * afterwards and the caller writes it. `mtu` is that of the RS's arm. => Event.TOA_MTU or TOA_NO_ROOM if a TOA that
   * was due could not be added, else 0.
   */
  translate(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const { partial, gsoSize } = p
    const ip = p.ip & OFFSET_BITS
    const l4 = p.l4 & OFFSET_BITS
    const conn = (t >> 1) << 4
    const inward = (t & 1) === 0
    const options =
      p.tcpHeader === TCP_HEADER || isUsual(pkt, p) ? 0 : this.#options(pkt, p, inward, conn)
    const toa = inward && this.#isToaDue(pkt, p, conn)
    // All is read before anything is written: behind a store through the DataView V8 checks and loads anew what it knew.
    const peer = conn | (inward ? 4 : 0)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const turned = cells[peer | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    // The client's own numbers move: its seq on the way in, what acknowledges it on the way out.
    const moves = l4 + (inward ? TCP_SEQ : TCP_ACK)
    const before = pkt.getInt32(moves)
    const delta = cells[conn | DELTA]
    const after = (inward ? before + delta : before - delta) | 0
    const addresses = diff32(p.saddr, src) + diff32(p.daddr, dst)
    const ipSum = adjusted(pkt.getUint16(ip + IP_CHECKSUM), addresses)
    const field = pkt.getUint16(l4 + TCP_CHECKSUM)
    const tcpSum =
      partial === 1
        ? fold(field + addresses)
        : adjusted(field, addresses + diff32(p.ports, ports) + diff32(before, after) + options)
    pkt.setUint16(ip + IP_CHECKSUM, ipSum)
    pkt.setInt32(ip + IP_SRC, src)
    pkt.setInt32(ip + IP_DST, dst)
    pkt.setInt32(l4 + TCP_SPORT, ports)
    pkt.setInt32(moves, after)
    pkt.setUint16(l4 + TCP_CHECKSUM, tcpSum)
    if (this.#decrementTtl) decrementTtl(pkt, ip)
    const failed = toa ? this.#addToa(pkt, slot, p, conn, mtu) : 0
    if (gsoSize !== 0) settleHdrLen(pkt, p)
    return failed
  }

  #isToaDue(pkt: DataView, p: Parsed, conn: number): boolean {
    const cells = this.#cells
    const ackIsFirst =
      (cells[conn | WORD] & SEEN) !== 0 && pkt.getInt32(p.l4 + TCP_ACK) === cells[conn | RS_ISN1]
    return wantsToa(this.#toaMode, p.flags, ackIsFirst)
  }

  /** Inserts the option and adjusts all checksums for it. => 0, or why it is not there. */
  #addToa(pkt: DataView, slot: number, p: Parsed, conn: number, mtu: number): number {
    const cells = this.#cells
    const failed = this.#insertToa(pkt, slot, p, cells[conn], cells[conn | PORTS] >>> 16, mtu)
    this.#counters.count(failed === 0 ? Event.TOA_ADDED : failed)
    return failed
  }

  /** Options that are not the usual ones. => Difference */
  #options(pkt: DataView, p: Parsed, inward: boolean, conn: number): number {
    return inward ? this.#inOptions(pkt, p) : this.#outOptions(pkt, p, this.#cells[conn | DELTA])
  }

  /** NOPs over a SYN's timestamp, in place (ten; one the client put beside it stays), and over any forged TOA. => Difference */
  #inOptions(pkt: DataView, p: Parsed): number {
    const from = p.l4 + TCP_HEADER
    const end = p.l4 + p.tcpHeader
    const before = sumWords(pkt, from, end - from)
    let changed = 0
    if ((p.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) {
      const timestamp = findOption(pkt, from, end, OPT.TIMESTAMP, 10)
      if (timestamp >= 0) changed += overwriteWithNops(pkt, timestamp, 10)
    }
    for (let at = from, bytes = 0; at < end; at += bytes) {
      bytes = optionLength(pkt, at, end)
      if (bytes === 0) break
      if (pkt.getUint8(at) !== OPT.TOA || isTfoExperiment(pkt, at, bytes)) continue
      changed += overwriteWithNops(pkt, at, bytes)
      this.#counters.count(Event.TOA_FORGED)
    }
    return changed > 0 ? diffSums(before, sumWords(pkt, from, end - from)) : 0
  }

  /** => Difference */
  #outOptions(pkt: DataView, p: Parsed, delta: number): number {
    const from = p.l4 + TCP_HEADER
    const end = p.l4 + p.tcpHeader
    const before = sumWords(pkt, from, end - from)
    const synAck = (p.flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK)
    const mssAt =
      synAck && this.#toaMode !== ToaMode.OFF ? findOption(pkt, from, end, OPT.MSS, 4) : -1
    if (mssAt >= 0) {
      const mss = pkt.getUint16(mssAt + 2)
      if (mss >= MSS_MIN) pkt.setUint16(mssAt + 2, mss - TOA_BYTES)
    }
    for (let at = from, bytes = 0; at < end; at += bytes) {
      bytes = optionLength(pkt, at, end)
      if (bytes === 0) break
      if (pkt.getUint8(at) !== OPT.SACK || (bytes & 7) !== 2) continue
      for (let edge = at + 2; edge < at + bytes; edge += 4) {
        pkt.setInt32(edge, pkt.getInt32(edge) - delta)
      }
    }
    return diffSums(before, sumWords(pkt, from, end - from))
  }

  /** => 0 if the option is in, else why not. */
  #insertToa(
    pkt: DataView,
    slot: number,
    p: Parsed,
    cip: number,
    cport: number,
    mtu: number,
  ): number {
    if (p.largest > mtu - TOA_BYTES || p.ipTotal + TOA_BYTES > 0xffff) return Event.TOA_MTU
    const options = p.l4 + TCP_HEADER
    const before = p.tcpHeader - TCP_HEADER
    let after = before
    if (p.tcpHeader + TOA_BYTES > TCP.HEADER_MAX) {
      after = this.#toaMode === ToaMode.MASTER ? compactOptions(pkt, options, options + before) : -1
      if (after < 0) return Event.TOA_NO_ROOM
    }
    const oldSum = sumWords(pkt, options, before)
    const grown = TOA_BYTES + after - before
    this.#moveHeaders(slot, p, grown)
    const toa = p.l4 + TCP_HEADER
    writeToa(pkt, toa, cip, cport)
    if (after !== before) {
      const kept = keptOptions()
      for (let i = 0; i < after; i++) pkt.setUint8(toa + TOA_BYTES + i, kept[i])
    }
    const oldWord = pkt.getUint16(p.l4 + TCP_OFFSET)
    const newWord = oldWord + (grown << 10) // the offset counts words in the top four bits
    pkt.setUint16(p.l4 + TCP_OFFSET, newWord)
    const length = diff16(p.ipTotal, p.ipTotal + grown)
    pkt.setUint16(p.ip + TOTAL_LENGTH, p.ipTotal + grown)
    adjust(pkt, p.ip + IP_CHECKSUM, length)
    const l4 = diff16(oldWord, newWord) + diffSums(oldSum, sumWords(pkt, toa, TOA_BYTES + after))
    if (p.partial === 0) adjust(pkt, p.l4 + TCP_CHECKSUM, length + l4)
    else adjustPartial(pkt, p.l4 + TCP_CHECKSUM, length)
    return 0
  }

  /**
   * Moves everything in front of the options by `grown` bytes (usually 8) towards the headroom; the payload stays.
   * Negative when compacted options free more than TOA takes: then the headers move towards the payload.
   */
  #moveHeaders(slot: number, p: Parsed, grown: number): void {
    const frames = this.#frames
    const { pkt } = frames
    const from = frames.start[slot]
    const end = p.l4 + TCP_HEADER
    // All headers together are whole words, and so is what they move by.
    if (grown >= 0)
      for (let at = from; at < end; at += 4) pkt.setInt32(at - grown, pkt.getInt32(at))
    else for (let at = end - 4; at >= from; at -= 4) pkt.setInt32(at - grown, pkt.getInt32(at))
    frames.start[slot] = from - grown
    frames.length[slot] += grown
    p.eth -= grown
    p.ip -= grown
    p.l4 -= grown
    p.tcpHeader += grown
  }
}

/** What nearly every segment with timestamps carries has nothing to adjust, in either direction. */
function isUsual(pkt: DataView, p: Parsed): boolean {
  if (p.tcpHeader !== TCP_HEADER + 12 || (p.flags & SYN) !== 0) return false
  return pkt.getInt32(p.l4 + TCP_HEADER) === USUAL_OPTION
}

function decrementTtl(pkt: DataView, ip: number): void {
  const ttl = pkt.getUint16(ip + IP_TTL)
  pkt.setUint16(ip + IP_TTL, ttl - 0x100)
  adjust(pkt, ip + IP_CHECKSUM, diff16(ttl, ttl - 0x100))
}

/** The length of the headers of a frame to be segmented is ours to keep true. */
function settleHdrLen(pkt: DataView, p: Parsed): void {
  pkt.setUint16(p.eth - VNET_BYTES + VNET.HDR_LEN, p.l4 - p.eth + p.tcpHeader, true)
}

/** Difference between two unfolded sums of 16-bit words. */
function diffSums(before: number, after: number): number {
  return diff16(fold(before), fold(after))
}

function overwriteWithNops(pkt: DataView, at: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) pkt.setUint8(at + i, OPT.NOP)
  return bytes
}
