/** The five states of a neighbour and what moves it between them (semantics 6.1), written as the reference has it. */

import { compileStates } from './state-table.ts'

const CODES = ['NO', 'SE', 'RE', 'PR', 'DE'] as const
export const Neigh = { NONE: 0, SEND: 1, REACHABLE: 2, PROBE: 3, DELAY: 4 } as const

/** SUSPECT, a packet from another MAC than the known one, takes the row that the reference has without a use. */
export const NeighEvent = { SENT: 0, REPLY: 1, CONFIRMED: 2, SUSPECT: 3, TIMER: 4 } as const

const WIDTH = 8 // of a row, so that event and state combine by a shift
const NEXT = compileStates(
  `
  sent       SE SE -  DE DE
  reply      RE RE RE RE RE
  confirmed  -  -  RE RE RE
  suspect    -  -  PR -  -
  timer      NO NO PR NO NO`,
  CODES,
  WIDTH,
)

/** Seconds in NONE, SEND, REACHABLE (configurable), PROBE, DELAY. */
export const NEIGH_TIMEOUTS_SEC = [2, 3, 60, 30, 3] as const

/** The state after `event`, or KEEP: neither state nor timer changes. */
export function nextNeighState(event: number, state: number): number {
  return NEXT[(event << 3) | state]
}
