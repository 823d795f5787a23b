/** The names by which the API and all text know what the engine knows by number. */

import { Drop } from '../engine/counters.ts'
import { State } from '../engine/tcp-state.ts'

/** Of all drop reasons, in the order of their numbers. */
export const DROP_REASONS = Object.keys(Drop).map(name => name.toLowerCase())

export type StateName = keyof typeof State

/** Of the states of a connection, in the order of their numbers. */
export const STATES = Object.keys(State) as StateName[]

/** As the config file spells them. */
export const TIMEOUTS = STATES.map(name => name.toLowerCase()) as Lowercase<StateName>[]
