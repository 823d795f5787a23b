/**
 * What a match service goes by, as text: `from=A-B,to=C,iif=ARM,oif=ARM` of those that are given, in this order, which is also what stands
 * in place of an address and a port where services are named; `af=ipv6` behind them, where no range says that it is of IPv6. ipvsadm's
 * words for the first two are src-range and dst-range.
 */

import { prefixMask } from '../wire/address.ts'
import {
  bitsOf,
  compareIp,
  endpointParts,
  type IpAddress,
  ipNetwork,
  ipText,
  isSameIp,
  parseIp,
} from '../wire/ip-address.ts'
import { type Ipv6, ipv6Mask } from '../wire/ipv6-address.ts'
import { MATCH_PROTOCOLS, type Protocol, protocolNamed } from './protocols.ts'
import { oneOf } from './words.ts'

export const FAMILIES = ['ipv4', 'ipv6'] as const
export type FamilyName = (typeof FAMILIES)[number]

/** As the config file has them. */
export interface MatchKeys {
  source?: string | undefined
  destination?: string | undefined
  in?: string | undefined
  out?: string | undefined
  family?: FamilyName | undefined
}

/** By the words of ipvsadm, ours in front. */
const WORDS: Record<string, keyof MatchKeys> = {
  from: 'source',
  to: 'destination',
  iif: 'in',
  oif: 'out',
  af: 'family',
  'src-range': 'source',
  'dst-range': 'destination',
}
export const A_RANGE = 'an address, a range like 192.0.2.2-192.0.2.9, or a network'

/** Both ends, of one family. */
export type Range = readonly [first: IpAddress, last: IpAddress]

/** Both ends of a range, as unsigned order has them; undefined if it is none. */
export function rangeOf(text: string): Range | undefined {
  const [host = '', length, ...rest] = text.split('/')
  if (length !== undefined) return rest.length === 0 ? networkOf(host, length) : undefined
  const [start = '', end = start, ...more] = text.split('-')
  const [first, last] = [parseIp(start), parseIp(end)]
  if (first === undefined || last === undefined || more.length > 0) return undefined
  if (typeof first !== typeof last) return undefined
  return compareIp(start, end) <= 0 ? [first, last] : undefined
}

/** A network of so many bits, behind which its address has none. */
function networkOf(host: string, length: string): Range | undefined {
  const first = parseIp(host)
  const bits = Number(length)
  if (first === undefined || !/^\d{1,3}$/.test(length) || bits > bitsOf(first)) return undefined
  if (!isSameIp(first, ipNetwork(first, bits))) return undefined
  if (typeof first === 'number') return [first, first | ~prefixMask(bits)]
  return [first, first.map((word, at) => word | ~ipv6Mask(bits, at)) as unknown as Ipv6]
}

/** A range as it is named everywhere: one address, or both ends. */
function rangeText(text: string): string {
  const [first, last] = rangeEnds(text)
  if (first === undefined || last === undefined) return text
  return first === last ? first : `${first}-${last}`
}

/** Both ends of a range as texts; none of what is no range. */
export function rangeEnds(text: string): string[] {
  return (rangeOf(text) ?? []).map(ipText)
}

/** Of which family a range is; undefined for none. */
function familyOfRange(text: string | undefined): FamilyName | undefined {
  const range = text === undefined ? undefined : rangeOf(text)
  return range && (typeof range[0] === 'number' ? 'ipv4' : 'ipv6')
}

/** What its ranges say, or `family` where there are none. */
export function familyOfMatch({ source, destination, family = 'ipv4' }: MatchKeys): FamilyName {
  return familyOfRange(source) ?? familyOfRange(destination) ?? family
}

/** Whatever form and order its criteria came in; undefined if they are none. */
export function canonicalMatch(text: string): string | undefined {
  const keys = parseMatch(text)
  return typeof keys === 'string' ? undefined : matchText(keys)
}

export function matchText(keys: MatchKeys): string {
  const { source, destination, in: iif, out } = keys
  const hasRange = source !== undefined || destination !== undefined
  const words = [
    ...(source === undefined ? [] : [`from=${rangeText(source)}`]),
    ...(destination === undefined ? [] : [`to=${rangeText(destination)}`]),
    ...(iif === undefined ? [] : [`iif=${iif}`]),
    ...(out === undefined ? [] : [`oif=${out}`]),
    ...(hasRange || familyOfMatch(keys) === 'ipv4' ? [] : ['af=ipv6']),
  ]
  return words.join(',')
}

/** What is wrong with criteria that are right one by one; undefined if nothing is. */
export function mixedFamilies({ source, destination, family }: MatchKeys): string | undefined {
  const [from, to] = [familyOfRange(source), familyOfRange(destination)]
  if (from && to && from !== to) return 'source and destination of one family'
  const said = from ?? to
  if (family === undefined || said === undefined || said === family) return undefined
  return `ranges of ${family}, as family says`
}

/** Such a text read. => what it says, or what is wrong with it */
export function parseMatch(text: string): MatchKeys | string {
  const keys: Record<string, string> = {}
  for (const part of text.split(',')) {
    const [word = '', ...rest] = part.split('=')
    const value = rest.join('=')
    const key = WORDS[word]
    if (key === undefined) return `unknown criterion ${JSON.stringify(part)}`
    if (keys[key] !== undefined) return `${word} twice`
    const problem = problemOf(key, value)
    if (problem) return `expected ${problem} after ${word}=, found ${JSON.stringify(value)}`
    keys[key] = key === 'source' || key === 'destination' ? rangeText(value) : value
  }
  const mixed = mixedFamilies(keys)
  if (mixed) return `expected ${mixed}, found ${JSON.stringify(text)}`
  const { source, destination, in: iif, out } = keys
  if (familyOfRange(source) ?? familyOfRange(destination)) delete keys.family
  if ([source, destination, iif, out].every(given => given === undefined))
    return 'expected a range or an arm: it would take all'
  return keys
}

function problemOf(key: keyof MatchKeys, value: string): string | undefined {
  if (key === 'family')
    return FAMILIES.some(name => name === value) ? undefined : FAMILIES.join(' or ')
  if (key === 'in' || key === 'out') return value === '' ? 'the name of an arm' : undefined
  return value === '' || rangeOf(value) === undefined ? A_RANGE : undefined
}

/**
 * A match service in the words of ipvsadm, `proto=tcp,src-range=A-B,oif=ARM` in any order, which tell ICMP over IPv6 by its name. => what
 * it says, or what is wrong with it
 */
export function parseRule(text: string): { protocol: Protocol; keys: MatchKeys } | string {
  const isProtocol = (part: string) => part.startsWith('proto=')
  const parts = text.split(',')
  const [word = '', ...more] = parts.filter(isProtocol)
  const criteria = parts.filter(part => !isProtocol(part))
  const name = word.slice('proto='.length)
  const isPing6 = name === 'icmpv6'
  const protocol = isPing6 ? 'icmp' : protocolNamed(name, MATCH_PROTOCOLS)
  if (protocol === undefined || more.length > 0)
    return `expected proto=${oneOf(MATCH_PROTOCOLS)} once`
  if (criteria.length === 0)
    return 'expected src-range, dst-range, iif or oif beside proto: it would take all'
  if (isPing6 && !criteria.some(part => part.startsWith('af='))) criteria.push('af=ipv6')
  const keys = parseMatch(criteria.join(','))
  return typeof keys === 'string' ? keys : { protocol, keys }
}

/** Of `-r` in the words of ipvsadm, the address without its port, of which there is only 0, as DPVS has it. */
export function outsideAddress(text: string): string {
  const { host = text, port = '0' } = endpointParts(text) ?? {}
  return port === '0' ? host : text
}
