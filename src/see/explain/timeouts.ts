/** How long states last, from the timeouts that the API tells. */

import { stateKey } from '../../api/names.ts'

export function isUdpState(state: string): boolean {
  return state.startsWith('UDP_')
}

/** Whether a state has a time: that of a single datagram, UDP_NONE, has none. */
export function isTimed(state: string): boolean {
  return state !== 'UDP_NONE'
}

/** A service's own time is that of ESTABLISHED, and of every state of UDP (semantics 2.5). */
export function secondsOf(
  state: string,
  own: number,
  timeouts: Readonly<Record<string, number>>,
): number {
  const hasOwn = state === 'ESTABLISHED' || (isUdpState(state) && isTimed(state))
  return hasOwn && own > 0 ? own : (timeouts[stateKey(state)] ?? 0)
}
