/** TCP flags and options in tcpdump's words. Kinds it has no name for, and what no TCP would read on, are shown as hex. */

import { isTfoExperiment, OPT, optionLength, TOA_BYTES, TOA6_BYTES } from '../../wire/tcp.ts'
import { FLAG_LETTERS } from './notation.ts'
import { clientText } from './uoa-values.ts'

const CUT = 'cut short'

/** `S.`; the bits that have no letter, from 0x100 on, as a number. */
export function flagLetters(bits: number): string {
  let text = ''
  for (let i = 0; i < FLAG_LETTERS.length; i++) if (bits & (1 << i)) text += FLAG_LETTERS[i]
  if (bits > 0xff) text += ` 0x${bits.toString(16)}`
  return text.trim() || 'none'
}

/**
 * Options at [from, end): `mss 1460,nop,nop,sackOK,TS val 7 ecr 0`; `` for none. Where the packet goes on with more of them, up to `whole`,
 * they are `cut short`.
 */
export function optionsText(pkt: DataView, from: number, end: number, whole = end): string {
  const words: string[] = []
  const isCut = end < whole
  for (let at = from, bytes = 0; at < end; at += bytes) {
    bytes = optionLength(pkt, at, end)
    if (bytes === 0) {
      if (pkt.getUint8(at) === OPT.EOL) return [...words, 'eol'].join(',')
      const goesOn = isCut && (at + 1 === end || at + pkt.getUint8(at + 1) > end)
      return [...words, goesOn ? CUT : `bad ${hexText(pkt, at, end)}`].join(',')
    }
    words.push(optionText(pkt, at, bytes))
  }
  return [...words, ...(isCut ? [CUT] : [])].join(',')
}

/** One whole option. */
function optionText(pkt: DataView, at: number, bytes: number): string {
  const kind = pkt.getUint8(at)
  if (kind === OPT.NOP) return 'nop'
  if (kind === OPT.MSS && bytes === 4) return `mss ${pkt.getUint16(at + 2)}`
  if (kind === OPT.WSCALE && bytes === 3) return `wscale ${pkt.getUint8(at + 2)}`
  if (kind === OPT.SACK_OK && bytes === 2) return 'sackOK'
  if (kind === OPT.SACK && bytes % 8 === 2) return `sack ${sackText(pkt, at, bytes)}`
  if (kind === OPT.TIMESTAMP && bytes === 10) return timestampText(pkt, at)
  if (isToaOption(kind, bytes)) return `toa ${clientText(pkt, at, bytes)}`
  if (kind === OPT.TFO) return `tfo ${cookieText(pkt, at + 2, at + bytes)}`
  if (isTfoExperiment(pkt, at, bytes)) return `exp-tfo ${cookieText(pkt, at + 4, at + bytes)}`
  return `unknown-${kind} ${hexText(pkt, at + 2, at + bytes)}`.trim()
}

/** Of TCP Fast Open: the cookie, or that one is asked for. */
function cookieText(pkt: DataView, from: number, end: number): string {
  return from === end ? 'cookiereq' : `cookie ${hexText(pkt, from, end)}`
}

/** `{7:9}{11:20}`, the edges of the blocks. */
export function sackText(pkt: DataView, at: number, bytes: number): string {
  let text = ''
  for (let edge = at + 2; edge < at + bytes; edge += 8)
    text += `{${pkt.getUint32(edge)}:${pkt.getUint32(edge + 4)}}`
  return text
}

export function timestampText(pkt: DataView, at: number): string {
  return `TS val ${pkt.getUint32(at + 2)} ecr ${pkt.getUint32(at + 6)}`
}

/** TOA, of 20 bytes with a client of IPv6. */
export function isToaOption(kind: number, bytes: number): boolean {
  return kind === OPT.TOA && (bytes === TOA_BYTES || bytes === TOA6_BYTES)
}

export function hexText(pkt: DataView, from: number, end: number): string {
  let text = ''
  for (let at = from; at < end; at++) text += pkt.getUint8(at).toString(16).padStart(2, '0')
  return text
}
