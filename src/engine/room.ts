/**
 * What becomes of connections when lports or records run short: from seven eighths on the oldest half-open connection makes room for
 * each new one, and a client that has more than its share of what is short gets no more. Looked at only when a connection
 * opens; what is established stays.
 */

import type { AddressBook } from './address-book.ts'
import type { ConnTable } from './conn.ts'
import { CELL, KEY, NO_LIP, RECORD } from './conn-layout.ts'
import { Drop } from './counters.ts'
import { HalfOpen } from './half-open.ts'
import { Holders } from './holders.ts'
import type { EngineOptions } from './options.ts'
import type { Parts } from './parts.ts'
import { SUB_POOLS, subPoolOf } from './sa-pool.ts'
import type { Lips, Service } from './service.ts'

const { CIP, RIP, RS_PORTS, BINDING } = CELL
const { at: recordAt, key: keyOf, column: columnAt } = RECORD
/** The group of those who have a record. */
const ALL = 0

export class Room {
  readonly halfOpen: HalfOpen
  /** Of records, all in one group, and of lports, in a group for each LIP and sub-pool. */
  readonly #recordHolders: Holders
  readonly #lportHolders: Holders
  readonly #table: ConnTable
  readonly #book: AddressBook
  readonly #lips: Lips
  readonly #makes: boolean
  readonly #share: number
  /** More records in use than these are a shortage. */
  readonly #mark: number

  constructor(parts: Parts, { makeRoom, clientShare, seed, udp }: EngineOptions) {
    const { table, lips, book } = parts
    this.#book = book
    this.halfOpen = new HalfOpen(parts, udp.timeoutMs)
    this.#recordHolders = new Holders(seed)
    this.#lportHolders = new Holders(seed)
    this.#table = table
    this.#lips = lips
    this.#makes = makeRoom
    this.#share = clientShare
    this.#mark = table.capacity - (table.capacity >> 3)
  }

  /** The client of the draft, which is to have this binding, has more than its share of what is short. */
  refuses(conn: number, binding: number): boolean {
    if (this.#share >= 1) return false
    const { capacity } = this.#table
    const client = this.#clientOf(conn, binding)
    if (this.#areLportsShort(conn)) {
      const { size } = this.#lips[this.#table.lip(conn)]
      const has = this.#lportHolders.of(client, this.#lportsOf(conn))
      if (has >= this.#share * Math.min(size, capacity)) return true
    }
    return this.#isTableShort && this.#recordHolders.of(client, ALL) >= this.#share * capacity
  }

  /** A connection more. */
  opened(conn: number): void {
    this.#hold(conn, 1)
  }

  /** One less; its record is still whole. */
  closing(conn: number): void {
    this.#hold(conn, -1)
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
    this.#recordHolders.clear()
    this.#lportHolders.clear()
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

  /** What its connections are counted by. */
  #clientOf(conn: number, binding: number): number {
    const { cells, wide } = this.#table
    if (keyOf(binding, 0) < KEY.IPV6) return cells[recordAt(conn) | CIP]
    const at = columnAt(conn)
    return this.#book.counted(wide[at], wide[at | 1])
  }

  #hold(conn: number, by: number): void {
    const client = this.#clientOf(conn, this.#table.cells[recordAt(conn) | BINDING])
    this.#recordHolders.add(client, ALL, by)
    this.#lportHolders.add(client, this.#lportsOf(conn), by)
  }

  /** => the group of those who have lports of the LIP and sub-pool that the conn has one of */
  #lportsOf(conn: number): number {
    const { cells } = this.#table
    const at = recordAt(conn)
    const sub = subPoolOf(cells[at | RIP], cells[at | RS_PORTS] >>> 16)
    return this.#table.lip(conn) * SUB_POOLS + sub
  }

  /** The lports that the conn has one of. */
  #areLportsShort(conn: number): boolean {
    const { cells } = this.#table
    const at = recordAt(conn)
    const place = this.#table.lip(conn)
    if (place === NO_LIP) return false
    return this.#lips[place].isShort(cells[at | RIP], cells[at | RS_PORTS] >>> 16)
  }

  get #isTableShort(): boolean {
    return this.#table.used > this.#mark
  }
}
