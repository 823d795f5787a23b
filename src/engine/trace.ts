/**
 * What the engine tells about itself: fixed records of integers in a ring that somebody else reads and puts into
 * words. The engine never formats text. Debug events cost one branch when they are off; warnings are always written.
 *
 *   record   [kind, time ms, a, b, c, d, e, f, g, h, i, j]    12 int32
 *   control  [written, read]                                  free-running record counts; one writer, one reader
 */

import { type FlightRing, Want } from './flight.ts'

export const RECORD_CELLS = 12

/** Kinds, with what a, b, c ... hold. `ports` is source << 16 | destination; addresses are int32. */
export const TraceKind = {
  /** protocol, saddr, daddr, ports, hit (1) or miss (0) */
  LOOKUP: 1,
  /** lip, lport, LIPs that were tried before it, lports left free towards the RS */
  LPORT_FETCHED: 2,
  /** protocol, cip, vip, cport:vport, lip, rip, rport:lport, refs, delta of sequence numbers */
  CONN_NEW: 3,
  /** the same up to refs, state that it ended in, one of Over */
  CONN_DEL: 4,
  /** protocol, dir, TCP flags, cip, rip, cport, rport, old state, new state, refs */
  STATE: 5,
  /** old state, new state, address, arm */
  NEIGH: 6,
  /** protocol, saddr, daddr, ports, TCP flags: refused by the scheduler because it is no SYN */
  NOT_SYN: 7,
  /** protocol, saddr, daddr, ports, drop reason: a SYN to a service that was refused */
  REFUSED: 8,
  /** cip, vip, cport:vport, lip, rip, rport:lport, event (why) */
  TOA_FAILED: 9,
  /** cip, vip, cport:vport, rip, rport, weight, RSs of the service, one of Chosen */
  SCHEDULED: 16,
  /** cip, vip, cport:vport, lip, rip, rport:lport, one of Reset: both ends were sent an RST */
  RESET: 17,
  /** pair of the frame that was parked, drop reason */
  PARKED_DROP: 18,
  /** cip, vip, cport:vport, lip, rip, rport:lport: the RS was sent an RST, its client has begun another connection */
  RESET_RS: 24,
  /** cip, vip, cport:vport, lip, rip, rport:lport, state before: another connection goes on with all that one had */
  CONN_KEPT: 25,
  /** address, arm, MAC first 16 bits, MAC last 32 bits: warning, a stranger claims our address */
  ADDRESS_CLAIMED: 32,
  /** address, arm, packets dropped: warning, nobody answered */
  NEIGH_FAILED: 33,
  /** address, arm, old MAC (2), new MAC (2): information */
  NEIGH_MOVED: 34,
} as const

/** Kinds from here up to ALWAYS are for the flight recorder alone: the log keeps to DPVS's lines. */
const RECORDED = 16
/** Kinds from this one on are for the log, whatever its level is. */
const ALWAYS = 32

/** Why an RS was taken. */
export const Chosen = {
  SCHEDULER: 0,
  /** A persistent service's client had been there before. */
  PERSISTENCE: 1,
} as const

/** Why a connection is over: its timer ran out, another one took its place, or it was ended before its time. */
export const Over = { TIMER: 0, REPLACED: 1, CUT: 2 } as const

/** Why both ends of a connection are reset. */
export const Reset = { EXPIRY: 0, CUT: 1 } as const

// A number of this module's own: V8 compiles it in, and loads and checks what is imported at every use.
const { MOMENTS } = Want

export class TraceRing {
  readonly #records: Int32Array
  readonly #control: Int32Array
  readonly #mask: number
  /** Debug events are wanted, by the log or the flight recorder; the packet path tests it before it writes any of them. */
  debug = false
  /** The log wants them. */
  #logged = false
  /** Where everything that is said goes as well while somebody wants it. */
  #flight: FlightRing | null = null
  /** Records that found the ring full. */
  lost = 0

  static bytesFor(records: number): number {
    return 8 + records * RECORD_CELLS * 4
  }

  /** `memory` (shared between writer and reader) needs bytesFor(records) bytes; records is a power of two. */
  constructor(memory: ArrayBufferLike, records: number) {
    this.#control = new Int32Array(memory, 0, 2)
    this.#records = new Int32Array(memory, 8, records * RECORD_CELLS)
    this.#mask = records - 1
  }

  /** The log wants debug events, or does not. To be called between bursts. */
  log(wanted: boolean): void {
    this.#logged = wanted
    this.settle()
  }

  /** The recorder hears everything from now on that is said while it is wanted. */
  record(flight: FlightRing): void {
    this.#flight = flight
    this.settle()
  }

  /** Looks who wants debug events; between bursts. */
  settle(): void {
    this.debug = this.#logged || (this.#flight !== null && (this.#flight.wanted & MOMENTS) !== 0)
  }

  // biome-ignore format: one record, one line
  write(kind: number, now: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0): void {
    if (this.#flight !== null && (this.#flight.wanted & MOMENTS) !== 0) {
      this.#flight.said(kind, now, a, b, c, d, e, f, g, h, i, j)
    }
    if (kind < ALWAYS && (kind >= RECORDED || !this.#logged)) return
    const written = this.#control[0]
    if (((written - Atomics.load(this.#control, 1)) | 0) > this.#mask) {
      this.lost++
      return
    }
    const at = (written & this.#mask) * RECORD_CELLS
    const r = this.#records
    r[at] = kind
    r[at + 1] = now
    r[at + 2] = a
    r[at + 3] = b
    r[at + 4] = c
    r[at + 5] = d
    r[at + 6] = e
    r[at + 7] = f
    r[at + 8] = g
    r[at + 9] = h
    r[at + 10] = i
    r[at + 11] = j
    Atomics.store(this.#control, 0, (written + 1) | 0)
  }

  /** Copies the oldest record to `into` (RECORD_CELLS cells) and frees it; false if there is none. For the reader. */
  read(into: Int32Array): boolean {
    const read = this.#control[1]
    if (read === Atomics.load(this.#control, 0)) return false
    const at = (read & this.#mask) * RECORD_CELLS
    for (let i = 0; i < RECORD_CELLS; i++) into[i] = this.#records[at + i]
    Atomics.store(this.#control, 1, (read + 1) | 0)
    return true
  }
}
