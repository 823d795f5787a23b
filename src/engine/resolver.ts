/**
 * How the MACs of a family's next hops are asked for. Neighbours are the same in all families (neigh.ts); each has a file
 * that asks, and one that reads what the network says of MACs and tells Neighs.hear: of IPv4 they are arp-output.ts and
 * arp-input.ts.
 */

import type { Arm } from './arm.ts'

export interface Resolver {
  /**
   * Puts into the arm's outbox a question for the MAC of `word`; nothing if the arena has no slot left. Of a digest (neigh-word.ts) the
   * address stands in `far` from `at` on.
   */
  ask(arm: Arm, word: number, far: Int32Array, at: number): void
  /** The same with the news that `word` is ours. */
  announce(arm: Arm, word: number): void
}
