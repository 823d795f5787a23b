/**
 * What becomes of connections when lports or records run short: from seven eighths on the oldest half-open connection makes room for
 * each new one, and a client that has more than its share of what is short gets no more. Looked at only when a connection
 * opens; what is established stays.
 */

import type { ConnTable } from './conn.ts'
import { CELL, RECORD } from './conn-layout.ts'
import { Drop } from './counters.ts'
import { HalfOpen } from './half-open.ts'
import { Holders } from './holders.ts'
import type { EngineOptions } from './options.ts'
import type { Parts } from './parts.ts'
import type { Lips, Service } from './service.ts'

const { CIP, RIP, RS_PORTS } = CELL
const { at: recordAt } = RECORD

export class Room {
  readonly halfOpen: HalfOpen
  readonly #holders: Holders
  readonly #table: ConnTable
  readonly #lips: Lips
  readonly #makes: boolean
  readonly #share: number
  /** More records in use than these are a shortage. */
  readonly #mark: number

  constructor(parts: Parts, { makeRoom, clientShare, seed, udp }: EngineOptions) {
    const { table, lips } = parts
    this.halfOpen = new HalfOpen(parts, udp.timeoutMs)
    this.#holders = new Holders(seed)
    this.#table = table
    this.#lips = lips
    this.#makes = makeRoom
    this.#share = clientShare
    this.#mark = table.capacity - (table.capacity >> 3)
  }

  /** The draft's client has more than its share of what is short. */
  refuses(conn: number): boolean {
    if (this.#share >= 1) return false
    const isShort = this.#areLportsShort(conn)
    if (!isShort && !this.#isTableShort) return false
    const { cells, capacity } = this.#table
    const { size } = this.#lips[this.#table.lip(conn)]
    const has = this.#holders.of(cells[recordAt(conn) | CIP])
    return has >= this.#share * (isShort ? Math.min(size, capacity) : capacity)
  }

  /** A connection more. */
  opened(conn: number): void {
    this.#holders.add(this.#table.cells[recordAt(conn) | CIP], 1)
  }

  /** One less; its record is still whole. */
  closing(conn: number): void {
    this.#holders.add(this.#table.cells[recordAt(conn) | CIP], -1)
    this.halfOpen.remove(conn)
  }

  /** The conn has been opened and does not wait yet. => The one that makes room for it, or -1 */
  oneFor(conn: number, now: number): number {
    if (!this.#makes) return -1
    if (this.#areLportsShort(conn)) {
      const oldest = this.halfOpen.oldestBeside(conn, now)
      if (oldest >= 0) return oldest
    }
    return this.#isTableShort ? this.halfOpen.oldest(now) : -1
  }

  /** `refusal` is minus the reason for which the service got no connection. => The one without which it may get it, or -1 */
  oneBefore(refusal: number, { lips }: Service, now: number): number {
    if (!this.#makes) return -1
    if (refusal === -Drop.CONN_TABLE_FULL) return this.halfOpen.oldest(now)
    return refusal === -Drop.LPORT_EXHAUSTED ? this.halfOpen.oldestOfExhausted(lips, now) : -1
  }

  /** From the records, and those that wait in the order of an image, or by their age. */
  restore(waiting: Int32Array | null, now: number): void {
    const { top } = this.#table
    this.#holders.clear()
    this.halfOpen.clear()
    const found: number[] = []
    for (let conn = 0; conn < top; conn++) {
      if (!this.#table.inUse(conn)) continue
      this.opened(conn)
      if (waiting === null && this.halfOpen.waits(conn)) found.push(conn)
    }
    if (waiting === null) this.halfOpen.adopt(found, now)
    else this.halfOpen.restore(waiting)
  }

  /** The lports that the conn has one of. */
  #areLportsShort(conn: number): boolean {
    const { cells } = this.#table
    const at = recordAt(conn)
    return this.#lips[this.#table.lip(conn)].isShort(cells[at | RIP], cells[at | RS_PORTS] >>> 16)
  }

  get #isTableShort(): boolean {
    return this.#table.used > this.#mark
  }
}
