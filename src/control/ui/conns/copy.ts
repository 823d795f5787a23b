/**
 * A copy of the connection tables of all workers: the cells of the records that somebody may ask for, an array each, so
 * that a question about one of them runs over that array alone. 96 bytes a connection.
 */

import { CELL } from '../../../engine/conn-layout.ts'
import { PAGE_AGE, PAGE_REST, RECORD_CELLS } from '../../threads/snapshots.ts'

const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = CELL
const { WORD, BINDING, RST_SEQ, RST_ACK } = CELL

export const COPIED = {
  CLIENT: CIP,
  VIP,
  /** client << 16 | VIP */
  CLIENT_PORTS,
  AGE: PAGE_AGE,
  RS: RIP,
  LIP,
  /** RS << 16 | LIP */
  RS_PORTS,
  WORD,
  BINDING,
  RST_SEQ,
  RST_ACK,
} as const

/** A cell that no record of a page has anything in, for the worker. */
export const WORKER = CELL.OUT_NEXT

/** Words of addresses of IPv6 beside the last one. */
const REST = Object.values(PAGE_REST).flatMap(at => [at, at + 1, at + 2])

const CELLS = [...Object.values(COPIED), WORKER, ...REST]

export class Copy {
  /** By cell; `cells[cell][row]`. */
  readonly #columns: Int32Array[] = []
  #capacity = 0
  /** Rows. */
  count = 0
  /** An address of IPv6 is in it. */
  isWide = false
  /** ms since 1970 at which it was whole; 0 as long as it is not. */
  atMs = 0

  /** Begins anew; about `rows` are to come. */
  clear(rows: number): void {
    this.count = 0
    this.isWide = false
    this.atMs = 0
    if (rows > this.#capacity || rows < this.#capacity >> 2) this.#resize(Math.max(rows, 1024))
  }

  /** Adds `count` records of a page of `worker`. */
  add(page: Int32Array, count: number, worker: number): void {
    const { count: first } = this
    if (first + count > this.#capacity) this.#resize(Math.ceil((first + count) * 1.5))
    for (const cell of CELLS) {
      const column = this.column(cell)
      if (cell === WORKER) column.fill(worker, first, first + count)
      else
        for (let i = 0; i < count; i++) column[first + i] = page[i * RECORD_CELLS + cell] as number
    }
    this.count = first + count
    for (let at = 0; at < count && !this.isWide; at++)
      this.isWide = REST.some(cell => page[at * RECORD_CELLS + cell] !== 0)
  }

  /** All rows of one cell; behind `count` there is nothing. */
  column(cell: number): Int32Array {
    return this.#columns[cell] as Int32Array
  }

  /** `rows` as a page of records, as copyConns makes it, with the worker in WORKER. */
  page(rows: Uint32Array): Int32Array {
    const page = new Int32Array(rows.length * RECORD_CELLS)
    for (const cell of CELLS) {
      const column = this.column(cell)
      for (let i = 0; i < rows.length; i++)
        page[i * RECORD_CELLS + cell] = column[rows[i] as number] as number
    }
    return page
  }

  #resize(capacity: number): void {
    for (const cell of CELLS) {
      const next = new Int32Array(capacity)
      const before = this.#columns[cell]
      if (before) next.set(before.subarray(0, this.count))
      this.#columns[cell] = next
    }
    this.#capacity = capacity
  }
}
