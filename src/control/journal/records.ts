/** Fields of the flight recorder's records, as a journal holds them. */

import type { Change } from '../../config/changes.ts'
import { BODY_AT, FlightKind, HeadCell, InCell } from '../../engine/flight-records.ts'

/** A cell that every record of its kind has. */
export function cell(record: Int32Array, at: number): number {
  return record[at] ?? 0
}

/** µs since 1970. */
export function usOf(record: Int32Array): number {
  return new Float64Array(record.buffer, record.byteOffset + HeadCell.US * 4, 1)[0] ?? 0
}

/** The first bytes of a frame, from its virtio-net header on, or what else a record has from there on; a view. */
export function bytesOf(record: Int32Array): Uint8Array {
  // A note has its bytes' number in the same cell.
  const copied = Math.min(cell(record, InCell.BYTES), (record.length - BODY_AT) * 4)
  return new Uint8Array(record.buffer, record.byteOffset + BODY_AT * 4, Math.max(0, copied))
}

/** The same of a note, as cells: a copy. */
export function cellsOf(record: Int32Array): Int32Array {
  return new Int32Array(bytesOf(record).slice().buffer)
}

/** What a record of FlightKind.CHANGE has. */
export function changeOf(record: Int32Array): Change {
  return JSON.parse(new TextDecoder().decode(bytesOf(record))) as Change
}

/** Records of all workers by time; those of one worker keep their order. */
export function* byTime(
  records: readonly (readonly Int32Array[])[],
): Generator<{ worker: number; record: Int32Array }> {
  const next = records.map(() => 0)
  for (;;) {
    let first = -1
    let firstUs = Number.POSITIVE_INFINITY
    for (const [worker, list] of records.entries()) {
      const record = list[next[worker] ?? 0]
      if (record === undefined) continue
      const us = usOf(record)
      if (first >= 0 && us >= firstUs) continue
      first = worker
      firstUs = us
    }
    if (first < 0) return
    const at = next[first] ?? 0
    next[first] = at + 1
    yield { worker: first, record: records[first]?.[at] as Int32Array }
  }
}

/** Frames that were judged. */
export function framesIn(records: readonly (readonly Int32Array[])[]): number {
  return records.flat().filter(record => cell(record, HeadCell.KIND) === FlightKind.JUDGED).length
}
