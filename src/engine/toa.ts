/**
 * TOA: the client's address and port as TCP option 254, directly behind the fixed header, for RS modules that give it
 * to the application in place of LIP:lport (semantics 3.4).
 *
 *   FE 08 <port> <address>      8 bytes, network order
 *
 * Which segments carry it is not "the first n": every client segment does whose ack is still the RS's ISN + 1, so a
 * long upload has it on all segments. That is what the 8 bytes taken off the client's MSS are for.
 */

import { FLAG, OPT, optionLength, TCP, TOA_BYTES } from '../wire/tcp.ts'

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
 * Master's way of making room: collects the options at [at, end) without NOPs and kind 254 and, if that is not
 * enough, without all but the timestamp. => Bytes of options that remain (a multiple of 4, padded with EOL), in
 * `keptOptions()`, or -1 if there is no making room. A SYN never comes here: master puts no TOA on it.
 */
export function compactOptions(pkt: DataView, at: number, end: number): number {
  if (end - at < TOA_BYTES) return -1
  const room = TCP.HEADER_MAX - TCP.HEADER - TOA_BYTES
  if (collect(pkt, at, end, false) <= room) return keptBytes
  return collect(pkt, at, end, true) <= room ? keptBytes : -1
}

/** The options of the last compactOptions(). */
export function keptOptions(): Uint8Array {
  return kept
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

/** Writes the option's 8 bytes at `at`. */
export function writeToa(pkt: DataView, at: number, cip: number, cport: number): void {
  pkt.setUint16(at, (OPT.TOA << 8) | TOA_BYTES)
  pkt.setUint16(at + 2, cport)
  pkt.setInt32(at + 4, cip)
}
