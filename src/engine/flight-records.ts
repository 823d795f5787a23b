/**
 * The records of the flight recorder and of a journal, described once: int32 cells, those of HeadCell in front of all.
 *
 * A kind that is added needs a number here, who writes it, and who reads it (see/moments/moments.ts, or control/replay/player.ts if it is
 * something that the engine is given). What a number means is what the digit of a journal's magic stands for.
 */

import { cellsOf } from './cells.ts'
import { EndsCell } from './ends.ts'

export const FlightKind = {
  /** Nothing: the next record stands at the memory's beginning. */
  FILLER: 0,
  /** A frame as it came; its bytes follow. */
  IN: 1,
  /** What became of a frame. What is said between IN and it is about the frame. */
  JUDGED: 2,
  /** A frame as it left; its pair is that of the frame that came in, or 0. */
  OUT: 3,
  /** From SAID_AT on: a record of the trace. */
  SAID: 4,
  /**
   * For a journal: what else the engine is given (NoteCell), with as its body: nothing; the arguments of Neighs.hear; JSON of a
   * change of what is set up; nothing; index of an arm.
   */
  TICK: 5,
  HEARD: 6,
  CHANGE: 7,
  STOPPING: 8,
  ANNOUNCE: 9,
  /** What it was asked by: an image of the engine was taken here. */
  IMAGE: 10,
  /** All counters as they are here, and the cells of the first RSs. */
  CHECK: 11,
} as const

/** SIZE is in cells and even; US, since 1970, is a double; MS is the engine's clock. */
export const HeadCell = cellsOf({ SIZE: 1, KIND: 1, US: 2, MS: 1, PAIR: 1, NUMBER: 1 })

/**
 * BYTES counts the whole frame with its virtio-net header, of which the first are recorded; FREE are the slots that were left;
 * FRAGMENT is as in Frames, of a datagram that another worker has put together. What
 * follows begins at an even cell, for counters are doubles.
 */
export const InCell = cellsOf({ ARM: 1, BYTES: 1, FREE: 1, FRAGMENT: 1, SPARE: 1 }, HeadCell.CELLS)

/** DROP is why the arm did not take it, or 0. */
export const OutCell = cellsOf({ ARM: 1, BYTES: 1, DROP: 1 }, HeadCell.CELLS)

/**
 * A frame of no connection has -1 for TUPLE and both states, and 0 behind them. DELTA is that of sequence numbers, PROTOCOL the
 * connection's one of KEY, with its method where a binding has it (METHOD_BITS).
 */
export const JudgedCell = cellsOf(
  { VERDICT: 1, TUPLE: 1, BEFORE: 1, AFTER: 1, ENDS: EndsCell.CELLS, DELTA: 1, PROTOCOL: 1 },
  HeadCell.CELLS,
)

/** The engine's ms, bytes of what follows, free slots before it. */
export const NoteCell = cellsOf({ NOW: 1, BYTES: 1, FREE: 1 }, HeadCell.CELLS)

/** Where the bytes begin, be they a frame's or a note's. */
export const BODY_AT = InCell.CELLS

/** Where the trace's record begins. */
export const SAID_AT = HeadCell.CELLS
