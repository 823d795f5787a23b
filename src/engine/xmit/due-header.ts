/** The header of the PROXY protocol that an RS is due: who the client of a conn is, and whom it has called, in their own family. */

import { headerBytes, PROXY_V1, PROXY_V2, ProxyWriter, V2_KIND } from '../../wire/proxy.ts'
import type { AddressBook } from '../address-book.ts'
import { CELL, HEADER, KEY, PROTOCOL_BITS, PROXY, RECORD } from '../conn-layout.ts'
import type { Parts } from '../parts.ts'

const { CIP, VIP, CLIENT_PORTS } = CELL
const { at: recordAt, column: columnAt } = RECORD
const { OFF, V1, V1_INSECURE } = PROXY
const { UDP, IPV6 } = KEY
/** Words of an address. */
const WORDS = 4

export class DueHeader {
  readonly writer = new ProxyWriter()
  readonly #cells: Int32Array
  readonly #wide: Int32Array
  readonly #book: AddressBook
  /** Source and destination of IPv6: as words, and as bytes. */
  readonly #words = new Int32Array(2 * WORDS)
  readonly #bytes = new DataView(new ArrayBuffer(8 * WORDS))

  constructor({ table, book }: Pick<Parts, 'table' | 'book'>) {
    this.#cells = table.cells
    this.#wide = table.wide
    this.#book = book
  }

  /** The proxy cell of a new conn whose IN tuple, of TCP and of one family, is filled, of a service with one of PROXY. */
  first(conn: number, mode: number, isSix: boolean): number {
    if (mode === OFF) return 0
    if (isSix) {
      this.make(conn, mode, IPV6)
      return HEADER.first(mode, this.writer.length)
    }
    const cells = this.#cells
    const at = recordAt(conn)
    const ports = cells[at | CLIENT_PORTS]
    return HEADER.first(mode, headerBytes(versionOf(mode), cells[at | CIP], cells[at | VIP], ports))
  }

  /** Makes that of a conn whose client's packets are looked up by `key`. */
  make(conn: number, mode: number, key: number): void {
    const cells = this.#cells
    const { writer } = this
    const at = recordAt(conn)
    const ports = cells[at | CLIENT_PORTS]
    const isV1 = versionOf(mode) === PROXY_V1
    const isUdp = (key & PROTOCOL_BITS) === UDP
    if (key >= IPV6) {
      this.#readEnds(conn)
      if (isV1) writer.v1Wide(this.#bytes, 0, 4 * WORDS, ports)
      else writer.v2Wide(isUdp ? V2_KIND.UDP6 : V2_KIND.TCP6, this.#words, ports)
    } else if (isV1) writer.v1(cells[at | CIP], cells[at | VIP], ports)
    else writer.v2(isUdp ? V2_KIND.UDP4 : V2_KIND.TCP4, cells[at | CIP], cells[at | VIP], ports)
  }

  #readEnds(conn: number): void {
    const words = this.#words
    const column = columnAt(conn)
    const vip = this.#cells[recordAt(conn) | VIP]
    for (let i = 0; i < WORDS; i++) {
      words[i] = this.#wide[column + i]
      words[WORDS + i] = this.#book.cell(vip, i)
    }
    for (let i = 0; i < 2 * WORDS; i++) this.#bytes.setInt32(4 * i, words[i])
  }
}

/** PROXY_V1 or PROXY_V2, of one of PROXY. */
export function versionOf(mode: number): number {
  return mode === V1 || mode === V1_INSECURE ? PROXY_V1 : PROXY_V2
}
