/**
 * Segments that are there twice with the same IP ID, which a retransmission would have renewed. They are found before anything is
 * matched, so that a copy is not taken for that of another segment, which got lost. Twice where they come in is how it was
 * captured (on all devices of a machine); twice only where they leave is the balancer's doing, or the network's.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Packets } from './packets.ts'
import type { Column, Way } from './ways.ts'

/** A duplicate comes soon; sooner, where IP IDs are not counted. */
const DUPLICATE_NS = 1e9
const WITHOUT_ID_NS = 1e6

/** `columns` make the whole key, IP ID included. Fills the way's two sets. */
export function findDuplicates(way: Way, columns: readonly Column[]): void {
  const came = repeated(
    way.entry,
    way.entryRows,
    columns.map(({ entry }) => entry),
  )
  const left = repeated(
    way.exit,
    way.exitRows,
    columns.map(({ exit }) => exit),
  )
  for (const [key, rows] of left) {
    const before = came.get(key)?.length ?? 0
    for (const row of rows.slice(before)) way.duplicated.add(row)
  }
  for (const [key, rows] of came) {
    const after = left.get(key)?.length ?? 0
    for (const row of rows.slice(after)) way.seenTwice.add(row)
  }
}

/** By key, the rows that repeat an earlier one. */
function repeated(
  packets: Packets,
  rows: readonly number[],
  columns: readonly ((row: number) => number)[],
): Map<string, number[]> {
  const found = new Map<string, number[]>()
  const compare = (p: number, q: number) => {
    for (const column of columns) {
      const by = column(p) - column(q)
      if (by !== 0) return by
    }
    return 0
  }
  const sorted = rows.toSorted(compare)
  for (let k = 1; k < sorted.length; k++) {
    const [row, last] = [sorted[k], sorted[k - 1]]
    if (compare(row, last) !== 0) continue
    if (packets.at[row] - packets.at[last] > limitOf(packets, row)) continue
    const key = columns.map(column => column(row)).join(' ')
    found.set(key, [...(found.get(key) ?? []), row])
  }
  return found
}

/** Bare ACKs without an ID are often sent anew at once. */
function limitOf({ ipId, payload, flags }: Packets, row: number): number {
  if (ipId[row] !== 0) return DUPLICATE_NS
  return payload[row] > 0 || (flags[row] & (FLAG.SYN | FLAG.FIN)) !== 0 ? WITHOUT_ID_NS : -1
}
