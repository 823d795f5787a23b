/** When connections end that nobody prolongs: deadlines, and the wheel that they are filed in. */

import type { ConnTable } from './conn.ts'
import { CELL, RECORD, STATE_MASK } from './conn-layout.ts'
import type { Parts } from './parts.ts'
import { DestCell } from './service.ts'
import { STATES, State } from './tcp-state.ts'
import type { Wheel } from './wheel.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, DEADLINE } = CELL
const { at: recordAt, jitter: jitterOf } = RECORD
const { ESTABLISHED, SYN_SENT } = State
const { ESTABLISHED_MS } = DestCell
const STATE_BITS = STATE_MASK

export class Times {
  /** ms per state. */
  readonly ms: Int32Array
  readonly #table: ConnTable
  readonly #wheel: Wheel
  readonly #cells: Int32Array
  readonly #destCells: Int32Array

  constructor({ table, wheel, dests }: Parts, timeoutMs: Int32Array) {
    this.ms = timeoutMs.slice(0, STATES)
    this.#table = table
    this.#wheel = wheel
    this.#cells = table.cells
    this.#destCells = dests.cells
  }

  /** ms by state, for what comes from now on; `established` of an RS is in its cells. */
  set(ms: Int32Array): void {
    this.ms.set(ms.subarray(0, STATES))
  }

  /** ms until the conn's state times out after a packet: per state, or the service's own for ESTABLISHED. */
  of(conn: number, state: number): number {
    if (state !== ESTABLISHED) return this.ms[state]
    return this.#destCells[(this.#table.dest(conn) << 4) | ESTABLISHED_MS]
  }

  /** ms since something has put off the conn's end. */
  quietMs(conn: number, now: number): number {
    const at = recordAt(conn)
    const word = this.#cells[at | WORD]
    const whole = this.of(conn, word & STATE_BITS) + jitterOf(word)
    return (now + whole - this.#cells[at | DEADLINE]) | 0
  }

  refresh(conn: number, state: number, now: number): void {
    const jitter = this.#table.jitter(conn)
    this.#cells[recordAt(conn) | DEADLINE] = now + this.of(conn, state) + jitter
  }

  /** The RS of a conn gets its SYN again unless it answers meanwhile: in the time that SYN_SENT has. */
  askAgainLater(conn: number, now: number): void {
    this.refresh(conn, SYN_SENT, now)
    this.fileAnew(conn)
  }

  /** The deadline of a conn may have come nearer. */
  fileAnew(conn: number): void {
    this.#wheel.unfile(conn)
    this.#wheel.file(conn, this.#cells[recordAt(conn) | DEADLINE])
  }
}
