/**
 * What a match service goes by, as text: `from=A-B,to=C,iif=ARM,oif=ARM` of those that are given, in this order, which is also what stands
 * in place of an address and a port where services are named. ipvsadm's words for the first two are src-range and dst-range.
 */

import { isIPv4 } from 'node:net'
import { ipv4Int, ipv4Text, prefixMask } from '../wire/address.ts'

/** As the config file has them. */
export interface MatchKeys {
  source?: string | undefined
  destination?: string | undefined
  in?: string | undefined
  out?: string | undefined
}

/** By the words of ipvsadm, ours in front. */
const WORDS: Record<string, keyof MatchKeys> = {
  from: 'source',
  to: 'destination',
  iif: 'in',
  oif: 'out',
  'src-range': 'source',
  'dst-range': 'destination',
}
export const A_RANGE = 'an IPv4 address, a range like 192.0.2.2-192.0.2.9, or a network'

/** Both ends of a range, as unsigned order has them; undefined if it is none. */
export function rangeOf(text: string): readonly [first: number, last: number] | undefined {
  const network = /^(.*)\/(\d|[12]\d|3[0-2])$/.exec(text)
  if (network) {
    const [, host = '', length] = network
    if (!isIPv4(host)) return undefined
    const mask = prefixMask(Number(length))
    const first = ipv4Int(host) & mask
    return first === ipv4Int(host) ? [first, first | ~mask] : undefined
  }
  const [first = '', last = first, ...more] = text.split('-')
  if (!isIPv4(first) || !isIPv4(last) || more.length > 0) return undefined
  const ends = [ipv4Int(first), ipv4Int(last)] as const
  return ends[0] >>> 0 <= ends[1] >>> 0 ? ends : undefined
}

/** A range as it is named everywhere: one address, or both ends. */
function rangeText(text: string): string {
  const [first, last] = rangeOf(text) ?? []
  if (first === undefined || last === undefined) return text
  return first === last ? ipv4Text(first) : `${ipv4Text(first)}-${ipv4Text(last)}`
}

export function matchText({ source, destination, in: iif, out }: MatchKeys): string {
  const words = [
    ...(source === undefined ? [] : [`from=${rangeText(source)}`]),
    ...(destination === undefined ? [] : [`to=${rangeText(destination)}`]),
    ...(iif === undefined ? [] : [`iif=${iif}`]),
    ...(out === undefined ? [] : [`oif=${out}`]),
  ]
  return words.join(',')
}

/** Such a text read. => what it says, or what is wrong with it */
export function parseMatch(text: string): MatchKeys | string {
  const keys: MatchKeys = {}
  for (const part of text.split(',')) {
    const [word = '', ...rest] = part.split('=')
    const value = rest.join('=')
    const key = WORDS[word]
    if (key === undefined) return `unknown criterion ${JSON.stringify(part)}`
    if (keys[key] !== undefined) return `${word} twice`
    const isRange = key === 'source' || key === 'destination'
    if (value === '' || (isRange && rangeOf(value) === undefined))
      return `expected ${isRange ? A_RANGE : 'the name of an arm'} after ${word}=, found ${JSON.stringify(value)}`
    keys[key] = isRange ? rangeText(value) : value
  }
  return keys
}
