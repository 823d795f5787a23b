/**
 * Connections that are to end before their time, because their RS is down, gone or drained: a few every millisecond, so that
 * whoever shares the CPU, and the ends that connect again, are not met by all of them at once. The table of connections is
 * walked once from wherever the last walk ended; an RS that is being cut gets no new ones meanwhile.
 */

import { AclWalk, type AclWalkImage } from './acl-walk.ts'
import type { ConnTable } from './conn.ts'
import type { Conns } from './conns.ts'
import { END_RESERVE, type Frames } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Rates } from './rates.ts'
import type { Resets } from './resets.ts'
import type { Services } from './services.ts'

/** Per millisecond: connections that are ended, 8,000 a second, and records that are looked at, some 10 us. */
const CUTS = 8
const LOOKS = 1024

export interface CutsImage {
  places: number[]
  at: number
  end: number
  left: number
  now: number
  acl: AclWalkImage
}

export class Cuts {
  /** Those that a list has come to refuse. */
  readonly acl: AclWalk
  /** What is forgotten of clients' rates, with what else goes on every ms. */
  readonly #rates: Rates
  readonly #conns: Conns
  readonly #table: ConnTable
  readonly #resets: Resets
  readonly #frames: Frames
  /** By place of the RS. */
  readonly #marks: Uint8Array
  #at = 0
  /** Behind the last record that was in use when the walk began: there the walk goes on with the first. */
  #end = 0
  /** Records that the walk has before it; 0 when nothing is to be cut. */
  #left = 0
  /** The ms of the last turn. */
  #now: number

  constructor(parts: Parts, conns: Conns, resets: Resets, services: Services, now: number) {
    const { table, frames, dests } = parts
    this.#rates = parts.rates
    this.acl = new AclWalk(parts, conns, resets, services, now)
    this.#conns = conns
    this.#table = table
    this.#resets = resets
    this.#frames = frames
    this.#marks = new Uint8Array(dests.capacity)
    this.#now = now
  }

  get busy(): boolean {
    return this.#left > 0 || this.acl.busy
  }

  /** The connections of this RS shall end. */
  begin(place: number): void {
    const { top } = this.#table
    if (top === 0) return
    this.#marks[place] = 1
    this.#end = top
    this.#left = top
  }

  /** Those that are left may live. */
  stop(place: number): void {
    this.#marks[place] = 0
  }

  /**
   * Ends some of them, at most once a ms. A conn that the RS has not answered yet ends in silence: the client's next SYN
   * may find another RS.
   */
  turn(now: number): void {
    this.acl.turn(now)
    this.#rates.sweep(now)
    if (this.#left === 0 || now === this.#now) return
    this.#now = now
    let looks = LOOKS
    for (let cuts = 0; cuts < CUTS && looks > 0 && this.#left > 0; looks--) {
      if (this.#frames.free < END_RESERVE) return
      const conn = this.#next()
      if (conn < 0) continue
      if (this.#conns.isHeld(conn)) this.#resets.cut(conn, now)
      this.#conns.cut(conn, now)
      cuts++
    }
  }

  /** The next record of the walk. => its conn if that is to end, or -1 */
  #next(): number {
    if (this.#at >= this.#end) this.#at = 0
    const conn = this.#at++
    const cut = this.#table.inUse(conn) && this.#marks[this.#table.dest(conn)] === 1
    if (--this.#left === 0) this.#marks.fill(0)
    return cut ? conn : -1
  }

  save(): CutsImage {
    const places: number[] = []
    const marks = this.#marks
    for (let at = marks.indexOf(1); at >= 0; at = marks.indexOf(1, at + 1)) places.push(at)
    return {
      places,
      at: this.#at,
      end: this.#end,
      left: this.#left,
      now: this.#now,
      acl: this.acl.save(),
    }
  }

  restore({ places, at, end, left, now, acl }: CutsImage): void {
    for (const place of places) this.#marks[place] = 1
    this.#at = at
    this.#end = end
    this.#left = left
    this.#now = now
    this.acl.restore(acl)
  }
}
