/**
 * The connection table of the page. While somebody looks, the tables of the workers are copied again and again, a page
 * between two bursts and not too many of them, into a thread that answers questions (thread.ts). When nobody looks any more
 * there is neither copy nor thread.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { ConnRow, ConnsInfo } from '../../../api/page.ts'
import type { Model } from '../../model/model.ts'
import { compiled } from '../../system/built-file.ts'
import {
  connInfo,
  PAGE_AGE,
  PAGE_RECORDS,
  RECORD_CELLS,
  timeoutsOf,
} from '../../threads/snapshots.ts'
import type { Workers } from '../../threads/workers.ts'
import { WORKER } from './copy.ts'
import type { ConnQuery } from './query.ts'
import type { FromConnThread, ToConnThread, ViewAnswer } from './thread.ts'

/** A page costs a worker some 20 us; four in each ms and a bit are 6 % of its time, and a million connections take 1.5 s. */
const PAGES_AT_ONCE = 4
const PAUSE_MS = 1
/** From the beginning of a pass to that of the next one, at least; and the time between is twice that of a pass. */
const AGAIN_MS = 1000
const REST = 2
/** Without a question for so long, nobody looks. */
const LOOKED_MS = 10_000
/** How long the first answer waits for a whole copy. */
const FIRST_MS = 300
/** Records in one message to the thread. */
const BATCH = 4096

export class ConnTable {
  readonly #model: Model
  readonly #workers: Pick<Workers, 'pages'>
  #copying: Copying | undefined

  constructor(model: Model, workers: Pick<Workers, 'pages'>) {
    this.#model = model
    this.#workers = workers
  }

  /** Rejects with an Error in one line if a worker does not answer. */
  async query({ wanted, offset, limit }: ConnQuery): Promise<ConnsInfo> {
    const rows = () => this.#model.readings.conns().used
    this.#copying ??= new Copying(this.#workers, rows, () => {
      this.#copying = undefined
    })
    const { atMs, total, matched, page } = await this.#copying.ask({ wanted, offset, limit })
    const { config, readings } = this.#model
    return {
      at_ms: atMs || Date.now(),
      total: atMs > 0 ? total : Math.max(total, rows()),
      matched,
      rows: Array.from({ length: page.length / RECORD_CELLS }, (_, i): ConnRow => {
        const worker = page[i * RECORD_CELLS + WORKER] as number
        const ageSec = page[i * RECORD_CELLS + PAGE_AGE] as number
        const of = (place: number) => readings.establishedMs(place)
        const row = connInfo(page, i, worker, timeoutsOf(config), of)
        return ageSec < 0 ? row : { ...row, age_sec: ageSec }
      }),
      complete: atMs > 0,
    }
  }

  stop(): void {
    this.#copying?.stop()
  }
}

/** Life-cycle: made with the first question, `ended` when there was none for a while or something went wrong. */
class Copying {
  readonly #workers: Pick<Workers, 'pages'>
  readonly #rows: () => number
  readonly #ended: () => void
  readonly #thread = new Worker(compiled('control/ui/conns/thread.js'))
  readonly #asked = new Map<number, (answer: ViewAnswer | Error) => void>()
  #nextId = 1
  #taken: () => void = () => {}
  readonly #idle = setTimeout(() => this.#end(new Error('nobody looks')), LOOKED_MS).unref()
  #stopped = false
  readonly #firstPass: Promise<unknown>

  constructor(workers: Pick<Workers, 'pages'>, rows: () => number, ended: () => void) {
    this.#workers = workers
    this.#rows = rows
    this.#ended = ended
    this.#thread.on('message', (message: FromConnThread) => {
      if ('taken' in message) return this.#taken()
      const settle = this.#asked.get(message.id)
      this.#asked.delete(message.id)
      settle?.('error' in message ? new Error(message.error) : message)
    })
    this.#thread.once('error', error => this.#end(error as Error))
    const first = this.#pass()
    this.#firstPass = Promise.race([first, sleep(FIRST_MS, undefined, { ref: false })])
    void this.#goOn(first)
  }

  async ask(query: ConnQuery): Promise<ViewAnswer> {
    this.#idle.refresh()
    await this.#firstPass
    const id = this.#nextId++
    const answer = await new Promise<ViewAnswer | Error>(done => {
      this.#asked.set(id, done)
      if (this.#stopped) this.#giveUp(new Error('the connection table is not to be had'))
      else this.#send({ id, ...query })
    })
    if (answer instanceof Error) throw answer
    return answer
  }

  stop(): void {
    this.#end(new Error('the daemon stops'))
  }

  async #goOn(first: Promise<number>): Promise<void> {
    try {
      for (let tookMs = await first; ; tookMs = await this.#pass()) {
        await sleep(Math.max(AGAIN_MS - tookMs, REST * tookMs), undefined, { ref: false })
        if (this.#stopped) return
      }
    } catch (error) {
      this.#end(error as Error)
    }
  }

  /** Copies all tables once. => ms that it took */
  async #pass(): Promise<number> {
    const begin = performance.now()
    this.#send({ begin: { rows: this.#rows() } })
    let batch = new Int32Array(BATCH * RECORD_CELLS)
    let count = 0
    let of = 0
    let pages = 0
    const flush = async () => {
      if (count === 0) return
      const taken = new Promise<void>(done => {
        this.#taken = done
      })
      this.#send({ records: batch, count, worker: of }, [batch.buffer])
      batch = new Int32Array(BATCH * RECORD_CELLS)
      count = 0
      await taken
    }
    await this.#workers.pages(async (page, records, worker) => {
      if (this.#stopped) throw new Error('stopped')
      if (worker !== of || count + PAGE_RECORDS > BATCH) await flush()
      of = worker
      batch.set(page.subarray(0, records * RECORD_CELLS), count * RECORD_CELLS)
      count += records
      if (++pages % PAGES_AT_ONCE === 0) await sleep(PAUSE_MS)
    })
    await flush()
    this.#send({ end: { atMs: Date.now() } })
    return performance.now() - begin
  }

  #send(message: ToConnThread, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer)
  }

  #end(error: Error): void {
    if (this.#stopped) return
    this.#stopped = true
    clearTimeout(this.#idle)
    this.#giveUp(error)
    this.#taken()
    void this.#thread.terminate()
    this.#ended()
  }

  #giveUp(error: Error): void {
    for (const settle of this.#asked.values()) settle(error)
    this.#asked.clear()
  }
}
