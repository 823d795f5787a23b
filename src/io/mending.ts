/**
 * What becomes of an exception on a packet thread: a mistake of ours, which must cost the frame at hand and nothing else. It is
 * counted and told of, with the frame. Before the thread sleeps again, slots that were in nobody's hands any more are free, and
 * what is known of connections is made anew of their records (engine/adopt.ts).
 *
 * Until then the slot of a frame whose judging was broken off is left alone: the engine may have parked it, sent it, or
 * released it before, and only when all outboxes are written can anybody tell.
 */

import { performance } from 'node:perf_hooks'
import { mendEngine } from '../engine/adopt.ts'
import { Drop, Event } from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import type { Exchange } from './exchange.ts'
import type { Port } from './port.ts'
import type { Watch } from './watch.ts'

/** Told of in a second: the next ones are only counted. */
const TOLD = 8
/** Places in the code whose exceptions are counted apart; what comes from any other is told of as one of them. */
const PLACES = 64
/** Of a frame, virtio-net header included; of the words. */
const FRAME_BYTES = 512
const STACK_LINES = 8
const TEXT_MOST = 300
/**
 * All that is known of connections is made anew of their records, but not more often than once in so many ms, and not for more than
 * this part of the time: of a million connections it takes some 80 ms.
 */
const BOOKS_MS = 1000
const BOOKS_PART = 50

/** An exception, in words. */
export interface Fault {
  /** Where it was thrown, as the stack's first line says it: function and file:line:column. */
  place: string
  /** How often it was thrown there since the thread began, this one included. */
  count: number
  message: string
  /** Lines, the innermost first. */
  stack: string[]
  /** What was being done: judging a frame, a timer ... */
  doing: string
  /** ms since 1970. */
  at: number
  /** That the frame came in on, by index; -1 without a frame. */
  arm: number
  /** Of the frame as the exception left it, the first ones; from the virtio-net header on. */
  bytes: Uint8Array
  /** Of the whole frame, with the virtio-net header. */
  length: number
}

export interface MendingParts {
  engine: Engine
  ports: readonly Port[]
  exchange: Exchange | null
  watch: Watch
  /** Told of TOLD faults in a second at most. */
  tell(fault: Fault): void
}

export class Mending {
  readonly #parts: MendingParts
  readonly #counts = new Map<string, number>()
  readonly #marks: Uint8Array
  #due = false
  #told = 0
  #second = 0
  #nextBooks: number | undefined

  constructor(parts: MendingParts) {
    this.#parts = parts
    this.#marks = new Uint8Array(parts.engine.frames.allSlots)
  }

  /** Judging the frame in `slot`, which came in on the arm of that index, was broken off: nobody is to touch the slot any more. */
  frame(error: unknown, arm: number, slot: number): void {
    const { engine, watch } = this.#parts
    const { frames, counters } = engine
    counters.count(Event.ENGINE_FAULTS)
    counters.rxDrop(arm, Drop.ENGINE_ERROR, slot)
    if (watch.on) watch.broken(slot, Drop.ENGINE_ERROR)
    this.#due = true
    const length = frames.length[slot] as number
    const from = frames.start[slot] as number
    const end = from + Math.max(0, Math.min(length, FRAME_BYTES))
    this.#tell(error, 'judging a frame', arm, length, () => frames.bytes.slice(from, end))
  }

  /** Something else was: `doing` says what. */
  other(error: unknown, doing: string): void {
    this.#parts.engine.counters.count(Event.ENGINE_FAULTS)
    this.#due = true
    this.#tell(error, doing, -1, 0, () => new Uint8Array(0))
  }

  /** Something was broken off since the last mend(). */
  get isDue(): boolean {
    return this.#due
  }

  /** To be called when all outboxes are written; and flush() afterwards, for slots that go home. */
  mend(now: number): void {
    const { engine } = this.#parts
    this.#salvage()
    if (this.#nextBooks !== undefined && ((now - this.#nextBooks) | 0) < 0) return
    this.#due = false
    const begun = performance.now()
    mendEngine(engine, now)
    const pause = Math.max(BOOKS_MS, BOOKS_PART * (performance.now() - begun))
    this.#nextBooks = (now + Math.trunc(pause)) | 0
  }

  /** Releases the slots that nobody has. */
  #salvage(): void {
    const { engine, ports, exchange } = this.#parts
    const { frames, neighs, reassembly } = engine
    const marks = this.#marks.fill(0)
    frames.markFree(marks)
    for (const { slots, ready, impair } of ports) {
      for (let i = 0; i < ready; i++) marks[slots[i] as number] = 1
      impair?.mark(marks)
    }
    neighs.parking.mark(marks)
    reassembly.mark(marks)
    engine.conns.held.mark(marks)
    exchange?.markElsewhere(marks)
    for (let slot = 0; slot < marks.length; slot++) if (marks[slot] === 0) frames.release(slot)
  }

  #tell(error: unknown, doing: string, arm: number, length: number, bytes: () => Uint8Array): void {
    const { message, lines } = wordsOf(error)
    const first = (lines[0] ?? 'somewhere').replace(/^at /, '')
    const place = this.#counts.size < PLACES || this.#counts.has(first) ? first : 'elsewhere'
    const count = (this.#counts.get(place) ?? 0) + 1
    this.#counts.set(place, count)
    const at = Date.now()
    const second = Math.trunc(at / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#told = 0
    }
    if (++this.#told > TOLD) return
    this.#parts.tell({
      place,
      count,
      message,
      stack: lines,
      doing,
      at,
      arm,
      bytes: bytes(),
      length,
    })
  }
}

/** Anything may be thrown. */
function wordsOf(error: unknown): { message: string; lines: string[] } {
  if (!(error instanceof Error)) return { message: String(error).slice(0, TEXT_MOST), lines: [] }
  const lines = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  return {
    message: `${error.name}: ${error.message}`.slice(0, TEXT_MOST),
    lines: lines.slice(0, STACK_LINES).map(line => short(line).slice(0, TEXT_MOST)),
  }
}

/** Without the folders that the program lies in. */
function short(line: string): string {
  return line.trim().replace(/file:\/\/\S*?\/(?=(?:src|test)\/|[^/]*:\d+:\d+)/, '')
}
