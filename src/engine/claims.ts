/** Strangers who claim an address of ours: every claim is counted; the log hears of one a second, or a stranger could fill it. */

import type { Arm } from './arm.ts'
import type { Parts } from './parts.ts'
import { sayClaimed } from './say.ts'
import type { TraceRing } from './trace.ts'

const CLAIM_REPORT_MS = 1000

export class Claims {
  readonly #trace: TraceRing
  #reported = false
  #reportedAt = 0

  constructor({ trace }: Pick<Parts, 'trace'>) {
    this.#trace = trace
  }

  /** Forgets what lies so far back that int32 could take it for the future; to be called every day or oftener. */
  tick(now: number): void {
    if (((now - this.#reportedAt) | 0) >= CLAIM_REPORT_MS) this.#reported = false
  }

  /** When a claim was reported last, if that was lately. */
  get last(): number | null {
    return this.#reported ? this.#reportedAt : null
  }

  set last(at: number | null) {
    this.#reported = at !== null
    this.#reportedAt = at ?? 0
  }

  report(word: number, family: number, arm: Arm, macHi: number, macLo: number, now: number): void {
    if (this.#reported && ((now - this.#reportedAt) | 0) < CLAIM_REPORT_MS) return
    this.#reported = true
    this.#reportedAt = now
    sayClaimed(this.#trace, word, family, arm.index, macHi, macLo)
  }
}
