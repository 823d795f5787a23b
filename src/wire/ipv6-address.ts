/**
 * IPv6 addresses as text, for config, listings and tests; the packet path never comes here. Read as RFC 4291 2.2 writes
 * them, without a zone, which means something on one machine only; written as RFC 5952 says.
 */

import { ipv4Int, ipv4Text } from './address.ts'

/** The four words of an address as they are on the wire, each as int32. */
export type Ipv6 = readonly [number, number, number, number]

const GROUPS = 8
export const IPV6_BITS = 128

/** => undefined for anything else, an address with a zone too */
export function parseIpv6(text: string): Ipv6 | undefined {
  const hex = withoutDots(text)
  if (hex === undefined) return undefined
  const [before = '', after, more] = hex.split('::')
  if (more !== undefined) return undefined
  const [head, tail] = [groupsOf(before), groupsOf(after ?? '')]
  if (head === undefined || tail === undefined) return undefined
  const missing = GROUPS - head.length - tail.length
  // :: stands for at least one group.
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail]
  const word = (at: number) => ((groups[at] as number) << 16) | (groups[at + 1] as number)
  return [word(0), word(2), word(4), word(6)]
}

/** The words of an address. Throws TypeError on what is none. */
export function ipv6Words(text: string): Ipv6 {
  const words = parseIpv6(text)
  if (words === undefined) throw new TypeError(`not an IPv6 address: ${text}`)
  return words
}

export function isIpv6(text: string): boolean {
  return parseIpv6(text) !== undefined
}

/** The last 32 bits may be written as an IPv4 address: as groups like the others. */
function withoutDots(text: string): string | undefined {
  if (!text.includes('.')) return text
  const at = text.lastIndexOf(':') + 1
  try {
    const last = ipv4Int(text.slice(at))
    return `${text.slice(0, at)}${(last >>> 16).toString(16)}:${(last & 0xffff).toString(16)}`
  } catch {
    return undefined
  }
}

/** a:b:c => its groups, of which an empty text has none */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  if (groups.length > GROUPS) return undefined
  return groups.every(group => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map(group => Number.parseInt(group, 16))
    : undefined
}

/** As RFC 5952 says: lower case, the first of the longest runs of zeroes as ::, an IPv4-mapped address with dots. */
export function ipv6Text(words: Ipv6): string {
  if (isMapped(words)) return `::ffff:${ipv4Text(words[3])}`
  const groups = words.flatMap(word => [word >>> 16, word & 0xffff])
  const { at, length } = longestZeroes(groups)
  const hex = groups.map(group => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, at).join(':')}::${hex.slice(at + length).join(':')}`
}

function longestZeroes(groups: readonly number[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 }
  for (let at = 0; at < groups.length; at++) {
    const end = groups.findIndex((group, i) => i >= at && group !== 0)
    const length = (end < 0 ? groups.length : end) - at
    if (length > longest.length) longest = { at, length }
  }
  return longest
}

/** ::ffff:a.b.c.d, which stands for an address of IPv4 (RFC 4291 2.5.5.2). */
export function isMapped([a, b, c]: Ipv6): boolean {
  return a === 0 && b === 0 && c === 0xffff
}

/** The bits of word `at` (0 to 3) that belong to a prefix of this length. */
export function ipv6Mask(length: number, at: number): number {
  const bits = Math.min(Math.max(length - 32 * at, 0), 32)
  return bits === 0 ? 0 : -1 << (32 - bits)
}

/** The address with what is behind the prefix cleared. */
export function ipv6Network(words: Ipv6, length: number): Ipv6 {
  return words.map((word, at) => word & ipv6Mask(length, at)) as unknown as Ipv6
}

/** True if `address` lies in network/length. */
export function inIpv6Prefix(address: Ipv6, network: Ipv6, length: number): boolean {
  return address.every((word, at) => ((word ^ network[at as 0]) & ipv6Mask(length, at)) === 0)
}
