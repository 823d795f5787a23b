/**
 * Lists of prefixes, of a service or of a file that several may name: their text, and what is handed on of them, the sorted prefixes
 * in base64, which JSON, messages and journals carry as it is.
 */

import { createHash } from 'node:crypto'
import { countPrefixes, type Prefixes, rowOf, sortedPrefixes } from '../engine/prefix-rows.ts'
import { canonicalIp, type IpAddress, ipText, parseIpPrefix } from '../wire/ip-address.ts'
import { hostOf, isCidr, networkOf, wholeLength } from './cidr.ts'

/** Of one list, and of all together. */
export const PREFIXES_MAX = 524_288
export const ALL_PREFIXES_MAX = 1_048_576

/** Sorted prefixes in base64. */
export type PackedList = string

/** `deny of TCP 192.0.2.1:80`; a file's is its path. */
export function inlineName(list: 'deny' | 'allow', service: string): string {
  return `${list} of ${service}`
}

/** Those of files: what a config was read with, and cannot be made again of its own value. */
export function fileLists(lists: Readonly<Record<string, PackedList>>): Record<string, PackedList> {
  return Object.fromEntries(Object.entries(lists).filter(([name]) => name.startsWith('/')))
}

export const A_PREFIX = 'an address or network, like 192.0.2.0/24 or 2001:db8::/32'

/** => why it is no prefix, as `expected ..., found ...`; undefined if it is one, of IPv6 however it is written */
export function prefixProblem(text: string): string | undefined {
  const given = parseIpPrefix(text)
  if (given === undefined || (!text.includes(':') && !isCidr(text)))
    return `expected ${A_PREFIX}, found ${JSON.stringify(text.slice(0, 80))}`
  const { network, length } = given
  if (canonicalIp(hostOf(text)) === ipText(network)) return undefined
  return `expected a network, like ${ipText(network)}/${length}, found "${text}"`
}

/** Of texts that are prefixes. */
export function prefixesOf(texts: Iterable<string>): Prefixes {
  const cells: number[] = []
  for (const text of texts) {
    const { network, prefixLength } = networkOf(text)
    for (const cell of rowOf(network, prefixLength)) cells.push(cell)
  }
  return sortedPrefixes(Int32Array.from(cells))
}

/** 192.0.2.1, or 192.0.2.0/24 */
export function prefixText(network: IpAddress, length: number): string {
  const text = ipText(network)
  return length === wholeLength(text) ? text : `${text}/${length}`
}

/** The same of a text, however it is written. */
export function plainPrefix(text: string): string {
  const { network, prefixLength } = networkOf(text)
  return prefixText(network, prefixLength)
}

export function packList(prefixes: Prefixes): PackedList {
  return Buffer.from(prefixes.buffer, prefixes.byteOffset, prefixes.byteLength).toString('base64')
}

/** Of anything: what is no whole prefix at its end is left out. */
export function unpackList(packed: PackedList): Prefixes {
  const bytes = Buffer.from(packed, 'base64')
  const cells = new Int32Array((bytes.length >> 3) << 1)
  new Uint8Array(cells.buffer).set(bytes.subarray(0, cells.byteLength))
  return cells
}

export function sizeOfList(packed: PackedList): number {
  const [four, six] = countPrefixes(unpackList(packed))
  return four + six
}

/** `2 prefixes (1a2b3c4d)`: another text whenever anything of the list is another. */
export function listWords(packed: PackedList): string {
  const size = sizeOfList(packed)
  const digest = createHash('sha256').update(packed).digest('hex').slice(0, 12)
  return `${size} ${size === 1 ? 'prefix' : 'prefixes'} (${digest})`
}
