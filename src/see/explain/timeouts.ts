/** How long states last, from the timeouts that the API tells. */

import { stateKey } from '../../api/names.ts'

/** Seconds of a ping whose service is not known any more: none has less (RFC 5508 REQ-2). */
const PING_SEC = 60

export function isUdpState(state: string): boolean {
  return state.startsWith('UDP_')
}

export function isPingState(state: string): boolean {
  return state.startsWith('ICMP_')
}

/** Whether a state has a time: that of a single datagram, UDP_NONE, has none. */
export function isTimed(state: string): boolean {
  return state !== 'UDP_NONE'
}

/** A service's own time is that of ESTABLISHED, and of every state of UDP and of pings (semantics 2.5, 8.4). */
export function secondsOf(
  state: string,
  own: number,
  timeouts: Readonly<Record<string, number>>,
): number {
  if (isPingState(state)) return own || PING_SEC
  const hasOwn = state === 'ESTABLISHED' || (isUdpState(state) && isTimed(state))
  return hasOwn && own > 0 ? own : (timeouts[stateKey(state)] ?? 0)
}
