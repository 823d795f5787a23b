/**
 * TOA: the client's address and port as TCP option 254, directly behind the fixed header, for RS modules that give it
 * to the application in place of LIP:lport (semantics 3.4).
 *
 *   FE 08 <port> <address>      8 bytes, network order
 *
 * Which segments carry it is not "the first n": every client segment does whose ack is still the RS's ISN + 1, so a
 * long upload has it on all segments. That is what the 8 bytes taken off the client's MSS are for.
 */

import { adjust, adjustPartial, diff16, sumWords } from '../../wire/checksum.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { IPV6 as IPV6_HEADER } from '../../wire/ipv6.ts'
import { FLAG, OPT, optionLength, TCP } from '../../wire/tcp.ts'
import { KEY } from '../conn-layout.ts'
import { Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import { moveHeaders } from './ip.ts'
import { diffSums } from './tcp-options.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { HEADER: TCP_HEADER, OFFSET: TCP_OFFSET, CHECKSUM: TCP_CHECKSUM } = TCP
const { TOTAL_LENGTH, CHECKSUM: IP_CHECKSUM } = IPV4
const { PAYLOAD_LENGTH, HEADER: IP6_HEADER } = IPV6_HEADER
const { IPV6 } = KEY

/** off; the seed's rule (on the SYN too, not on a FIN); master's (no SYN, a FIN too, options make room). */
export const ToaMode = { OFF: 0, SEED: 1, MASTER: 2 } as const

/** The rule. `ackIsFirst` says that the ack field equals RS ISN + 1. */
export function wantsToa(mode: number, flags: number, ackIsFirst: boolean): boolean {
  if (mode === ToaMode.OFF || (flags & FLAG.RST) !== 0) return false
  if ((flags & FLAG.SYN) !== 0) return mode === ToaMode.SEED && (flags & FLAG.ACK) === 0
  return ackIsFirst && (mode === ToaMode.MASTER || (flags & FLAG.FIN) === 0)
}

/** Scratch for the options that stay; one segment is rewritten at a time. */
const kept = new Uint8Array(TCP.HEADER_MAX - TCP.HEADER)
let keptBytes = 0

/**
 * Puts the option into the segment in `slot` and adjusts all checksums for it; the payload stays where it is, and the frame
 * grows towards its headroom. The address is in cells from `at` on, so many that the option has `bytes` bytes. => 0, or Event.TOA_MTU or TOA_NO_ROOM if it is not there
 */
export function insertToa(
  frames: Frames,
  slot: number,
  p: Parsed,
  address: Int32Array,
  at: number,
  bytes: number,
  cport: number,
  mtu: number,
  mode: number,
): number {
  if (p.largest > mtu - bytes || p.ipTotal + bytes > 0xffff) return Event.TOA_MTU
  const { pkt } = frames
  const options = p.l4 + TCP_HEADER
  const before = p.l4Header - TCP_HEADER
  let after = before
  if (p.l4Header + bytes > TCP.HEADER_MAX) {
    after = mode === ToaMode.MASTER ? compactOptions(pkt, options, options + before, bytes) : -1
    if (after < 0) return Event.TOA_NO_ROOM
  }
  const oldSum = sumWords(pkt, options, before)
  const grown = bytes + after - before
  // Negative when compacted options free more than TOA takes.
  moveHeaders(frames, slot, p, options, grown)
  p.l4Header += grown
  const toa = p.l4 + TCP_HEADER
  writeToa(pkt, toa, address, at, bytes, cport)
  if (after !== before) for (let i = 0; i < after; i++) pkt.setUint8(toa + bytes + i, kept[i])
  const oldWord = pkt.getUint16(p.l4 + TCP_OFFSET)
  const newWord = oldWord + (grown << 10) // the offset counts words in the top four bits
  pkt.setUint16(p.l4 + TCP_OFFSET, newWord)
  const length = diff16(p.ipTotal, p.ipTotal + grown)
  if (p.key >= IPV6) {
    pkt.setUint16(p.ip + PAYLOAD_LENGTH, p.ipTotal + grown - IP6_HEADER)
  } else {
    pkt.setUint16(p.ip + TOTAL_LENGTH, p.ipTotal + grown)
    adjust(pkt, p.ip + IP_CHECKSUM, length)
  }
  const l4 = diff16(oldWord, newWord) + diffSums(oldSum, sumWords(pkt, toa, bytes + after))
  if (p.partial === 0) adjust(pkt, p.l4 + TCP_CHECKSUM, length + l4)
  else adjustPartial(pkt, p.l4 + TCP_CHECKSUM, length)
  return 0
}

/**
 * Master's way of making room: collects the options at [at, end) without NOPs and kind 254 and, if that is not
 * enough, without all but the timestamp. => Bytes of options that remain (a multiple of 4, padded with EOL), in
 * `kept`, or -1 if there is no making room. A SYN never comes here: master puts no TOA on it.
 */
function compactOptions(pkt: DataView, at: number, end: number, needed: number): number {
  if (end - at < needed) return -1
  const room = TCP.HEADER_MAX - TCP.HEADER - needed
  if (collect(pkt, at, end, false) <= room) return keptBytes
  return collect(pkt, at, end, true) <= room ? keptBytes : -1
}

function collect(pkt: DataView, from: number, end: number, onlyProtected: boolean): number {
  keptBytes = 0
  let timestamps = 0
  for (let at = from, bytes = 0; at < end; at += bytes) {
    bytes = optionLength(pkt, at, end)
    if (bytes === 0) break
    const kind = pkt.getUint8(at)
    if (kind === OPT.NOP || kind === OPT.TOA) continue
    const isTimestamp = kind === OPT.TIMESTAMP && bytes === 10 && timestamps++ === 0
    if (onlyProtected && !isTimestamp) continue
    for (let i = 0; i < bytes; i++) kept[keptBytes++] = pkt.getUint8(at + i)
  }
  while (keptBytes & 3) kept[keptBytes++] = OPT.EOL
  return keptBytes
}

/** Writes the option's `bytes` bytes to `to`, with the address that is in cells from `at` on. */
function writeToa(
  pkt: DataView,
  to: number,
  address: Int32Array,
  at: number,
  bytes: number,
  cport: number,
): void {
  pkt.setUint16(to, (OPT.TOA << 8) | bytes)
  pkt.setUint16(to + 2, cport)
  for (let i = 4; i < bytes; i += 4) pkt.setInt32(to + i, address[at + (i >> 2) - 1])
}
