/**
 * The log: winston to stderr, and the trace ring of the packet thread put into words. The ring is bounded and the
 * packet thread never waits for it, so that a slow terminal costs records, not packets; how many is said once a second.
 */

import { once } from 'node:events'
import winston from 'winston'
import { RECORD_CELLS, type TraceRing } from '../engine/trace.ts'
import { LOG_LEVELS, type LogLevel } from './commands.ts'
import { type Names, wordsOf } from './words.ts'

const DEBUG_PERIOD_MS = 20
const QUIET_PERIOD_MS = 100
/** Records per turn; the control socket is answered between turns. */
const TURN_RECORDS = 2000
const LOST_PERIOD_MS = 1000
/** Of text that a pipe has not taken yet. Neither winston nor the stream has a limit, so this is it. */
const BACKLOG_BYTES = 1 << 20
/** How long the end waits for a reader that has stopped reading. */
const FLUSH_LIMIT_MS = 1000

export interface Log {
  readonly level: LogLevel
  setLevel(level: LogLevel): void
  write(level: LogLevel, text: string): void
  error(text: string): void
  warn(text: string): void
  info(text: string): void
  /** More text waits to be written than is good; debug lines had better be lost. */
  readonly behind: boolean
  /** Resolves when everything is written, or nobody takes it. Nothing is logged after it. */
  flush(): Promise<void>
}

export function openLog(options: { level: LogLevel; timestamps: boolean }): Log {
  const { combine, printf, timestamp } = winston.format
  const line = printf(({ message, timestamp: time }) =>
    time === undefined ? String(message) : `${time} ${message}`,
  )
  const logger = winston.createLogger({
    level: options.level,
    format: options.timestamps ? combine(timestamp(), line) : line,
    transports: [new winston.transports.Console({ stderrLevels: [...LOG_LEVELS] })],
  })
  // Whoever read our stderr is gone: the daemon goes on without a log rather than not at all.
  process.stderr.on('error', () => {})
  return {
    get level() {
      return logger.level as LogLevel
    },
    setLevel: level => {
      logger.level = level
    },
    get behind() {
      return process.stderr.writableLength > BACKLOG_BYTES
    },
    write: (level, text) => void logger.log(level, text),
    error: text => void logger.error(text),
    warn: text => void logger.warn(text),
    info: text => void logger.info(text),
    flush: async () => {
      // process.exit() right after a log call loses it; `finish` comes when the transport has it.
      const finished = once(logger, 'finish')
      logger.end()
      await finished
      // And the transport has given it to a stream, which may have a pipe before it.
      await new Promise<void>(done => {
        const timer = setTimeout(done, FLUSH_LIMIT_MS)
        process.stderr.write('', () => {
          clearTimeout(timer)
          done()
        })
      })
    },
  }
}

/** Reads the trace ring on a timer and logs what it finds. */
export class TraceReader {
  readonly #ring: TraceRing
  readonly #capacity: number
  readonly #names: Names
  readonly #log: Log
  readonly #lostSoFar: () => number
  readonly #record = new Int32Array(RECORD_CELLS)
  #timer: NodeJS.Timeout | undefined
  #lost = 0
  #reportedAt = 0

  /** `lostSoFar` says how many records the writer could not write; `capacity` is the ring's, in records. */
  constructor(ring: TraceRing, capacity: number, names: Names, log: Log, lostSoFar: () => number) {
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
      const period = this.#log.level === 'debug' ? DEBUG_PERIOD_MS : QUIET_PERIOD_MS
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
      const { level, text } = wordsOf(this.#record, this.#names)
      this.#log.write(level, text)
    }
    return false
  }

  #reportLost(): void {
    const now = performance.now()
    if (now - this.#reportedAt < LOST_PERIOD_MS) return
    this.#reportedAt = now
    const lost = this.#lostSoFar()
    if (lost > this.#lost) this.#log.warn(`TRACE: ${lost - this.#lost} records lost`)
    this.#lost = lost
  }
}
