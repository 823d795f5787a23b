/**
 * The translation of one TCP segment, in place. Read fullnat semantics 3 and RFC 1624 before changing this file.
 *
 * Both directions: addresses and ports become the mirror of the other tuple. IN: seq += delta; on a SYN the timestamp
 * option becomes NOPs; TOA. OUT: ack and SACK edges -= delta; MSS - 8 on the SYN+ACK. Nothing else is touched: IP ID,
 * TOS, DF, options, window and the RS's own sequence numbers pass through.
 *
 * Checksums are adjusted by differences, never computed anew, so that a segment that was corrupt when it came is still
 * corrupt when it leaves. With a partial checksum only pseudo-header changes count.
 */

import { adjust, adjustPartial, diff16, diff32, fold, sumWords } from '../wire/checksum.ts'
import { IPV4 } from '../wire/ipv4.ts'
import {
  FLAG,
  findOption,
  NOP_NOP_TIMESTAMP,
  OPT,
  optionLength,
  TCP,
  TOA_BYTES,
} from '../wire/tcp.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { CELL, type ConnTable, RS_SEEN, tupleCell } from './conn.ts'
import { type Counters, Event } from './counters.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import { IN } from './tcp-state.ts'
import { compactOptions, keptOptions, ToaMode, wantsToa, writeToa } from './toa.ts'

/** Smallest MSS that still gives up 8 bytes; below it (no such stack exists) the value passes unchanged. */
const MSS_MIN = 16

export class FullNat {
  readonly #frames: Frames
  readonly #conns: ConnTable
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #decrementTtl: boolean
  /** Difference of the TCP header and payload, and of the pseudo header, of the segment at hand. */
  #l4 = 0
  #pseudo = 0
  /** Bytes by which the frame has grown. */
  #grown = 0

  constructor(
    frames: Frames,
    conns: ConnTable,
    counters: Counters,
    toaMode: number,
    decrementTtl: boolean,
  ) {
    this.#frames = frames
    this.#conns = conns
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
    const { cells } = this.#conns
    const conn = (t >> 1) << 4
    const peer = tupleCell(t ^ 1)
    const src = cells[peer + CELL.DADDR]
    const dst = cells[peer + CELL.SADDR]
    const ports = (cells[peer + CELL.PORTS] << 16) | (cells[peer + CELL.PORTS] >>> 16)
    const delta = cells[conn + CELL.DELTA]
    let failed = 0

    this.#l4 = diff32(p.ports, ports)
    this.#pseudo = diff32(p.saddr, src) + diff32(p.daddr, dst)
    this.#grown = 0
    let ipDiff = this.#pseudo
    pkt.setInt32(p.ip + IPV4.SRC, src)
    pkt.setInt32(p.ip + IPV4.DST, dst)
    pkt.setInt32(p.l4 + TCP.SPORT, ports)
    if ((t & 1) === IN) {
      this.#shift32(pkt, p.l4 + TCP.SEQ, delta)
      failed = this.#inOptions(pkt, slot, p, conn, mtu)
    } else {
      this.#shift32(pkt, p.l4 + TCP.ACK, -delta)
      if (p.tcpHeader > TCP.HEADER) this.#outOptions(pkt, p, delta)
    }
    // From here p's offsets are those of the moved header.
    if (this.#decrementTtl) {
      const ttl = pkt.getUint16(p.ip + IPV4.TTL)
      pkt.setUint16(p.ip + IPV4.TTL, ttl - 0x100)
      ipDiff += diff16(ttl, ttl - 0x100)
    }
    if (this.#grown !== 0) {
      ipDiff += diff16(p.ipTotal, p.ipTotal + this.#grown)
      this.#pseudo += diff16(p.ipTotal, p.ipTotal + this.#grown)
      pkt.setUint16(p.ip + IPV4.TOTAL_LENGTH, p.ipTotal + this.#grown)
    }
    adjust(pkt, p.ip + IPV4.CHECKSUM, ipDiff)
    if (p.partial === 1) adjustPartial(pkt, p.l4 + TCP.CHECKSUM, this.#pseudo)
    else adjust(pkt, p.l4 + TCP.CHECKSUM, this.#pseudo + this.#l4)
    this.#settleVnetHdr(pkt, p)
    return failed
  }

  /** Adds `delta` to the 32-bit field at an even offset and notes the difference. */
  #shift32(pkt: DataView, at: number, delta: number): void {
    const before = pkt.getInt32(at)
    const after = (before + delta) | 0
    pkt.setInt32(at, after)
    this.#l4 += diff32(before, after)
  }

  #inOptions(pkt: DataView, slot: number, p: Parsed, conn: number, mtu: number): number {
    const { cells } = this.#conns
    if (p.tcpHeader > TCP.HEADER) this.#cleanOptions(pkt, p)
    const ackIsFirst =
      (cells[conn + CELL.WORD] & RS_SEEN) !== 0 &&
      pkt.getInt32(p.l4 + TCP.ACK) === cells[conn + CELL.RS_ISN1]
    if (!wantsToa(this.#toaMode, p.flags, ackIsFirst)) return 0
    const failed = this.#insertToa(pkt, slot, p, cells[conn], cells[conn + CELL.PORTS] >>> 16, mtu)
    this.#counters.count(failed === 0 ? Event.TOA_ADDED : failed)
    return failed
  }

  /** NOPs over a SYN's timestamp, in place (ten; one the client put beside it stays), and over any forged TOA. */
  #cleanOptions(pkt: DataView, p: Parsed): void {
    const from = p.l4 + TCP.HEADER
    const end = p.l4 + p.tcpHeader
    if (pkt.getInt32(from) === NOP_NOP_TIMESTAMP && p.tcpHeader === 32 && !(p.flags & FLAG.SYN))
      return
    const before = sumWords(pkt, from, end - from)
    let changed = 0
    if ((p.flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) {
      const timestamp = findOption(pkt, from, end, OPT.TIMESTAMP, 10)
      if (timestamp >= 0) changed += overwriteWithNops(pkt, timestamp, 10)
    }
    for (let at = from, bytes = 0; at < end; at += bytes) {
      bytes = optionLength(pkt, at, end)
      if (bytes === 0) break
      if (pkt.getUint8(at) !== OPT.TOA) continue
      changed += overwriteWithNops(pkt, at, bytes)
      this.#counters.count(Event.TOA_FORGED)
    }
    if (changed > 0) this.#l4 += diffSums(before, sumWords(pkt, from, end - from))
  }

  #outOptions(pkt: DataView, p: Parsed, delta: number): void {
    const from = p.l4 + TCP.HEADER
    const end = p.l4 + p.tcpHeader
    // What nearly every segment of a Linux RS with timestamps carries has nothing to adjust.
    if (pkt.getInt32(from) === NOP_NOP_TIMESTAMP && p.tcpHeader === 32) return
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
    this.#l4 += diffSums(before, sumWords(pkt, from, end - from))
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
    const options = p.l4 + TCP.HEADER
    const before = p.tcpHeader - TCP.HEADER
    let after = before
    if (p.tcpHeader + TOA_BYTES > TCP.HEADER_MAX) {
      after = this.#toaMode === ToaMode.MASTER ? compactOptions(pkt, options, options + before) : -1
      if (after < 0) return Event.TOA_NO_ROOM
    }
    const oldSum = sumWords(pkt, options, before)
    const grown = TOA_BYTES + after - before
    this.#moveHeaders(slot, p, grown)
    const toa = p.l4 + TCP.HEADER
    writeToa(pkt, toa, cip, cport)
    if (after !== before) {
      const kept = keptOptions()
      for (let i = 0; i < after; i++) pkt.setUint8(toa + TOA_BYTES + i, kept[i])
    }
    const oldWord = pkt.getUint16(p.l4 + TCP.OFFSET)
    const newWord = oldWord + (grown << 10) // the offset counts words in the top four bits
    pkt.setUint16(p.l4 + TCP.OFFSET, newWord)
    this.#l4 += diff16(oldWord, newWord) + diffSums(oldSum, sumWords(pkt, toa, TOA_BYTES + after))
    this.#grown = grown
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
    const end = p.l4 + TCP.HEADER
    if (grown >= 0)
      for (let at = from; at < end; at += 2) pkt.setUint16(at - grown, pkt.getUint16(at))
    else for (let at = end - 2; at >= from; at -= 2) pkt.setUint16(at - grown, pkt.getUint16(at))
    frames.start[slot] = from - grown
    frames.length[slot] += grown
    p.eth -= grown
    p.ip -= grown
    p.l4 -= grown
    p.tcpHeader += grown
  }

  /** Only NEEDS_CSUM and the segmentation fields go on; hdr_len is ours to keep true. */
  #settleVnetHdr(pkt: DataView, p: Parsed): void {
    const vnet = p.eth - VNET.BYTES
    pkt.setUint8(vnet + VNET.FLAGS, p.partial)
    if (p.gsoSize !== 0) pkt.setUint16(vnet + VNET.HDR_LEN, p.l4 - p.eth + p.tcpHeader, true)
  }
}

/** Difference between two unfolded sums of 16-bit words. */
function diffSums(before: number, after: number): number {
  return diff16(fold(before), fold(after))
}

function overwriteWithNops(pkt: DataView, at: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) pkt.setUint8(at + i, OPT.NOP)
  return bytes
}
