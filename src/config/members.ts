/** What is put into a named set, as ipsets are told it: an address, a network, or both ends of a range, whose prefixes it becomes. */

import { rangeOf } from '../api/match.ts'
import { bitsOf, type IpAddress } from '../wire/ip-address.ts'
import type { Ipv6 } from '../wire/ipv6-address.ts'
import { A_PREFIX, plainPrefix, prefixProblem, prefixText } from './prefix-lists.ts'

const WORD = 32n

/** => prefixes as they are listed, or why there are none */
export function membersOf(text: string): string[] | string {
  if (!text.includes('-')) return prefixProblem(text) ?? [plainPrefix(text)]
  const range = rangeOf(text)
  if (range === undefined)
    return `expected ${A_PREFIX}, or a range like 192.0.2.2-192.0.2.9, found ${JSON.stringify(text.slice(0, 80))}`
  const bits = bitsOf(range[0])
  const [first, last] = range.map(numberOf) as [bigint, bigint]
  const members: string[] = []
  // The largest network that begins where the rest does, and is all of it; of 128 bits they are 254 at most.
  for (let at = first; at <= last; ) {
    let length = bits
    let size = 1n
    while (length > 0 && at % (size * 2n) === 0n && at + size * 2n - 1n <= last) {
      size *= 2n
      length--
    }
    members.push(prefixText(addressOf(at, bits), length))
    at += size
  }
  return members
}

function numberOf(address: IpAddress): bigint {
  const words: readonly number[] = typeof address === 'number' ? [address] : address
  return words.reduce<bigint>((all, word) => (all << WORD) | BigInt(word >>> 0), 0n)
}

function addressOf(number: bigint, bits: number): IpAddress {
  const word = (shift: bigint) => Number(BigInt.asIntN(32, number >> shift))
  return bits === 32 ? word(0n) : ([word(96n), word(64n), word(WORD), word(0n)] satisfies Ipv6)
}
