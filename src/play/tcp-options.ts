/** Options of the ends' segments, in Linux's order. */

import { OPT } from '../wire/tcp.ts'

/** Of Ethernet. */
export const MSS = 1460

const WSCALE = [OPT.NOP, OPT.WSCALE, 3, 7]

function mssOption(): number[] {
  return [OPT.MSS, 4, MSS >> 8, MSS & 255]
}

function* optionsIn(options: Uint8Array): Generator<{ kind: number; at: number }> {
  for (let at = 0; at < options.length; ) {
    const kind = options[at] as number
    if (kind === OPT.EOL) return
    yield { kind, at }
    at += kind === OPT.NOP ? 1 : Math.max(2, options[at + 1] ?? 2)
  }
}

function has(options: Uint8Array, kind: number): boolean {
  return [...optionsIn(options)].some(option => option.kind === kind)
}

/** 536 if there is none (RFC 9293). */
export function mssIn(options: Uint8Array): number {
  const found = [...optionsIn(options)].find(({ kind }) => kind === OPT.MSS)
  return found ? ((options[found.at + 2] ?? 0) << 8) | (options[found.at + 3] ?? 0) : 536
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
  const sack = has(offered, OPT.SACK_OK) ? [OPT.NOP, OPT.NOP, OPT.SACK_OK, 2] : []
  return [...mssOption(), ...sack, ...(has(offered, OPT.WSCALE) ? WSCALE : [])]
}
