/** How long handshakes take, from the client's SYN on. */

import type { ConnTable } from './conn.ts'
import { CELL, COLD, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import type { Counters } from './counters.ts'
import { Handshake } from './handshake-cells.ts'
import { State } from './tcp-state.ts'

const { WORD, RS_ISN1, RST_SEQ, RST_ACK } = CELL
const { OPENED } = COLD
const { at: recordAt, column: columnAt } = RECORD

export class Handshakes {
  readonly #cells: Int32Array
  readonly #cold: Int32Array
  readonly #counters: Counters

  constructor({ cells, cold }: ConnTable, counters: Counters) {
    this.#cells = cells
    this.#cold = cold
    this.#counters = counters
  }

  /** A SYN has opened the tuple of a conn anew. */
  again(conn: number, now: number): void {
    const at = recordAt(conn)
    this.#cold[columnAt(conn) | OPENED] = now
    // The RS may go on from the number that it has begun with.
    if ((this.#cells[at | WORD] & RS_SEEN) !== 0)
      this.#cells[at | RST_SEQ] = this.#cells[at | RS_ISN1]
  }

  /** The SYN of the RS, whose numbers are remembered; `end` is the one behind it. */
  answered(conn: number, seq: number, ack: number, end: number, now: number): void {
    const cells = this.#cells
    const at = recordAt(conn)
    const word = cells[at | WORD]
    if ((word & RS_SEEN) === 0) this.#count(Handshake.RS, conn, now)
    // The ack that the client sends until it has acknowledged payload of the RS: TOA's rule.
    cells[at | RS_ISN1] = seq + 1
    cells[at | RST_ACK] = ack
    // Payload of a SYN that is still to be acknowledged may come again.
    cells[at | RST_SEQ] = (word & STATE_MASK) === State.SYN_RECV ? seq + 1 : end
    cells[at | WORD] = word | RS_SEEN
  }

  /** The client's ACK of the RS's SYN+ACK takes a conn out of SYN_RECV. */
  done(conn: number, now: number): void {
    if ((this.#cells[recordAt(conn) | WORD] & RS_SEEN) === 0) return
    this.#count(Handshake.CLIENT, conn, now)
  }

  #count(which: number, conn: number, now: number): void {
    this.#counters.handshake(which, (now - this.#cold[columnAt(conn) | OPENED]) >>> 0)
  }
}
