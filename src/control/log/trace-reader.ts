/**
 * The trace rings of the packet threads put into words. A ring is bounded and its packet thread never waits for it, so
 * that a slow terminal costs records, not packets; how many is said once a second.
 */

import type { LogLevel } from '../../api/log-levels.ts'
import type { TraceRing } from '../../engine/trace.ts'
import { RECORD_CELLS } from '../../engine/trace-kinds.ts'
import { counted } from '../../see/text/counted.ts'
import { fieldsOf, type Names } from '../../see/words/trace-fields.ts'
import { kindOf, lineOf } from '../../see/words/trace-words.ts'
import type { Log, Saying } from './log.ts'

const DEBUG_PERIOD_MS = 20
const QUIET_PERIOD_MS = 100
/** Records per turn; the control socket is answered between turns. */
const TURN_RECORDS = 2000
const LOST_PERIOD_MS = 1000

export interface TraceParts {
  names: Names
  log: Log
  /** How many records the writer could not write so far. */
  lost: () => number
  /** Shared by the readers of all workers. */
  judges?: readonly Judge[]
}

/** Sees each record, and says at which level it is to be logged whose level is `level` so far. */
export interface Judge {
  level(record: Int32Array, level: LogLevel): LogLevel
}

/** Reads the trace ring on a timer and logs what it finds. */
export class TraceReader {
  readonly #ring: TraceRing
  readonly #capacity: number
  readonly #names: Names
  readonly #log: Log
  readonly #lostSoFar: () => number
  readonly #judges: readonly Judge[]
  readonly #record = new Int32Array(RECORD_CELLS)
  #timer: NodeJS.Timeout | undefined
  #lost = 0
  #reportedAt = 0

  /** `capacity` is the ring's, in records. */
  constructor(ring: TraceRing, capacity: number, { names, log, lost, judges = [] }: TraceParts) {
    this.#ring = ring
    this.#capacity = capacity
    this.#names = names
    this.#log = log
    this.#lostSoFar = lost
    this.#judges = judges
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
      if (!this.#ring.read(this.#record)) return true
      const { level, module, event } = kindOf(this.#record)
      let wanted: LogLevel = level
      for (const judge of this.#judges) wanted = judge.level(this.#record, wanted)
      this.#log.record(wanted, module, event, () => this.#say())
    }
    return false
  }

  #say(): Saying {
    const { worker } = this.#names
    const fields = fieldsOf(this.#record, this.#names)
    const text = lineOf(this.#record, fields, this.#names)
    return this.#log.format === 'text' ? { text, worker } : { text, worker, fields }
  }

  #reportLost(): void {
    const now = performance.now()
    if (now - this.#reportedAt < LOST_PERIOD_MS) return
    this.#reportedAt = now
    const lost = this.#lostSoFar()
    const records = lost - this.#lost
    this.#lost = lost
    if (records <= 0) return
    const { worker } = this.#names
    const text = `TRACE: ${counted(records, 'record')} lost`
    this.#log.put({
      level: 'warn',
      module: 'log',
      event: 'lost',
      worker,
      fields: { records },
      text,
    })
  }
}
