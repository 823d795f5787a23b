/**
 * The search text as a test of numbers. A word is found where it is part of `client`, `vip`, `lip` or `rs` as the table
 * shows them, 192.0.2.1:80; putting a million rows into words would take seconds, so the word is taken apart instead:
 * wherever its dots and colon can lie on those of an address, each of its pieces says which numbers it can be part of.
 */

import { ipEndpointText } from '../../../wire/ip-address.ts'
import type { Ipv6 } from '../../../wire/ipv6-address.ts'

/** Of an endpoint: four octets and the port, and what stands between them. */
const SEPARATORS = ['.', '.', '.', ':'] as const
const PORT = 4
const OCTETS = 256
const PORTS = 65_536

/** `ok[n]` is 1 for the numbers that a piece of the word can stand for, at one of the five places. */
interface Piece {
  place: number
  ok: Uint8Array
}

/** One way in which the word may lie on an endpoint. */
type Alignment = readonly Piece[]

export type EndpointTest = (address: number, port: number) => boolean

/** => null if no endpoint can hold `word` */
export function endpointTest(word: string): EndpointTest | null {
  const pieces = word.split(/[.:]/)
  const separators = [...word].filter(char => char === '.' || char === ':')
  if (pieces.some(piece => !/^\d{0,5}$/.test(piece))) return null
  const alignments: Alignment[] = []
  for (let start = 0; start + separators.length <= PORT; start++) {
    if (separators.some((char, i) => char !== SEPARATORS[start + i])) continue
    const alignment = pieces.map((piece, i) =>
      pieceAt(start + i, piece, i > 0, i < pieces.length - 1),
    )
    if (alignment.every(({ ok }) => ok.includes(1))) alignments.push(alignment)
  }
  if (alignments.length === 0) return null
  return (address, port) => alignments.some(alignment => lies(alignment, address, port))
}

/** `begins` and `ends`: whether the number begins or ends where the piece does. */
function pieceAt(place: number, piece: string, begins: boolean, ends: boolean): Piece {
  const ok = new Uint8Array(place === PORT ? PORTS : OCTETS)
  for (let number = 0; number < ok.length; number++) {
    const text = String(number)
    const fits = begins
      ? ends
        ? text === piece
        : text.startsWith(piece)
      : ends
        ? text.endsWith(piece)
        : text.includes(piece)
    if (fits) ok[number] = 1
  }
  return { place, ok }
}

function lies(alignment: Alignment, address: number, port: number): boolean {
  for (let i = 0; i < alignment.length; i++) {
    const { place, ok } = alignment[i] as Piece
    const number = place === PORT ? port : (address >>> (24 - place * 8)) & 255
    if (ok[number] === 0) return false
  }
  return true
}

export type WideTest = (address: Ipv6, port: number) => boolean

/** The same of endpoints of IPv6, [2001:db8::1]:80, which are put into words. => null if none can hold `word` */
export function wideTest(word: string): WideTest | null {
  if (!/^[0-9a-f:.[\]]+$/.test(word)) return null
  return (address, port) => ipEndpointText(address, port).includes(word)
}
