/**
 * The TCP state machine of IPVS, seen from the middle of a connection. These are not the states of RFC 9293: a
 * balancer sees segments, not sockets, so one end's close is followed by the other's FIN and both ways end
 * in TIME_WAIT; LAST_ACK is in the table and no path of FullNAT leads there.
 */

import { FLAG } from '../wire/tcp.ts'
import { compileStates, spread, WIDTH } from './state-table.ts'

/** Two-letter names as in the table; the index is the state's number. */
export const CODES = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'] as const

export const State = {
  NONE: 0,
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT: 4,
  TIME_WAIT: 5,
  CLOSE: 6,
  CLOSE_WAIT: 7,
  LAST_ACK: 8,
  LISTEN: 9,
  SYNACK: 10,
} as const
export const STATES = CODES.length

/** Direction of a segment. INPUT_ONLY is for forwarding methods whose replies bypass the balancer (DR, tunnel). */
export const IN = 0
export const OUT = 1
export const INPUT_ONLY = 2

/** Default timeout of each state in seconds, in the order of State. */
export const DEFAULT_TIMEOUTS = [2, 90, 3, 30, 7, 7, 3, 7, 7, 120, 30] as const

const TABLES = [
  `
  syn  SR ES ES SR SR SR SR SR SR SR SR
  fin  CL CW SS TW TW TW CL CW LA LI TW
  ack  CL ES SS ES FW TW CL CW CL LI ES
  rst  CL CL CL SR CL CL CL CL LA LI SR`,
  `
  syn  SS ES SS SR SS SS SS SS SS LI SR
  fin  TW FW SS TW FW TW CL TW LA LI TW
  ack  ES ES SS ES FW TW CL CW LA ES ES
  rst  CL CL SS CL CL TW CL CL CL CL CL`,
  `
  syn  SR ES ES SR SR SR SR SR SR SR SR
  fin  CL FW SS TW FW TW CL CW LA LI TW
  ack  CL ES SS ES FW TW CL CW CL LI ES
  rst  CL CL CL SR CL CL CL CL LA LI CL`,
]

/** What a segment is to the state machine, by number; `none` has none of the four flags. */
export const EVENTS = ['syn', 'fin', 'ack', 'rst', 'none'] as const
const SYN = 0
const FIN = 1
const ACK = 2
const RST = 3
const NONE = 4

/** Index in EVENTS. RST outranks SYN outranks FIN outranks ACK. */
export function eventOf(flags: number): number {
  if (flags & FLAG.RST) return RST
  if (flags & FLAG.SYN) return SYN
  if (flags & FLAG.FIN) return FIN
  return flags & FLAG.ACK ? ACK : NONE
}

/**
 * By IN, OUT and INPUT_ONLY, for states.ts: what the low five bits of the flags lead to. Every combination of flags is spelt
 * out, so that a packet pays for one load and no branch; SYN+ACK is a SYN and FIN+ACK a FIN. A segment without any of the four
 * flags closes the connection (IPVS's default target).
 */
export const TCP_TABLES = TABLES.map(text => {
  const next = compileStates(text, CODES, WIDTH)
  return spread(STATES, (flags, state) => {
    const event = eventOf(flags)
    return event === NONE ? State.CLOSE : next[event * WIDTH + state]
  })
})
