/** A list of prefixes on its way to the workers, in pieces that messages and journals carry one by one. */

import { type PackedList, packList, unpackList } from './prefix-lists.ts'

/** Prefixes of a part: 64 KiB. */
const PART = 8192

/**
 * A list of prefixes in parts, so that each is of some kilobytes: the list counts when the last one is there. `table` goes with that one,
 * the whole list as all workers share it; without it each makes its own.
 */
export interface ListPart {
  put: 'list'
  name: string
  part: number
  parts: number
  prefixes: PackedList
  table?: SharedArrayBuffer
}

export function listParts(name: string, list: PackedList): ListPart[] {
  const cells = unpackList(list)
  const parts = Math.max(1, Math.ceil(cells.length / (2 * PART)))
  return Array.from({ length: parts }, (_, part) => {
    const prefixes = packList(cells.subarray(part * 2 * PART, (part + 1) * 2 * PART))
    return { put: 'list', name, part, parts, prefixes }
  })
}
