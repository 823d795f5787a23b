/**
 * What translation does to the options of a TCP header that are not the usual ones, in place: nothing moves. Each function
 * => the difference for the checksum.
 */

import { diff16, fold, sumWords } from '../../wire/checksum.ts'
import {
  FLAG,
  findOption,
  isTfoExperiment,
  NOP_NOP_TIMESTAMP,
  OPT,
  optionLength,
  TCP,
} from '../../wire/tcp.ts'
import { type Counters, Event } from '../counters.ts'
import type { Parsed } from '../parsed.ts'

/** What an MSS keeps at least where it gives up room for TOA; below it (no such stack exists) the value passes unchanged. */
const MSS_MIN = 8

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: TCP_HEADER } = TCP
const { SYN, ACK } = FLAG
const USUAL_OPTION = NOP_NOP_TIMESTAMP

/** What nearly every segment with timestamps carries has nothing to adjust, in either direction. */
export function isUsual(pkt: DataView, p: Parsed): boolean {
  if (p.l4Header !== TCP_HEADER + 12 || (p.flags & SYN) !== 0) return false
  return pkt.getInt32(p.l4 + TCP_HEADER) === USUAL_OPTION
}

/** NOPs over a SYN's timestamp (ten; one the client put beside it stays), and over any forged TOA. */
export function inOptions(pkt: DataView, p: Parsed, counters: Counters): number {
  const from = p.l4 + TCP_HEADER
  const end = p.l4 + p.l4Header
  const before = sumWords(pkt, from, end - from)
  let changed = 0
  if ((p.flags & (SYN | ACK)) === SYN) {
    const timestamp = findOption(pkt, from, end, OPT.TIMESTAMP, 10)
    if (timestamp >= 0) changed += overwriteWithNops(pkt, timestamp, 10)
  }
  for (let at = from, bytes = 0; at < end; at += bytes) {
    bytes = optionLength(pkt, at, end)
    if (bytes === 0) break
    if (pkt.getUint8(at) !== OPT.TOA || isTfoExperiment(pkt, at, bytes)) continue
    changed += overwriteWithNops(pkt, at, bytes)
    counters.count(Event.TOA_FORGED)
  }
  return changed > 0 ? diffSums(before, sumWords(pkt, from, end - from)) : 0
}

/** SACK edges go back by `delta`; a SYN+ACK's MSS leaves room for `toa` bytes of TOA, if any may be added. */
export function outOptions(pkt: DataView, p: Parsed, delta: number, toa: number): number {
  const from = p.l4 + TCP_HEADER
  const end = p.l4 + p.l4Header
  const before = sumWords(pkt, from, end - from)
  const synAck = (p.flags & (SYN | ACK)) === (SYN | ACK)
  const mssAt = synAck && toa > 0 ? findOption(pkt, from, end, OPT.MSS, 4) : -1
  if (mssAt >= 0) {
    const mss = pkt.getUint16(mssAt + 2)
    if (mss >= MSS_MIN + toa) pkt.setUint16(mssAt + 2, mss - toa)
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

/** Difference between two unfolded sums of 16-bit words. */
export function diffSums(before: number, after: number): number {
  return diff16(fold(before), fold(after))
}

function overwriteWithNops(pkt: DataView, at: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) pkt.setUint8(at + i, OPT.NOP)
  return bytes
}
