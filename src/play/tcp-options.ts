/** Options of the ends' segments, in Linux's order. */

import { findOption, OPT } from '../wire/tcp.ts'

/** Of Ethernet. */
export const MSS = 1460

const WSCALE = [OPT.NOP, OPT.WSCALE, 3, 7]

function mssOption(): number[] {
  return [OPT.MSS, 4, MSS >> 8, MSS & 255]
}

/** Where the option is, of exactly so many bytes; -1 if it is not there. */
function find(options: Uint8Array, kind: number, bytes: number): number {
  return findOption(viewOf(options), 0, options.length, kind, bytes)
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** 536 if there is none (RFC 9293). */
export function mssIn(options: Uint8Array): number {
  const at = find(options, OPT.MSS, 4)
  return at < 0 ? 536 : viewOf(options).getUint16(at + 2)
}

/** mss, sackOK, timestamps if there is a clock, nop, wscale 7. */
export function synOptions(stamp: number | undefined, now: number): number[] {
  const sack = [OPT.SACK_OK, 2]
  if (stamp === undefined) return [...mssOption(), OPT.NOP, OPT.NOP, ...sack, ...WSCALE]
  const value = stamp + now
  const bytes = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
  return [...mssOption(), ...sack, OPT.TIMESTAMP, 10, ...bytes, 0, 0, 0, 0, ...WSCALE]
}

/** What was offered, but for timestamps. */
export function answerOptions(offered: Uint8Array): number[] {
  const sack = find(offered, OPT.SACK_OK, 2) >= 0 ? [OPT.NOP, OPT.NOP, OPT.SACK_OK, 2] : []
  return [...mssOption(), ...sack, ...(find(offered, OPT.WSCALE, 3) >= 0 ? WSCALE : [])]
}
