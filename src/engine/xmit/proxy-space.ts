/**
 * The numbers of a stream that has a header of the PROXY protocol in front (semantics 3.8). The client knows nothing of the
 * header, so its number of a byte and the RS's are apart by more behind the header than before it:
 *
 *   client                ISN+1 ......... ISN+1+taken ............        number
 *                           |   its own header  |
 *   RS             first ......................... first+bytes ...        number, delta and what the header adds
 *
 * Delta knows of the header that the client is due from the beginning (`known` bytes): `first` is ISN + 1 + delta - known, and behind
 * the header all moves by delta alone, unless the client has sent a header of its own (`more`). Nothing else tells a segment that
 * begins the stream from another one but its number: it has the header whenever it comes, and no other one ever does.
 *
 * When the RS has acknowledged the header no segment that needs it is under way any more, and the connection is one like any other.
 */

import type { ConnTable } from '../conn.ts'
import { CELL, COLD, HEADER, HEADER_DUE, RECORD } from '../conn-layout.ts'
import { State } from '../tcp-state.ts'

const { DELTA, BINDING, RST_ACK, RST_SEQ, RS_ISN1 } = CELL
const { CLIENT_ISN, PROXY } = COLD
const { at: recordAt, column: columnAt } = RECORD
const { known: knownOf, bytes: bytesOf, taken: takenOf, isAcked, isDecided } = HEADER

export class ProxySpace {
  readonly #cells: Int32Array
  readonly #cold: Int32Array

  constructor({ cells, cold }: ConnTable) {
    this.#cells = cells
    this.#cold = cold
  }

  isDue(conn: number): boolean {
    return (this.#cells[recordAt(conn) | BINDING] & HEADER_DUE) !== 0
  }

  /** The cell that says all of it. */
  cell(conn: number): number {
    return this.#cold[columnAt(conn) | PROXY]
  }

  setCell(conn: number, cell: number): void {
    this.#cold[columnAt(conn) | PROXY] = cell
  }

  /** Bytes from the client's first one to the byte with this number of its own. */
  offset(conn: number, number: number): number {
    return (number - this.#cold[columnAt(conn) | CLIENT_ISN] - 1) | 0
  }

  /** The RS's number of the first byte. */
  first(conn: number): number {
    const isn = this.#cold[columnAt(conn) | CLIENT_ISN]
    return (isn + 1 + this.#cells[recordAt(conn) | DELTA] - knownOf(this.cell(conn))) | 0
  }

  /** What the RS has acknowledged of the header so far. */
  acknowledged(conn: number): number {
    const ahead = (this.#cells[recordAt(conn) | RST_ACK] - this.first(conn)) | 0
    return Math.max(0, Math.min(ahead, bytesOf(this.cell(conn))))
  }

  /** What is to be added to a number of the RS so that less delta it is the client's. */
  back(conn: number, number: number): number {
    const cell = this.cell(conn)
    const known = knownOf(cell)
    if (isAcked(cell)) return -moreOf(cell)
    const ahead = (number - this.first(conn)) | 0
    if (ahead <= 0) return known
    const bytes = bytesOf(cell)
    return ahead < bytes ? known - ahead : -moreOf(cell)
  }

  /** The RS has acknowledged the header: all that is said from now on lies behind it. One store says so, whatever comes between. */
  settle(conn: number): void {
    const cell = this.cell(conn)
    if (isAcked(cell) || !isDecided(cell) || this.acknowledged(conn) < bytesOf(cell)) return
    if (moreOf(cell) === 0) this.#cells[recordAt(conn) | BINDING] &= ~HEADER_DUE
    else this.setCell(conn, HEADER.acked(cell))
  }

  /** The conn has its header, or will have none. */
  done(conn: number): void {
    this.#cells[recordAt(conn) | BINDING] &= ~HEADER_DUE
  }

  /** Bytes of the header that delta knows of: 0 of a conn without. */
  known(conn: number): number {
    return knownOf(this.cell(conn))
  }

  /** Bytes of the header that the RS gets, or is to get. */
  headerBytes(conn: number): number {
    return bytesOf(this.cell(conn))
  }

  /**
   * A SYN of the client with this number, which has found the state `before`, is to be believed. Once the RS has answered one, that is
   * the right one.
   */
  begin(conn: number, isn: number, before: number, isAnswered: boolean): void {
    const at = columnAt(conn) | CLIENT_ISN
    const cell = this.cell(conn)
    if (cell !== 0) {
      if (isAnswered) return
      if (this.#cold[at] !== isn) this.#renew(conn, HEADER.anew(cell))
      else if (before !== State.SYN_RECV) this.#renew(conn, HEADER.pending(cell))
    }
    this.#cold[at] = isn
  }

  /** A SYN of the client goes on: what stands goes on as it did, and what may begin with it will need a header. */
  expect(conn: number): void {
    const cell = this.cell(conn)
    if (cell !== 0 && !this.isDue(conn)) this.#renew(conn, HEADER.acked(cell))
  }

  /**
   * The RS has answered a SYN, by a segment with these numbers. If it is none that is known another stream begins: it came into what
   * was not over here, and the RS had heard of the end. One from before what stands is late.
   */
  answered(conn: number, seq: number, ack: number): void {
    const cell = this.cell(conn)
    const cells = this.#cells
    const at = recordAt(conn)
    const isn = (ack - 1 - cells[at | DELTA] + knownOf(cell)) | 0
    const begun = columnAt(conn) | CLIENT_ISN
    if (isAcked(cell)) {
      if (isn === this.#cold[begun] && ((seq + 1) | 0) === cells[at | RS_ISN1]) return
    } else if (((isn - this.#cold[begun]) | 0) <= 0) return
    this.#cold[begun] = isn
    this.#renew(conn, HEADER.anew(cell))
    cells[at | RST_ACK] = ack
    cells[at | RST_SEQ] = seq + 1
    cells[at | RS_ISN1] = seq + 1
  }

  #renew(conn: number, cell: number): void {
    this.setCell(conn, cell)
    this.#cells[recordAt(conn) | BINDING] |= HEADER_DUE
  }
}

/** By how much more than delta numbers move behind the header. */
export function moreOf(cell: number): number {
  return bytesOf(cell) - takenOf(cell) - knownOf(cell)
}
