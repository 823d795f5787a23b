/** What is known of a drop reason: a row of the tables beside this file. */

import type { DropReason } from '../../api/names.ts'
import type { Refused } from './drop-context.ts'

export interface Explanation {
  /** The check that failed, with the values. */
  rule: string
  /** A command or a config key, or why there is nothing to do. */
  advice: string
}

export interface DropRow {
  /** What happened to the frame, for listings, captures and explanations. */
  says: string
  /** The kept header is the translated one: the frame was refused on its way out. */
  leaving?: true
  /** The engine's rule, applied once more to the header that was kept. */
  explain: (frame: Refused) => Explanation
}

export type DropTable = Partial<Record<DropReason, DropRow>>

/** 16 bits, in four digits. */
export function hex(value: number): string {
  return (value & 0xffff).toString(16).padStart(4, '0')
}
