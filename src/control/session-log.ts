/**
 * The session log: a line for each connection that has ended, out of the rings that the workers fill. Like the trace a
 * worker never waits for it; what found a ring full is counted and said.
 */

import type { SessionRing } from '../engine/sessions.ts'
import { workerId } from './apply.ts'
import type { Log } from './log.ts'
import { LogFile, type LogFileOptions } from './log-file.ts'
import { type Entry, jsonLine, textLine } from './log-format.ts'
import { sessionRing, sharedClockMs } from './session-ring.ts'
import { SessionReading, sessionText } from './session-words.ts'

const PERIOD_MS = 50
/** Records of a worker per turn; the control socket is answered between turns. */
const TURN_RECORDS = 2000
const LOST_PERIOD_MS = 1000

export class SessionLog {
  readonly #rings: SessionRing[]
  readonly #log: Log
  readonly #file: LogFile | null
  readonly #reading = new SessionReading()
  readonly #lost: number[]
  #lostAt = 0
  #timer: NodeJS.Timeout | undefined

  /** `memories` are those of the rings, by worker; a path of `-` means the log itself. */
  constructor(memories: readonly SharedArrayBuffer[], options: LogFileOptions, log: Log) {
    this.#rings = memories.map(memory => sessionRing(memory))
    this.#lost = memories.map(() => 0)
    this.#log = log
    this.#file =
      options.path === '-'
        ? null
        : new LogFile(options, text => log.of('log').warn(text, 'session_file'))
  }

  start(): void {
    const turn = () => {
      // Every ring gets its turn, whatever the first one holds.
      const emptied = this.#rings.map((_, index) => this.#drain(index, TURN_RECORDS))
      this.#reportLost(LOST_PERIOD_MS)
      this.#timer = setTimeout(turn, emptied.includes(false) ? 0 : PERIOD_MS)
    }
    turn()
  }

  /** Writes what is still there, and ends; the workers have. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const index of this.#rings.keys()) this.#drain(index, Number.POSITIVE_INFINITY, false)
    this.#reportLost(0)
    this.#file?.close()
  }

  reopen(): void {
    this.#file?.reopen()
  }

  /** => false if there was more than `limit`. A `patient` one leaves the ring to fill while the log is behind. */
  #drain(index: number, limit: number, patient = true): boolean {
    const ring = this.#rings[index] as SessionRing
    const now = (sharedClockMs() - ring.clock) | 0
    const wall = Date.now()
    const wallOf = (ms: number) => wall - ((now - ms) | 0)
    for (let n = 0; n < limit; n++) {
      if (patient && this.#file === null && this.#log.behind) return true
      if (!ring.read(this.#reading.cells)) return true
      this.#write(workerId(index), wallOf)
    }
    return false
  }

  #write(worker: number, wallOf: (ms: number) => number): void {
    const session = this.#reading.session(wallOf)
    const entry: Entry = {
      level: 'info',
      module: 'session',
      event: 'conn_ended',
      worker,
      fields: session,
      text: sessionText(session, worker),
    }
    if (this.#file === null) {
      this.#log.put(entry)
      return
    }
    const time = new Date(wallOf(this.#reading.ended))
    this.#file.write((this.#log.format === 'json' ? jsonLine : textLine)(entry, time))
  }

  #reportLost(periodMs: number): void {
    const now = performance.now()
    if (now - this.#lostAt < periodMs) return
    this.#lostAt = now
    this.#rings.forEach((ring, index) => {
      const { lost } = ring
      const records = (lost - (this.#lost[index] ?? 0)) | 0
      this.#lost[index] = lost
      if (records === 0) return
      const text = `SESSION: ${records} records lost`
      const worker = workerId(index)
      this.#log.put({
        level: 'warn',
        module: 'log',
        event: 'lost',
        worker,
        fields: { records },
        text,
      })
    })
  }
}
