/** The names by which the API and all text know what the engine knows by number. */

import { Drop } from '../engine/counters.ts'

/** Of all drop reasons, in the order of their numbers. */
export const DROP_REASONS = Object.keys(Drop).map(name => name.toLowerCase())
