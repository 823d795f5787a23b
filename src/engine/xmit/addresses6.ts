/**
 * The addresses of a packet over IPv6 as those of the other tuple: words that the book has, a client's four out of the wide column, and those
 * of whom it speaks to by SNAT out of the syn column.
 */

import { diff16, fold, sumWords } from '../../wire/checksum.ts'
import { ADDRESS6_BYTES, IPV6, writeAddress6 } from '../../wire/ipv6.ts'
import { type AddressBook, sumOf } from '../address-book.ts'
import { AS_IS, BY_SNAT, CELL, METHOD_BITS, RECORD } from '../conn-layout.ts'
import type { Parts } from '../parts.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { VIP, RIP, LIP, BINDING } = CELL
const OF_CLIENT = AS_IS
const { of: recordOf, column: columnAt } = RECORD
const { SRC, DST } = IPV6
const BOTH = 2 * ADDRESS6_BYTES
const [METHODS, SNAT] = [METHOD_BITS, BY_SNAT]

export class Addresses6 {
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #far: Int32Array
  readonly #book: AddressBook

  constructor({ table, book }: Pick<Parts, 'table' | 'book'>) {
    this.#cells = table.cells
    this.#wide = table.wide
    this.#far = table.syn
    this.#book = book
  }

  /** Gives the packet of tuple t at `ip` those that it leaves with. => The difference for a checksum */
  translate(pkt: DataView, ip: number, t: number): number {
    const before = fold(sumWords(pkt, ip + SRC, BOTH))
    return diff16(before, fold(this.write(pkt, ip, t)))
  }

  /** Writes the addresses of a packet that has come as one of tuple t, and leaves. => Their unfolded sum */
  write(pkt: DataView, ip: number, t: number): number {
    const book = this.#book
    const at = recordOf(t)
    if ((this.#cells[at | BINDING] & METHODS) === SNAT) return this.#writeFar(pkt, ip, t)
    if ((t & 1) === 0) {
      const rip = this.#cells[at | RIP]
      book.write(pkt, ip + DST, rip)
      if ((this.#cells[at | BINDING] & OF_CLIENT) !== 0)
        return this.#writeClient(pkt, ip + SRC, t) + book.sum(rip)
      const lip = this.#cells[at | LIP]
      book.write(pkt, ip + SRC, lip)
      return book.sum(lip) + book.sum(rip)
    }
    const vip = this.#cells[at | VIP]
    book.write(pkt, ip + SRC, vip)
    return book.sum(vip) + this.#writeClient(pkt, ip + DST, t)
  }

  #writeClient(pkt: DataView, to: number, t: number): number {
    const from = columnAt(t >> 1)
    writeAddress6(pkt, to, this.#wide, from)
    return sumOf(this.#wide, from)
  }

  /** The same by SNAT: from our address to the far one, or from there to the client. */
  #writeFar(pkt: DataView, ip: number, t: number): number {
    const outward = (t & 1) === 1
    const from = columnAt(t >> 1)
    const far = sumOf(this.#far, from)
    writeAddress6(pkt, ip + (outward ? SRC : DST), this.#far, from)
    if (outward) {
      writeAddress6(pkt, ip + DST, this.#wide, from)
      return far + sumOf(this.#wide, from)
    }
    const lip = this.#cells[recordOf(t) | LIP]
    this.#book.write(pkt, ip + SRC, lip)
    return far + this.#book.sum(lip)
  }
}
