/**
 * What nearly every segment is: the next one of a conversation that goes on as it did. It moves the time at which the
 * connection ends, and of an RS the two numbers that RSTs on expiry need, and is not summed for it: whoever knows the very
 * next number of an RS can also sum, and what is spoilt on its way is sent again with the same numbers, or moves them by little.
 * Everything else is for verify.ts to judge first.
 */

import { ETH } from '../wire/ethernet.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { CELL, RECORD, STATE_MASK } from './conn-layout.ts'
import type { Parsed } from './parsed.ts'
import { DestCell } from './service.ts'
import { nextState } from './states.ts'
import { State } from './tcp-state.ts'

/** What verify.ts says of a segment: it is to be believed, */
export const GOOD = 0
/** or goes on, and moves nothing. */
export const DOUBTFUL = 1

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, BINDING, DEADLINE, RST_SEQ, RST_ACK, MAC_LO } = CELL
const { of: recordOf, jitter, dest: destOf } = RECORD
const STATE_BITS = STATE_MASK
const { SYN, ACK, FIN, RST } = FLAG
const FOUR = SYN | ACK | FIN | RST
const { SRC: ETH_SRC } = ETH
const { SEQ: TCP_SEQ, ACK: TCP_ACK } = TCP
const { ESTABLISHED } = State
const { ESTABLISHED_MS } = DestCell
/**
 * What acknowledges more than this at once is summed (verify.ts). Nothing takes back an ack that was spoilt, and so far ahead that an
 * honest RST would not be believed any more; one that is spoilt by less does no harm.
 */
const MOST = 1 << 16

export class Usual {
  readonly #cells: Int32Array
  readonly #destCells: Int32Array
  readonly #kept: Uint8Array
  readonly #timeoutMs: Int32Array

  /** Cells of the connections and of the RSs, the marks of Edges, and ms by state. */
  constructor(cells: Int32Array, destCells: Int32Array, kept: Uint8Array, timeoutMs: Int32Array) {
    this.#cells = cells
    this.#destCells = destCells
    this.#kept = kept
    this.#timeoutMs = timeoutMs
  }

  /**
   * A segment of IN tuple t that is an ACK which changes no state, from the MAC that is known. => false, and nothing done, if
   * it is anything else
   */
  ofClient(pkt: DataView, t: number, p: Parsed, now: number): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const word = cells[at | WORD]
    if (pkt.getInt32(p.eth + ETH_SRC + 2) !== cells[at | MAC_LO]) return false
    if (pkt.getUint16(p.eth + ETH_SRC) !== word >>> 16) return false
    return this.#goesOn(at, word, 0, p.flags, now)
  }

  /** A segment of OUT tuple t: an ACK that changes no state and is the next one in order. => false as above */
  ofRs(pkt: DataView, t: number, p: Parsed, now: number): boolean {
    const cells = this.#cells
    const at = recordOf(t)
    const seq = pkt.getInt32(p.l4 + TCP_SEQ)
    if (seq !== cells[at | RST_SEQ]) return false
    const ack = pkt.getInt32(p.l4 + TCP_ACK)
    const ahead = (ack - cells[at | RST_ACK]) | 0
    if (ahead > MOST) return false
    if (!this.#goesOn(at, cells[at | WORD], 1, p.flags, now)) return false
    if (ahead < 0) return true
    cells[at | RST_ACK] = ack
    cells[at | RST_SEQ] = seq + p.payload
    return true
  }

  #goesOn(at: number, word: number, dir: number, flags: number, now: number): boolean {
    const cells = this.#cells
    const state = word & STATE_BITS
    if ((flags & FOUR) !== ACK || nextState(dir, state, flags) !== state) return false
    this.#kept[(dir << 9) | ((flags & 0x1f) << 4) | state] = 1
    const timeout =
      state === ESTABLISHED
        ? this.#destCells[(destOf(cells[at | BINDING]) << 4) | ESTABLISHED_MS]
        : this.#timeoutMs[state]
    cells[at | DEADLINE] = now + timeout + jitter(word)
    return true
  }
}
