/**
 * The history's file as the control thread sees it: connections go in, in batches, and searches come back. A process of its
 * own does the writing. Whatever is wrong with the file costs one line of the log and the rows that there is no room for.
 */

import { countedLost } from '../../see/text/counted.ts'
import { RETRY_MS } from '../log/file.ts'
import type { Ended, Found, Search } from './ended.ts'
import { sqliteProblem } from './problem.ts'
import { SqliteProcess } from './process.ts'
import { ROW, rowOf } from './rows.ts'

const FLUSH_MS = 1000
/** How often the file hears of a daemon that has nothing to tell. */
const IDLE_MS = 10_000
/** Rows of a transaction: some 100 ms at worst. */
const BATCH_ROWS = 2000
/** Rows that wait for a file that is slow or damaged: 3.5 MB. */
const WAITING_ROWS = 32_768

export interface HistoryFileOptions {
  path: string
  /** When the daemon began, ms since 1970. */
  begunMs: number
  keepDays: number
  maxBytes: number
  retryMs?: number
}

export class HistoryFile {
  readonly #path: string
  readonly #retryMs: number
  readonly #complain: (text: string) => void
  readonly #process: SqliteProcess
  readonly #flushing: NodeJS.Timeout
  /** ROW numbers each. */
  #waiting: number[] = []
  /** Rows that ever came, and those that were written. */
  #added = 0
  #written = 0
  #writing: Promise<void> | null = null
  #broken = false
  #triedAt = Number.NEGATIVE_INFINITY
  /** Records that are in no row: since the start, and since the file was last in order. */
  #lost = 0
  #missing = 0

  /** `complain` gets one line when the file goes wrong, and one when it is right again. */
  constructor(
    { path, begunMs, keepDays, maxBytes, retryMs = RETRY_MS }: HistoryFileOptions,
    complain: (text: string) => void,
  ) {
    this.#path = path
    this.#retryMs = retryMs
    this.#complain = complain
    this.#process = new SqliteProcess({
      path,
      writes: { daemonMs: begunMs, sinceMs: begunMs, keepDays, maxBytes },
    })
    // The first one tells at once what is wrong with the file.
    void this.#flush()
    this.#flushing = setInterval(() => void this.#flush(), Math.min(FLUSH_MS, retryMs))
  }

  add(ended: Ended): void {
    if (this.#waiting.length >= WAITING_ROWS * ROW) {
      this.#missing++
      this.lost(1)
      return
    }
    this.#waiting.push(...rowOf(ended))
    this.#added++
    if (this.#waiting.length >= BATCH_ROWS * ROW) void this.#flush()
  }

  /** How many records never came here. */
  lost(records: number): void {
    this.#lost += records
  }

  /** Finds what was added until now, too. Rejects in one line if the file is damaged. */
  async find(search: Search): Promise<Found> {
    const target = this.#added
    while (this.#written < target && !this.#broken) await this.#flush()
    if (this.#broken) throw new Error(`${this.#path}: it cannot be read; see the log`)
    const answer = await this.#process.order({ find: search })
    if ('ok' in answer) return answer.ok as Found
    throw new Error(`${this.#path}: ${sqliteProblem(answer)}`)
  }

  /** Writes what waits, as far as the file takes it, and marks that this was a regular stop. */
  async close(): Promise<void> {
    clearInterval(this.#flushing)
    this.#triedAt = Number.NEGATIVE_INFINITY
    do await this.#flush()
    while (this.#waiting.length > 0 && !this.#broken)
    const lost = this.#lost + this.#waiting.length / ROW
    await this.#process.order({ write: new Float64Array(0), lost, stop: true })
    await this.#process.stop()
  }

  /** One batch, unless the file was found broken a moment ago. Never rejects. */
  #flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    const now = performance.now()
    const waits = this.#broken ? this.#retryMs : this.#waiting.length === 0 ? IDLE_MS : 0
    if (now - this.#triedAt < waits) return
    this.#triedAt = now
    const write = Float64Array.from(this.#waiting.slice(0, BATCH_ROWS * ROW))
    const { length } = write
    const answer = await this.#process.order({ write, lost: this.#lost, stop: false })
    if ('ok' in answer) {
      this.#waiting.splice(0, length)
      this.#written += length / ROW
      this.#mended()
    } else if (!this.#broken) {
      this.#broken = true
      const why = `${sqliteProblem(answer)}; the file is tried again`
      this.#complain(`HISTORY: cannot write ${this.#path}: ${why}`)
    }
  }

  #mended(): void {
    if (!this.#broken && this.#missing === 0) return
    this.#broken = false
    this.#complain(
      `HISTORY: ${this.#path} is written again, ${countedLost(this.#missing, 'record')}`,
    )
    this.#missing = 0
  }
}
