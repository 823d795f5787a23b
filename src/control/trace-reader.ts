/**
 * The trace rings of the packet threads put into words. A ring is bounded and its packet thread never waits for it, so
 * that a slow terminal costs records, not packets; how many is said once a second.
 */

import { RECORD_CELLS, type TraceRing } from '../engine/trace.ts'
import type { Log, Saying } from './log.ts'
import { fieldsOf } from './trace-fields.ts'
import { kindOf, type Names, wordsOf } from './words.ts'

const DEBUG_PERIOD_MS = 20
const QUIET_PERIOD_MS = 100
/** Records per turn; the control socket is answered between turns. */
const TURN_RECORDS = 2000
const LOST_PERIOD_MS = 1000

/** Reads the trace ring on a timer and logs what it finds. */
export class TraceReader {
  readonly #ring: TraceRing
  readonly #capacity: number
  readonly #names: Names
  readonly #log: Log
  readonly #lostSoFar: () => Promise<number>
  readonly #record = new Int32Array(RECORD_CELLS)
  #timer: NodeJS.Timeout | undefined
  /** Records read since the ring was last seen empty: only after a whole ring of them can one have been lost. */
  #sinceEmpty = 0
  #mayHaveLost = false
  #lost = 0
  #askedAt = 0

  /** `lostSoFar` asks the writer how many records it could not write; `capacity` is the ring's, in records. */
  constructor(
    ring: TraceRing,
    capacity: number,
    names: Names,
    log: Log,
    lostSoFar: () => Promise<number>,
  ) {
    this.#ring = ring
    this.#capacity = capacity
    this.#names = names
    this.#log = log
    this.#lostSoFar = lostSoFar
  }

  start(): void {
    const turn = () => {
      const emptied = this.drain(TURN_RECORDS)
      this.#reportLost()
      const period = this.#log.levels.tracing ? DEBUG_PERIOD_MS : QUIET_PERIOD_MS
      this.#timer = setTimeout(turn, emptied ? period : 0)
    }
    turn()
  }

  /** Logs what is still there, and ends. */
  stop(): void {
    clearTimeout(this.#timer)
    this.drain(this.#capacity)
  }

  /** => false if there was more than `limit`. Leaves the ring to fill while the log is behind. */
  drain(limit: number): boolean {
    for (let n = 0; n < limit; n++) {
      if (this.#log.behind) return true
      if (!this.#ring.read(this.#record)) {
        this.#sinceEmpty = 0
        return true
      }
      if (++this.#sinceEmpty >= this.#capacity) this.#mayHaveLost = true
      const { level, module, event } = kindOf(this.#record)
      this.#log.record(level, module, event, () => this.#say())
    }
    return false
  }

  #say(): Saying {
    const { text } = wordsOf(this.#record, this.#names)
    const { worker } = this.#names
    if (this.#log.format === 'text') return { text, worker }
    return { text, worker, fields: fieldsOf(this.#record, this.#names) }
  }

  #reportLost(): void {
    const now = performance.now()
    if (!this.#mayHaveLost || now - this.#askedAt < LOST_PERIOD_MS) return
    this.#mayHaveLost = false
    this.#askedAt = now
    this.#lostSoFar().then(
      lost => {
        const records = lost - this.#lost
        if (records > 0) {
          const { worker } = this.#names
          const text = `TRACE: ${records} records lost`
          const fields = { records }
          this.#log.put({ level: 'warn', module: 'log', event: 'lost', worker, fields, text })
        }
        this.#lost = lost
      },
      // No answer, no number; the next second asks again if there is reason to.
      () => {},
    )
  }
}
