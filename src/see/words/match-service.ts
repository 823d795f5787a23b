/** Which match service takes what a host inside sends, by the rule that the engine goes by (engine/matches.ts): the narrowest that fits. */

import { familyOfMatch, type MatchKeys, parseMatch, type Range, rangeOf } from '../../api/match.ts'
import { compareIp, type IpAddress, ipText } from '../../wire/ip-address.ts'

/** Of a packet; an arm that is not known is any. */
export interface OnItsWayOut {
  protocol: string
  source: IpAddress
  destination: IpAddress
  in?: string | undefined
  out?: string | undefined
}

export function matchServiceOf<S extends { protocol: string; address: string }>(
  services: readonly S[],
  packet: OnItsWayOut,
): S | undefined {
  const fitting = services.flatMap(service => {
    const keys = service.protocol === packet.protocol ? parseMatch(service.address) : 'other'
    return typeof keys !== 'string' && fits(keys, packet) ? [{ service, keys }] : []
  })
  return fitting.sort((a, b) => compare(a.keys, b.keys))[0]?.service
}

function fits(keys: MatchKeys, packet: OnItsWayOut): boolean {
  const family = typeof packet.source === 'number' ? 'ipv4' : 'ipv6'
  return (
    familyOfMatch(keys) === family &&
    isIn(packet.source, keys.source) &&
    isIn(packet.destination, keys.destination) &&
    isBy(packet.in, keys.in) &&
    isBy(packet.out, keys.out)
  )
}

function isBy(arm: string | undefined, wanted: string | undefined): boolean {
  return arm === undefined || wanted === undefined || arm === wanted
}

function isIn(address: IpAddress, text: string | undefined): boolean {
  if (text === undefined) return true
  const range = rangeOf(text)
  if (range === undefined) return false
  const [first, last] = range.map(ipText) as [string, string]
  return compareIp(first, ipText(address)) <= 0 && compareIp(ipText(address), last) <= 0
}

function compare(a: MatchKeys, b: MatchKeys): number {
  return (
    sizeOf(a.source) - sizeOf(b.source) ||
    sizeOf(a.destination) - sizeOf(b.destination) ||
    Number(a.in === undefined) - Number(b.in === undefined)
  )
}

/** Nearly, as there. */
function sizeOf(text: string | undefined): number {
  const range = text === undefined ? undefined : rangeOf(text)
  if (range === undefined) return Number.POSITIVE_INFINITY
  const [first, last] = range.map(wordsOf) as [number[], number[]]
  return last.reduce((all, word, at) => all * 2 ** 32 + word - (first[at] ?? 0), 0)
}

function wordsOf(address: Range[number]): number[] {
  return typeof address === 'number' ? [address >>> 0] : address.map(word => word >>> 0)
}
