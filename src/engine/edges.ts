/**
 * Which ways connections took through the state machine, for whoever asks what this box really does: how often each
 * edge was taken and when last. A cell of the tables that changes no state (ESTABLISHED --ack--> ESTABLISHED) is met by
 * nearly every packet; of those only a mark is kept, one store of a constant.
 *
 *   edge   direction << 7 | event << 4 | state before      384 of them; events by EVENTS of tcp-state.ts
 *   mark   direction << 9 | low five flag bits << 4 | state  the index of the state tables themselves
 *
 * Behind the edges of TCP are those of UDP, which has one event: UDP_EDGES | direction << 4 | state before. That a datagram
 * changed nothing is not kept.
 */

import { KEY } from './conn-layout.ts'
import { nextState, TABLE, TABLES_BYTES } from './states.ts'
import { EVENTS, eventOf, STATES } from './tcp-state.ts'
import { UDP_STATES } from './udp-state.ts'

/** IN, OUT and INPUT_ONLY. */
const DIRECTIONS = 3
const UDP_EDGES = DIRECTIONS << 7
const EDGES = UDP_EDGES + DIRECTIONS * 16
const MARKS = TABLES_BYTES

/** What is known of one cell of the tables. */
export interface CellUse {
  /** The protocol's of KEY. */
  code: number
  /** IN, OUT or INPUT_ONLY. */
  direction: number
  /** Index in EVENTS; 0 of UDP. */
  event: number
  before: number
  after: number
  /** How often it was taken; 0 for a cell that changes no state, of which only is known that it was. */
  count: number
  /** ms of the long clock and the TCP flags of the last segment, when the state changed. */
  last: number
  flags: number
}

export class Edges {
  readonly #counts: Float64Array
  readonly #last: Float64Array
  readonly #flags: Uint8Array
  /** Set to 1 for each segment that changed no state, by the index of the state table. */
  readonly kept: Uint8Array

  static readonly bytes = EDGES * (8 + 8 + 1) + MARKS

  /** `memory`, Edges.bytes, may be shared: others read the numbers without asking the packet thread. */
  constructor(memory: ArrayBufferLike) {
    this.#counts = new Float64Array(memory, 0, EDGES)
    this.#last = new Float64Array(memory, EDGES * 8, EDGES)
    this.#flags = new Uint8Array(memory, EDGES * 16, EDGES)
    this.kept = new Uint8Array(memory, EDGES * 17, MARKS)
  }

  /** A segment with `flags` has taken a connection out of state `before`, at `ms` of the long clock. */
  taken(direction: number, flags: number, before: number, ms: number): void {
    const at = (direction << 7) | (eventOf(flags) << 4) | before
    this.#counts[at]++
    this.#last[at] = ms
    this.#flags[at] = flags
  }

  /** A datagram has taken a connection out of state `before`, at `ms` of the long clock. */
  datagram(direction: number, before: number, ms: number): void {
    const at = UDP_EDGES | (direction << 4) | before
    this.#counts[at]++
    this.#last[at] = ms
  }

  /** Every cell that was used, in the order of the tables. */
  used(): CellUse[] {
    const uses: CellUse[] = []
    for (let direction = 0; direction < DIRECTIONS; direction++) {
      for (let event = 0; event < EVENTS.length; event++) {
        for (let before = 0; before < STATES; before++) {
          const use = this.#cell(direction, event, before)
          if (use !== undefined) uses.push(use)
        }
      }
    }
    for (let direction = 0; direction < DIRECTIONS; direction++) {
      for (let before = 0; before < UDP_STATES; before++) {
        const at = UDP_EDGES | (direction << 4) | before
        const count = this.#counts[at]
        if (count === 0) continue
        const after = nextState(TABLE.UDP | direction, before, 0)
        const cell = { code: KEY.UDP, direction, event: 0, before, after, count }
        uses.push({ ...cell, last: this.#last[at], flags: 0 })
      }
    }
    return uses
  }

  #cell(direction: number, event: number, before: number): CellUse | undefined {
    const at = (direction << 7) | (event << 4) | before
    const count = this.#counts[at]
    const cell = {
      ...{ code: KEY.TCP, direction, event, before, count },
      ...{ last: this.#last[at], flags: this.#flags[at] },
    }
    for (let flags = 0; flags < 32; flags++) {
      if (eventOf(flags) !== event) continue
      const after = nextState(direction, before, flags)
      if (count > 0) return { ...cell, after }
      if (after === before && this.kept[(direction << 9) | (flags << 4) | before] === 1) {
        return { ...cell, after, flags }
      }
    }
    return undefined
  }
}
