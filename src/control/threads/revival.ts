/**
 * Workers that hang or end are started again, on the memory that they left. Each counts its turns in shared memory, and turns at least
 * ten times in a second; one that has not for HUNG_MS, while this thread was on time, is in an endless loop and is ended.
 * More than RESTARTS in RESTARTS_MS help nobody: the next one that ends is the end of all.
 */

import { Counters, Gauge } from '../../engine/counters.ts'
import { counted } from '../../see/text/counted.ts'
import { type Tables, workerId } from './memory.ts'
import type { Adopted, PacketThread } from './packet-thread.ts'

const LOOK_MS = 250
/** Without a turn, as far as this thread can tell: it adds up only looks that came in time. */
export const HUNG_MS = 2000
export const RESTARTS = 5
export const RESTARTS_MS = 60_000

/** What has become of a worker. */
export interface WorkerNews {
  /** As listings number them. */
  worker: number
  index: number
  /** It hangs and is ended; it has ended by itself; another thread has taken its place. */
  state: 'hung' | 'ended' | 'restarted'
  /** One line. */
  reason: string
  /** The stack, if there is one. */
  detail: string
}

export interface RevivalParts {
  threads: readonly Pick<PacketThread, 'kill' | 'fail' | 'restart'>[]
  tables: readonly Tables[]
  /** Starts another thread in the place of the one of that index. Resolves when it is ready. */
  start(index: number): Promise<Adopted>
  /** The thread is gone, or is about to be; what it left in its memory can be looked at until the next one starts. */
  tell(news: WorkerNews): void
}

interface Beat {
  turns: Float64Array
  seen: number
  silentMs: number
  /** It runs: it is not starting, nor being ended. */
  runs: boolean
  hung: boolean
}

export class Revival {
  readonly #parts: RevivalParts
  readonly #beats: Beat[]
  #timer: NodeJS.Timeout | undefined
  #looked = 0
  #stopped = false
  /** When the last ones were started again. */
  #restarts: number[] = []

  constructor(parts: RevivalParts) {
    this.#parts = parts
    this.#beats = parts.tables.map(({ counters }) => ({
      turns: new Counters(counters, 0).gauges,
      ...{ seen: 0, silentMs: 0, runs: false, hung: false },
    }))
  }

  /** All of them run. */
  watch(): void {
    if (this.#stopped || this.#timer) return
    for (const beat of this.#beats) beat.runs = true
    this.#looked = performance.now()
    this.#timer = setInterval(() => this.#look(performance.now()), LOOK_MS)
    this.#timer.unref()
  }

  /** They are being ended. */
  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
  }

  /** The thread of that index has ended and nobody has asked it to. */
  gone(index: number, failure: string): void {
    const { threads, tell } = this.#parts
    const thread = threads[index] as RevivalParts['threads'][0]
    const beat = this.#beats[index] as Beat
    const [line = '', ...rest] = failure.split('\n')
    const reason = beat.hung ? HANGS : line
    const now = performance.now()
    this.#restarts = this.#restarts.filter(at => now - at < RESTARTS_MS)
    if (this.#stopped || this.#restarts.length >= RESTARTS) {
      const often = `${counted(RESTARTS, 'restart')} in ${RESTARTS_MS / 1000} s were of no use`
      thread.fail(this.#stopped ? reason : `${beat.hung ? reason : failure}; ${often}`)
      return
    }
    this.#restarts.push(now)
    beat.runs = false
    if (!beat.hung) tell({ ...named(index), state: 'ended', reason, detail: rest.join('\n') })
    void this.#again(index, beat, reason)
  }

  async #again(index: number, beat: Beat, why: string): Promise<void> {
    const begun = performance.now()
    let adopted: Adopted
    try {
      adopted = await this.#parts.start(index)
    } catch {
      // It has ended before it was ready, and comes back as gone.
      return
    }
    beat.hung = false
    beat.silentMs = 0
    beat.runs = true
    const { conns = 0, cleared = 0 } = adopted ?? {}
    const took = `${Math.round(performance.now() - begun)} ms`
    const lost = cleared > 0 ? `, ${cleared} cleared` : ''
    const detail = `${counted(conns, 'connection')} taken over${lost}, in ${took}`
    this.#parts.tell({ ...named(index), state: 'restarted', reason: why, detail })
  }

  /** Times are of this thread, ms. */
  #look(now: number): void {
    const passed = now - this.#looked
    this.#looked = now
    // Who is late himself knows nothing of others.
    const isLate = passed > 2 * LOOK_MS
    for (const [index, beat] of this.#beats.entries()) {
      const turns = beat.turns[Gauge.TURNS] as number
      if (!beat.runs || isLate || turns !== beat.seen) beat.silentMs = 0
      else beat.silentMs += passed
      beat.seen = turns
      if (beat.silentMs >= HUNG_MS) void this.#end(index, beat)
    }
  }

  async #end(index: number, beat: Beat): Promise<void> {
    const seconds = (beat.silentMs / 1000).toFixed(1)
    beat.runs = false
    beat.hung = true
    beat.silentMs = 0
    const { threads, tell } = this.#parts
    const thread = threads[index] as RevivalParts['threads'][0]
    const detail = `no turn for ${seconds} s`
    tell({ ...named(index), state: 'hung', reason: HANGS, detail })
    if (!(await thread.kill())) thread.fail(`worker ${workerId(index)} hangs and cannot be ended`)
  }
}

const HANGS = 'it hangs'

function named(index: number): { worker: number; index: number } {
  return { worker: workerId(index), index }
}
