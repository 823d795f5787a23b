/**
 * The other workers, as an engine sees them. Workers share nothing: each has its own tables, and owns the connections
 * whose client hashes to it and whose lport is in its partition. What one of them hears of a MAC it tells the others, for
 * an answer arrives at one worker, whoever asked.
 */

import type { Steering } from './steering.ts'

export interface Peers {
  /** Index of this worker, from 0. */
  readonly self: number
  readonly steering: Steering
  /** Passes on what a neighbour said: `address` on `link`, of IPv4 the first of its cells, has this MAC. Words are each worker's own. */
  tell(link: number, address: Int32Array, macHi: number, macLo: number, solicited: boolean): void
}
