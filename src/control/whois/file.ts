/**
 * The history's file as the control thread sees it: connections go in, in batches, and searches come back. A thread of its
 * own does the writing. Whatever is wrong with the file costs one line of the log and the rows that there is no room for.
 */

import { Worker } from 'node:worker_threads'
import { ROW, rowOf } from './database.ts'
import type { Ended, Found, Search } from './ended.ts'
import { sqliteProblem } from './problem.ts'
import type { WriterAnswer, WriterOrder, WriterStart } from './writer.ts'

const FLUSH_MS = 1000
/** How often the file hears of a daemon that has nothing to tell. */
const IDLE_MS = 10_000
/** Rows of a transaction: some 10 ms of the thread. */
const BATCH_ROWS = 2000
/** Rows that wait for a file that is slow or in no order: 3.5 MB. */
const WAITING_ROWS = 32_768
/** ms between two attempts at a file that cannot be written, as of the log's. */
const RETRY_MS = 5000
const STOP_LIMIT_MS = 3000

type Order = WriterOrder extends infer O
  ? O extends { id: number }
    ? Omit<O, 'id'>
    : never
  : never

export interface HistoryFileOptions extends WriterStart {
  retryMs?: number
}

export class HistoryFile {
  readonly #path: string
  readonly #retryMs: number
  readonly #complain: (text: string) => void
  readonly #thread: Worker
  readonly #answers = new Map<number, (answer: WriterAnswer) => void>()
  readonly #flushing: NodeJS.Timeout
  /** ROW numbers each. */
  #waiting: number[] = []
  /** Rows that ever came, and those that were written. */
  #added = 0
  #written = 0
  #nextId = 1
  #writing: Promise<void> | null = null
  #broken = false
  #triedAt = Number.NEGATIVE_INFINITY
  /** Records that are in no row: since the start, and since the file was last in order. */
  #lost = 0
  #missing = 0
  #gone: string | null = null

  /** `complain` gets one line when the file goes wrong, and one when it is right again. */
  constructor(
    { retryMs = RETRY_MS, ...start }: HistoryFileOptions,
    complain: (text: string) => void,
  ) {
    this.#path = start.path
    this.#retryMs = retryMs
    this.#complain = complain
    this.#thread = new Worker(new URL('./writer.js', import.meta.url), { workerData: start })
    this.#thread.on('message', (answer: WriterAnswer) => this.#answers.get(answer.id)?.(answer))
    this.#thread.on('error', error => {
      this.#gone = error.message
    })
    this.#thread.on('exit', () => {
      this.#gone ??= 'its thread has ended'
      for (const [id, settle] of this.#answers) settle({ id, code: '', message: this.#gone })
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

  /** So many records never came here. */
  lost(records: number): void {
    this.#lost += records
  }

  /** What was added until now is found too. Rejects in one line if the file is in no order. */
  async find(search: Search): Promise<Found> {
    const target = this.#added
    while (this.#written < target && !this.#broken) await this.#flush()
    const answer = this.#broken ? null : await this.#order({ find: search })
    if (answer && 'ok' in answer) return answer.ok as Found
    throw new Error(`${this.#path}: ${answer ? this.#why(answer) : 'cannot be read; see the log'}`)
  }

  /** Writes what is there, as far as the file lets it, and says in it that this was a stop. */
  async close(): Promise<void> {
    clearInterval(this.#flushing)
    this.#triedAt = Number.NEGATIVE_INFINITY
    do await this.#flush()
    while (this.#waiting.length > 0 && !this.#broken)
    const ended = new Promise(done => this.#thread.once('exit', done))
    if (this.#gone === null) {
      const lost = this.#lost + this.#waiting.length / ROW
      void this.#order({ write: new Float64Array(0), lost, stop: true })
      await Promise.race([ended, new Promise(done => setTimeout(done, STOP_LIMIT_MS).unref())])
    }
    await this.#thread.terminate()
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
    const answer = await this.#order({ write, lost: this.#lost, stop: false })
    if ('ok' in answer) {
      this.#waiting.splice(0, length)
      this.#written += length / ROW
      this.#mended()
    } else if (!this.#broken) {
      this.#broken = true
      this.#complain(`HISTORY: cannot write ${this.#path}: ${this.#why(answer)}`)
    }
  }

  #order(order: Order): Promise<WriterAnswer> {
    const id = this.#nextId++
    return new Promise(done => {
      if (this.#gone !== null) return done({ id, code: '', message: this.#gone })
      this.#answers.set(id, answer => {
        this.#answers.delete(id)
        done(answer)
      })
      this.#thread.postMessage({ ...order, id })
    })
  }

  #mended(): void {
    if (!this.#broken && this.#missing === 0) return
    this.#broken = false
    this.#complain(`HISTORY: ${this.#path} is written again, ${this.#missing} records were lost`)
    this.#missing = 0
  }

  #why(answer: WriterAnswer): string {
    const { code, message } = answer as { code: string; message: string }
    const again = 'the file is tried again'
    if (this.#gone !== null) return `${this.#gone}; a restart of the daemon tries it again`
    return `${sqliteProblem(code, message)}; ${again}`
  }
}
