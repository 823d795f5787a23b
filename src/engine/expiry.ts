/** Connections whose time is over. */

import { CELL, RECORD } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { END_RESERVE, type Frames } from './frames.ts'
import type { Resets } from './resets.ts'
import type { SynProxy } from './syn-proxy.ts'

/**
 * Connections ended per tick while the wheel is on time, and at most; each slot of the wheel that it is late doubles it.
 * After 28 thousand new connections a second a slot holds 1800. Ended all at once they kept whoever shares the CPU
 * waiting for the scheduler's slice: 1.4 ms at the 99th percentile of a server's latency. 8 take some 5 us.
 */
const EXPIRIES_ON_TIME = 8
const EXPIRIES_MOST = 1024

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { DEADLINE } = CELL
const { at: recordAt } = RECORD

export class Expiry {
  readonly #frames: Frames
  readonly #conns: Conns
  readonly #resets: Resets
  readonly #synProxy: SynProxy

  constructor(frames: Frames, conns: Conns, resets: Resets, synProxy: SynProxy) {
    this.#frames = frames
    this.#conns = conns
    this.#resets = resets
    this.#synProxy = synProxy
  }

  /** Ends some of them. => ms until it wants to be called again, at most `longest` */
  turn(now: number, longest: number): number {
    const { wheel } = this.#conns
    let most = EXPIRIES_ON_TIME
    for (let ended = 0; ended < most; ended++) {
      if (this.#frames.free < END_RESERVE) return 0
      const conn = this.#overdue(now)
      if (conn < 0) return wheel.sleep(now, longest)
      if (ended === 0) most = Math.min(EXPIRIES_MOST, most << wheel.late(now))
      if (this.#synProxy.goesOn(conn, now)) continue
      if (this.#conns.isEstablished(conn) && !this.#conns.isOneWay(conn))
        this.#resets.both(conn, now)
      this.#conns.end(conn, now)
    }
    return 1
  }

  /** The next conn whose time is over, still whole and linked, or -1; the caller ends it. */
  #overdue(now: number): number {
    const conns = this.#conns
    const { wheel, table } = conns
    for (;;) {
      const conn = wheel.due(now)
      conns.due = conn
      if (conn < 0) return -1
      const deadline = table.cells[recordAt(conn) | DEADLINE]
      if (((deadline - now) | 0) <= 0) return conn
      wheel.file(conn, deadline)
    }
  }
}
