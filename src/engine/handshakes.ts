/**
 * How long handshakes take, from the client's SYN on. The conn record is full, so the time of opening, in ms, stands in
 * cells that mean nothing yet: in RS_ISN1 until the RS has been seen, and then in RST_SEQ as long as the state is
 * SYN_RECV, for until then it is what RS_ISN1 says.
 */

import { CELL, RECORD, RS_SEEN, STATE_MASK } from './conn-layout.ts'
import { type Counters, Handshake } from './counters.ts'
import { State } from './tcp-state.ts'

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { WORD, RS_ISN1, RST_SEQ, RST_ACK } = CELL
const { at: recordAt } = RECORD
const SEEN = RS_SEEN
const STATE_BITS = STATE_MASK
const { SYN_RECV } = State

export class Handshakes {
  readonly #cells: Int32Array
  readonly #counters: Counters

  constructor(cells: Int32Array, counters: Counters) {
    this.#cells = cells
    this.#counters = counters
  }

  /** A SYN has opened the tuple of a conn anew. */
  again(conn: number, now: number): void {
    const at = recordAt(conn)
    if ((this.#cells[at | WORD] & SEEN) !== 0) this.#cells[at | RST_SEQ] = now
    else this.#cells[at | RS_ISN1] = now
  }

  /** The SYN of the RS, whose numbers are remembered; `at` is the first cell of the conn. */
  answered(at: number, seq: number, ack: number, end: number, now: number): void {
    const cells = this.#cells
    const word = cells[at | WORD]
    let opened = cells[at | RST_SEQ]
    if ((word & SEEN) === 0) {
      opened = cells[at | RS_ISN1]
      this.#counters.handshake(Handshake.RS, (now - opened) >>> 0)
      cells[at | WORD] = word | SEEN
    }
    // The ack that the client sends until it has acknowledged payload of the RS: TOA's rule.
    cells[at | RS_ISN1] = seq + 1
    cells[at | RST_ACK] = ack
    cells[at | RST_SEQ] = (word & STATE_BITS) === SYN_RECV ? opened : end
  }

  /** A conn leaves SYN_RECV: `done` with the client's ACK, or in another way that is not timed. */
  over(conn: number, done: boolean, now: number): void {
    const cells = this.#cells
    const at = recordAt(conn)
    // Without the RS's SYN+ACK there was none, and RST_SEQ is its own.
    if ((cells[at | WORD] & SEEN) === 0) return
    if (done) this.#counters.handshake(Handshake.CLIENT, (now - cells[at | RST_SEQ]) >>> 0)
    cells[at | RST_SEQ] = cells[at | RS_ISN1]
  }
}
