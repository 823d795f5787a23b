/** What a packet thread that has ended had written into its flight recorder last. */

import { CONTROL_CELLS, COUNT, HEAD_AT, RECORD_CELLS_MAX } from './flight.ts'
import { FlightKind, HeadCell } from './flight-records.ts'

const { FILLER } = FlightKind
const { SIZE, KIND, NUMBER } = HeadCell

/**
 * For control, when a packet thread has ended: shows readers what it had written in its last turn and not shown any more, the
 * frame at hand among it. => how many records that are
 */
export function showLast(memory: ArrayBufferLike, cells: number): number {
  const control = new Int32Array(memory, 0, CONTROL_CELLS)
  const all = new Int32Array(memory, CONTROL_CELLS * 4, cells)
  const mask = cells - 1
  let head = Atomics.load(control, HEAD_AT)
  let number = Atomics.load(control, COUNT)
  const first = number
  // What lies there from earlier rounds has earlier numbers.
  for (let steps = 0; steps < cells; steps++) {
    const at = head & mask
    const size = all[at + SIZE]
    if (size < 2 || (size & 1) !== 0 || size > RECORD_CELLS_MAX || at + size > cells) break
    if (all[at + KIND] !== FILLER) {
      if (all[at + NUMBER] !== number) break
      number = (number + 1) | 0
    } else if (size !== cells - at) break
    head = (head + size) | 0
  }
  Atomics.store(control, COUNT, number)
  Atomics.store(control, HEAD_AT, head)
  return (number - first) | 0
}
