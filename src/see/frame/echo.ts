/** Pings among packets: what they say, and their ports as connections have them (engine/echo-tuple.ts). */

import { ICMP_TYPE, isEcho } from '../../wire/icmp.ts'
import { ICMPV6_TYPE, isEcho6 } from '../../wire/icmpv6.ts'
import type { IpValues } from './packet-types.ts'

type Parts = { [Part in 'icmp' | 'icmpv6' | 'ports']: IpValues[Part] | null }

export interface Echo {
  isRequest: boolean
  id: number
  sequence: number
}

/** Whether a type is that of a request, in either family: no number is one of both. */
export function isRequestType(type: number): boolean {
  return type === ICMP_TYPE.ECHO || type === ICMPV6_TYPE.ECHO
}

/** null for what is neither a ping nor its reply. */
export function echoOf({ icmp, icmpv6 }: Omit<Parts, 'ports'>): Echo | null {
  const found = icmp !== null ? isEcho(icmp.type) : icmpv6 !== null && isEcho6(icmpv6.type)
  const header = icmp ?? icmpv6
  if (!found || header === null) return null
  const { type, id, sequence } = header
  return { isRequest: isRequestType(type), id, sequence }
}

/** Of a ping the identifier is the port of who asks, and the other one is 0. */
export function connPorts(parts: Parts): { sport: number; dport: number } | null {
  const echo = echoOf(parts)
  if (echo === null) return parts.ports
  return echo.isRequest ? { sport: echo.id, dport: 0 } : { sport: 0, dport: echo.id }
}
