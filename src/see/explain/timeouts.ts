/** How long states last, as the API tells it: those of UDP have names of their own there. */

const UDP_KEYS: Readonly<Record<string, string>> = {
  UDP_ONEWAY: 'udp_oneway',
  UDP_NORM: 'udp_normal',
}

export function isUdpState(state: string): boolean {
  return state.startsWith('UDP_')
}

/** Key of a state's timeout in `/v1/timeouts`; '' of the state of a single datagram, which has none. */
export function timeoutKey(state: string): string {
  return isUdpState(state) ? (UDP_KEYS[state] ?? '') : state.toLowerCase()
}

/** A service's own time is that of ESTABLISHED, and of every state of UDP (semantics 2.5). */
export function secondsOf(
  state: string,
  own: number,
  timeouts: Readonly<Record<string, number>>,
): number {
  const hasOwn = state === 'ESTABLISHED' || (isUdpState(state) && timeoutKey(state) !== '')
  return hasOwn && own > 0 ? own : (timeouts[timeoutKey(state)] ?? 0)
}
