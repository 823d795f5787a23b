/** Neighbours whose MAC changes again and again: each worker finds out by itself, and one line and one event are enough. */

import type { EventData } from '../../api/events.ts'
import type { LogLevel } from '../../api/log-levels.ts'
import { FLAP_WINDOW_MS } from '../../engine/neigh-machine.ts'
import { TraceCell, TraceKind } from '../../engine/trace-kinds.ts'
import { addressAt } from '../../see/words/trace-fields.ts'
import { macText } from '../../wire/address.ts'

/** Workers find out within so much of one another; each says it once in FLAP_WINDOW_MS at most. */
const TOGETHER_MS = FLAP_WINDOW_MS / 2
/** Whoever pretends to be all of a network's neighbours fills neither the log nor what events are remembered. */
const MOST = 64

export class FlappingNeighbours {
  readonly #arms: readonly string[]
  readonly #emit: (flaps: EventData['neighbour']) => void
  readonly #clock: () => number
  /** `ADDRESS ARM`, the latter a number: when it was told. */
  readonly #told = new Map<string, number>()

  /** `arms` are the names by index; `clock` gives ms that never go back. */
  constructor(
    arms: readonly string[],
    emit: (flaps: EventData['neighbour']) => void,
    clock: () => number = () => performance.now(),
  ) {
    this.#arms = arms
    this.#emit = emit
    this.#clock = clock
  }

  /** The level at which a record of the trace is to be logged whose own level is `level`. */
  level(record: Int32Array, level: LogLevel): LogLevel {
    if (record[0] !== TraceKind.NEIGH_FLAPS) return level
    const cells = TraceCell.NEIGH_FLAPS
    const cell = (at: number) => record[at] ?? 0
    const address = addressAt(record, cells.address)
    const key = `${address} ${cell(cells.arm)}`
    const now = this.#clock()
    for (const [other, at] of this.#told) if (now - at >= TOGETHER_MS) this.#told.delete(other)
    if (this.#told.has(key) || this.#told.size >= MOST) return 'debug'
    this.#told.set(key, now)
    this.#emit({
      address,
      arm: this.#arms[cell(cells.arm)] ?? '',
      from: macText(cell(cells.from), cell(cells.from + 1)),
      to: macText(cell(cells.to), cell(cells.to + 1)),
    })
    return level
  }
}
