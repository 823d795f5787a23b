/** State tables are written as text, as the reference prints them, and compiled once to one array. */

/** In a cell: the event changes neither state nor timer. */
export const KEEP = 255

/**
 * Compiles rows of `event next next ...`, one word per current state, to `table[event * width + state]`. `-` is
 * KEEP. Throws if a row has the wrong number of cells or names an unknown state: a typo must not become a state.
 */
export function compileStates(text: string, states: readonly string[], width: number): Uint8Array {
  const rows = text
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/))
  const table = new Uint8Array(rows.length * width).fill(KEEP)
  rows.forEach(([event, ...cells], row) => {
    if (cells.length !== states.length) throw new Error(`row ${event} has ${cells.length} cells`)
    cells.forEach((cell, state) => {
      const next = cell === '-' ? KEEP : states.indexOf(cell)
      if (next < 0) throw new Error(`row ${event}: no state ${cell}`)
      table[row * width + state] = next
    })
  })
  return table
}

/** What a packet may be to a state machine of connections, and states there may be. */
const EVENTS = 32
export const WIDTH = 16
/** Of a table `event << 4 | state`, so that a step is one load. */
export const TABLE_BYTES = EVENTS * WIDTH

/** => the table of so many states, from what each event leads to in each of them */
export function spread(states: number, next: (event: number, state: number) => number): Uint8Array {
  const table = new Uint8Array(TABLE_BYTES)
  for (let event = 0; event < EVENTS; event++) {
    for (let state = 0; state < states; state++) table[(event << 4) | state] = next(event, state)
  }
  return table
}
