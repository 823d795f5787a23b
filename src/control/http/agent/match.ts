/** `Match` of a service: its criteria in dpvs-agent's shape, an empty text or the address of zeros for anybody. */

import type * as z from 'zod'
import { isMatch, type ServiceKey } from '../../../api/edits.ts'
import { type MatchKeys, matchText, parseMatch, rangeEnds } from '../../../api/match.ts'
import { canonicalIp } from '../../../wire/ip-address.ts'
import { AgentError, BAD_FRONTEND } from './route.ts'
import type * as shapes from './shapes.ts'

type Match = NonNullable<z.output<typeof shapes.matchIn>>

/** Of a match service; undefined of others. */
export function matchOf({ address }: { address: string }) {
  const keys = isMatch({ address }) ? parseMatch(address) : undefined
  if (keys === undefined || typeof keys === 'string') return undefined
  return {
    Src: shapeOf(keys.source),
    Dest: shapeOf(keys.destination),
    InIfName: keys.in ?? '',
    OutIfName: keys.out ?? '',
  }
}

function shapeOf(range: string | undefined) {
  const [Start = '', End = ''] = range === undefined ? [] : rangeEnds(range)
  return { Start, End }
}

/** The service that a body speaks of, whose path has VIP-0-tcp or its criteria. */
export function keyWith(key: ServiceKey, match: Match | null | undefined): ServiceKey {
  const criteria = match ? criteriaOf(match) : ''
  if (criteria === '') {
    if (key.port > 0 || isMatch(key)) return key
    throw wrong('port 0 is of a service with a Match')
  }
  if (key.port > 0) throw wrong('a service with a Match has port 0 in the path')
  const keys = parseMatch(criteria)
  if (typeof keys === 'string') throw wrong(`Match: ${keys}`)
  const address = matchText(keys)
  if (isMatch(key) && key.address !== address)
    throw wrong(`Match: expected ${key.address} as in the path, found ${address}`)
  return { ...key, address }
}

function criteriaOf({ Src, Dest, InIfName, OutIfName }: Match): string {
  const [source, destination] = [rangeOf(Src), rangeOf(Dest)]
  const isIpv6 = [Src, Dest].some(range => canonicalIp(range?.Start ?? '') === '::')
  const keys: [string, string | null | undefined][] = [
    ['from', source],
    ['to', destination],
    ['iif', InIfName],
    ['oif', OutIfName],
  ]
  const given = keys.flatMap(([word, value]) => (value ? [`${word}=${value}`] : []))
  if (given.length > 0 && isIpv6 && !source && !destination) given.push('af=ipv6')
  return given.join(',')
}

function rangeOf(range: Match['Src']): MatchKeys['source'] {
  const { Start, End } = range ?? {}
  const isAny = (text: string) => ['0.0.0.0', '::'].includes(canonicalIp(text))
  if (!Start || (isAny(Start) && (!End || isAny(End)))) return undefined
  return End ? `${Start}-${End}` : Start
}

function wrong(text: string): AgentError {
  return new AgentError(BAD_FRONTEND, text)
}
