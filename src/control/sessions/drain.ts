/**
 * The one reader of the rings of ended connections, and those who want to know of them: the session log, the history. A
 * worker never waits for it; what found a ring full is counted and said.
 */

import type { SessionRing } from '../../engine/sessions.ts'
import { counted } from '../../see/text/counted.ts'
import type { Log } from '../log/log.ts'
import { workerId } from '../threads/memory.ts'
import { sessionRing, sharedClockMs } from '../threads/session-ring.ts'
import { SessionReading } from './words.ts'

const PERIOD_MS = 50
/** Records of a worker per turn; the control socket is answered between turns. */
const TURN_RECORDS = 2000
const LOST_PERIOD_MS = 1000

export interface SessionConsumer {
  /** It would rather not be told of any more now. */
  readonly behind: boolean
  /** `wallOf` turns ms of the engine's clock into those of Date. The reading is another record's afterwards. */
  take(reading: SessionReading, worker: number, wallOf: (ms: number) => number): void
  /** How many ends of connections found no room in a ring; which ones is unknown. */
  lost(records: number): void
  /** There will be no more. */
  close(): void
}

export class SessionDrain {
  readonly #rings: SessionRing[]
  readonly #consumers: readonly SessionConsumer[]
  readonly #log: Log
  readonly #reading = new SessionReading()
  /** By worker: what its ring had lost at the last look, and what was kept from a consumer since. */
  readonly #lost: number[]
  readonly #kept: number[]
  #lostAt = 0
  #timer: NodeJS.Timeout | undefined

  /** `memories` are those of the rings, by worker. */
  constructor(
    memories: readonly SharedArrayBuffer[],
    consumers: readonly SessionConsumer[],
    log: Log,
  ) {
    this.#rings = memories.map(memory => sessionRing(memory))
    this.#consumers = consumers
    this.#log = log
    this.#lost = memories.map(() => 0)
    this.#kept = memories.map(() => 0)
  }

  start(): void {
    const turn = () => {
      const emptied = this.#turn()
      this.#reportLost(LOST_PERIOD_MS)
      this.#timer = setTimeout(turn, emptied ? PERIOD_MS : 0)
    }
    turn()
  }

  /** Passes on the records that have come so far, or many of them. */
  catchUp(): void {
    this.#turn()
    this.#reportLost(0)
  }

  /** Passes on the last records, and ends; the workers have ended before. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const index of this.#rings.keys()) this.#drain(index, Number.POSITIVE_INFINITY, false)
    this.#reportLost(0)
    for (const consumer of this.#consumers) consumer.close()
  }

  /** => false if there was more. Every ring gets its turn, whatever the first one holds. */
  #turn(): boolean {
    const emptied = this.#rings.map((_, index) => this.#drain(index, TURN_RECORDS))
    return !emptied.includes(false)
  }

  /**
   * => false if there was more than `limit`. A `patient` one leaves the ring to fill while everybody is behind; who alone is
   * behind goes without.
   */
  #drain(index: number, limit: number, patient = true): boolean {
    const ring = this.#rings[index] as SessionRing
    const now = (sharedClockMs() - ring.clock) | 0
    const wall = Date.now()
    const wallOf = (ms: number) => wall - ((now - ms) | 0)
    for (let n = 0; n < limit; n++) {
      if (patient && this.#consumers.every(({ behind }) => behind)) return true
      if (!ring.read(this.#reading.cells)) return true
      for (const consumer of this.#consumers) {
        if (patient && consumer.behind) this.#kept[index] = (this.#kept[index] ?? 0) + 1
        else consumer.take(this.#reading, workerId(index), wallOf)
      }
    }
    return false
  }

  #reportLost(periodMs: number): void {
    const now = performance.now()
    if (now - this.#lostAt < periodMs) return
    this.#lostAt = now
    this.#rings.forEach((ring, index) => {
      const { lost } = ring
      const news = (lost - (this.#lost[index] ?? 0)) | 0
      this.#lost[index] = lost
      if (news > 0) for (const consumer of this.#consumers) consumer.lost(news)
      const records = news + (this.#kept[index] ?? 0)
      this.#kept[index] = 0
      if (records > 0) this.#say(workerId(index), records)
    })
  }

  #say(worker: number, records: number): void {
    const text = `SESSION: ${counted(records, 'record')} lost`
    const fields = { records }
    this.#log.put({ level: 'warn', module: 'log', event: 'lost', worker, fields, text })
  }
}
