/**
 * The states of UDP (semantics 4.1): has the RS answered? A datagram is the one event there is, and none of them takes back
 * that it has. DPVS's "last" is the end of its list, and no connection is in it.
 */

import { compileStates, spread, WIDTH } from './state-table.ts'

/** Two-letter names as in the table; the index is the state's number. */
const CODES = ['NO', 'OW', 'NM']

export const UdpState = { NONE: 0, ONEWAY: 1, NORMAL: 2 } as const
export const UDP_STATES = CODES.length

/** Default timeout of each state in seconds, in the order of UdpState. */
export const UDP_TIMEOUTS = [2, 300, 300] as const

const TABLES = [
  `
  datagram  OW OW NM`,
  `
  datagram  NM NM NM`,
  `
  datagram  OW OW OW`,
]

/** By IN, OUT and INPUT_ONLY, for states.ts. */
export const UDP_TABLES = TABLES.map(text => {
  const next = compileStates(text, CODES, WIDTH)
  return spread(UDP_STATES, (_, state) => next[state])
})
