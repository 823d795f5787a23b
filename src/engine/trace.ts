/**
 * Where the engine tells about itself: a record of integers at a time, described in trace-kinds.ts and written by say.ts, for
 * the log's ring and for the flight recorder. Others put it into words; the engine never formats text. Debug events cost one
 * branch when they are off; warnings are always written.
 */

import type { AddressBook } from './address-book.ts'
import { type FlightRing, Want } from './flight.ts'
import { Ring } from './ring.ts'
import { Heard, RECORD_CELLS, TRACE_CELLS, TRACE_HEARD } from './trace-kinds.ts'

/** Why an RS was taken. */
export const Chosen = {
  SCHEDULER: 0,
  /** A persistent service's client had been there before. */
  PERSISTENCE: 1,
  /** The datagram's connection ID of QUIC names it. */
  CONNECTION_ID: 2,
} as const

/** Why a connection is over: its timer ran out, another one took its place, or it was ended before its time. */
export const Over = { TIMER: 0, REPLACED: 1, CUT: 2 } as const

/** Why both ends of a connection are reset. */
export const Reset = { EXPIRY: 0, CUT: 1 } as const

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { MOMENTS } = Want
const { RECORDED, ALWAYS } = Heard

export class TraceRing {
  /** What is said next: all fields of its kind are written here, then say() is told which kind it is. */
  readonly record = new Int32Array(RECORD_CELLS)
  /** Debug events are wanted, by the log or the flight recorder; the packet path tests it before it writes any of them. */
  debug = false
  /** What words of IPv6 stand for, and the addresses of clients; for say.ts. */
  book: AddressBook | null = null
  wide: Int32Array = new Int32Array(0)
  /** Addresses of whom hosts inside speak to (conn-layout.ts). */
  far: Int32Array = new Int32Array(0)
  readonly #ring: Ring
  /** The log wants them. */
  #logged = false
  /** Where everything that is said goes as well while somebody wants it. */
  #flight: FlightRing | null = null
  /** Records that found the ring full. */
  lost = 0

  static bytesFor(records: number): number {
    return Ring.bytes(records, RECORD_CELLS)
  }

  /** `memory` (shared between writer and reader) needs bytesFor(records) bytes; records is a power of two. */
  constructor(memory: ArrayBufferLike, records: number) {
    this.#ring = new Ring(memory, records, RECORD_CELLS)
  }

  /** The log wants debug events, or does not. To be called between bursts. */
  log(wanted: boolean): void {
    this.#logged = wanted
    this.settle()
  }

  /** The recorder hears everything from now on that is said while it is wanted. */
  listen(flight: FlightRing): void {
    this.#flight = flight
    this.settle()
  }

  /** Looks who wants debug events; between bursts. */
  settle(): void {
    this.debug = this.#logged || (this.#flight !== null && (this.#flight.wanted & MOMENTS) !== 0)
  }

  /** The record has been written, and is one of `kind`. */
  say(kind: number): void {
    const { record } = this
    record[0] = kind
    const cells = TRACE_CELLS[kind]
    if (this.#flight !== null && (this.#flight.wanted & MOMENTS) !== 0) {
      this.#flight.said(record, cells)
    }
    const heard = TRACE_HEARD[kind]
    if (heard !== ALWAYS && (heard === RECORDED || !this.#logged)) return
    const ring = this.#ring
    if (ring.isFull) {
      this.lost++
      return
    }
    const at = ring.next
    for (let i = 0; i < cells; i++) ring.cells[at + i] = record[i]
    ring.publish()
  }

  /** Copies the oldest record to `into` (RECORD_CELLS cells) and frees it; false if there is none. For the reader. */
  read(into: Int32Array): boolean {
    return this.#ring.read(into)
  }
}
