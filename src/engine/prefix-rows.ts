/** Prefixes of both families in one piece of int32, on their way from a config to a PrefixTable (prefix-table.ts). */

import { prefixMask } from '../wire/address.ts'
import type { IpAddress } from '../wire/ip-address.ts'
import { CELLS6, sorted6 } from './prefix-ranges6.ts'

/**
 * network, length; network, length ... and of IPv6 six cells each: the first word, SIX | length, the other three words, 0. So whoever
 * hands them on need not know which they are.
 */
export type Prefixes = Int32Array
const SIX = 0x100
const ROW = 2
const ROW6 = 6

/** How many they are, those of IPv4 and of IPv6. */
export function countPrefixes(prefixes: Prefixes): [four: number, six: number] {
  const [four, six] = byFamily(prefixes)
  return [four.length / 2, six.length / CELLS6]
}

/** One more for Prefixes. */
export function rowOf(network: IpAddress, length: number): number[] {
  if (typeof network === 'number') return [network, length]
  const [a, b, c, d] = network
  return [a, SIX | length, b, c, d, 0]
}

/** Of anything: a length is one that there is, and a row that is not whole is none. */
export function byFamily(prefixes: Prefixes): [four: Int32Array, six: Int32Array] {
  const [four, six] = [new Int32Array(prefixes.length), new Int32Array(prefixes.length)]
  let [n, m] = [0, 0]
  for (let at = 0; at + ROW <= prefixes.length; ) {
    const length = prefixes[at + 1]
    if ((length & SIX) === 0) {
      four[n++] = prefixes[at]
      four[n++] = Math.min(length & 0x3f, 32)
      at += ROW
    } else {
      if (at + ROW6 > prefixes.length) break
      six[m++] = prefixes[at]
      for (let i = 2; i <= 4; i++) six[m++] = prefixes[at + i]
      six[m++] = Math.min(length & 0xff, 128)
      at += ROW6
    }
  }
  return [four.subarray(0, n), six.subarray(0, m)]
}

/** Prefixes of what byFamily() gives. */
export function rowsOf(four: Int32Array, six: Int32Array): Prefixes {
  const rows = new Int32Array(four.length + (six.length / CELLS6) * ROW6)
  rows.set(four)
  let to = four.length
  for (let at = 0; at < six.length; at += CELLS6, to += ROW6) {
    rows[to] = six[at]
    rows[to + 1] = SIX | six[at + 4]
    for (let i = 1; i <= 3; i++) rows[to + 1 + i] = six[at + i]
  }
  return rows
}

/** Those of IPv4 first, by network and length, each once, bits behind the length taken off. */
export function sortedPrefixes(prefixes: Prefixes): Prefixes {
  const [four, six] = byFamily(prefixes)
  return rowsOf(sorted4(four), sorted6(six))
}

/** Of IPv4 alone. */
export function sorted4(prefixes: Int32Array): Int32Array {
  const keys = new Float64Array(prefixes.length / 2)
  for (let i = 0; i < keys.length; i++) {
    const length = prefixes[2 * i + 1]
    keys[i] = ((prefixes[2 * i] & prefixMask(length)) >>> 0) * 64 + length
  }
  keys.sort()
  const sorted = new Int32Array(prefixes.length)
  let size = 0
  for (let i = 0; i < keys.length; i++) {
    if (i > 0 && keys[i] === keys[i - 1]) continue
    sorted[size++] = Math.floor(keys[i] / 64)
    sorted[size++] = keys[i] % 64
  }
  return sorted.slice(0, size)
}
