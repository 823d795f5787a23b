/**
 * Connections that were opened before a list changed, and that it refuses now: each is judged once, by a walk over the table, some
 * every millisecond (as cuts.ts), and ends. What a client hears of it is what DPVS would say, nothing; its RS is told by a RST.
 */

import { PROTO } from '../wire/ipv4.ts'
import type { ConnTable } from './conn.ts'
import { CELL, familyOfKey, KEY, PROTOCOL_BITS, RECORD } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { END_RESERVE, type Frames } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Resets } from './resets.ts'
import type { Services } from './services.ts'

/** Per millisecond, at most: connections that are ended, and records that are looked at, some 50 us. */
const ENDS = 8
const LOOKS = 512

const { CIP, VIP, CLIENT_PORTS, BINDING } = CELL
const { at: recordAt, key: keyOf, column: columnAt } = RECORD

export interface AclWalkImage {
  at: number
  end: number
  left: number
  now: number
}

export class AclWalk {
  readonly #conns: Conns
  readonly #table: ConnTable
  readonly #resets: Resets
  readonly #frames: Frames
  readonly #services: Services
  #at = 0
  /** Behind the last record that was in use when the walk began: there it goes on with the first. */
  #end = 0
  /** Records that the walk has before it. */
  #left = 0
  #now: number

  constructor(
    { table, frames }: Parts,
    conns: Conns,
    resets: Resets,
    services: Services,
    now: number,
  ) {
    this.#conns = conns
    this.#table = table
    this.#resets = resets
    this.#frames = frames
    this.#services = services
    this.#now = now
  }

  get busy(): boolean {
    return this.#left > 0
  }

  /** A list, or who uses it, has changed: all that is there is looked at, from wherever the last walk ended. */
  begin(): void {
    if (!this.#services.all().some(({ acl }) => acl?.cuts)) return
    this.#end = this.#table.top
    this.#left = this.#end
  }

  /** A part of the walk, at most once a ms. */
  turn(now: number): void {
    if (this.#left === 0 || now === this.#now) return
    this.#now = now
    let looks = LOOKS
    for (let ends = 0; ends < ENDS && looks > 0 && this.#left > 0; looks--) {
      if (this.#frames.free < END_RESERVE) return
      if (this.#at >= this.#end) this.#at = 0
      const conn = this.#at++
      this.#left--
      if (!this.#table.inUse(conn) || !this.#isRefused(conn)) continue
      this.#resets.refused(conn, this.#conns.isHeld(conn), now)
      this.#conns.cut(conn, now)
      ends++
    }
  }

  #isRefused(conn: number): boolean {
    const { cells, wide } = this.#table
    const at = recordAt(conn)
    const key = keyOf(cells[at | BINDING], 0)
    const protocol = (key & PROTOCOL_BITS) === KEY.UDP ? PROTO.UDP : PROTO.TCP
    const port = cells[at | CLIENT_PORTS] & 0xffff
    const service = this.#services.find(protocol, cells[at | VIP], port, familyOfKey(key))
    const acl = service?.acl ?? null
    if (acl === null || !acl.cuts) return false
    return key < KEY.IPV6 ? acl.refuses(cells[at | CIP]) : acl.refuses6(wide, columnAt(conn))
  }

  save(): AclWalkImage {
    return { at: this.#at, end: this.#end, left: this.#left, now: this.#now }
  }

  restore({ at, end, left, now }: AclWalkImage): void {
    this.#at = at
    this.#end = end
    this.#left = left
    this.#now = now
  }
}
