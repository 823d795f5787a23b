/** An engine, and one that goes on with a copy of its memory. */

import { BOOK_CAPACITY } from '../../src/control/threads/memory.ts'
import { AddressBook } from '../../src/engine/address-book.ts'
import { type Adopted, adoptRecords } from '../../src/engine/adopt.ts'
import type { ConnTable } from '../../src/engine/conn.ts'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { checkBooks } from './books.ts'
import { Stand } from './stand.ts'
import { TRAFFIC_CONFIG } from './traffic.ts'

export const CAPACITY = 16
/** Frames of the first engines, and of those that follow them. */
const arena = [0, 1].map(() => new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2))))
/** 4 of a LIP: lports come back soon. */
export const lports = { mask: 16_383, residue: 5 }

export function stand(
  connMemory: ArrayBuffer,
  which: number,
  now?: number,
  whole = TRAFFIC_CONFIG,
): Stand {
  const around = { lports, connMemory, bookMemory, arena: arena[which] as SharedArrayBuffer }
  return new Stand(whole, undefined, { ...around, ...(now !== undefined && { now }) })
}

/** What follows `first` with a copy of its memory. */
export function heir(first: Stand, memory: ArrayBuffer, whole?: string): [Stand, Adopted] {
  const next = stand(memory, 1, first.now, whole)
  next.now = first.now
  const adopted = adoptRecords(next.engine, first.now | 0)
  checkBooks(next.engine, lports)
  return [next, adopted]
}

/** Of all engines here, which have the same addresses. */
const bookMemory = new ArrayBuffer(AddressBook.bytesFor(BOOK_CAPACITY))

export const inUse = ({ cells }: ConnTable) =>
  Array.from({ length: CAPACITY }, (_, conn) => conn).filter(conn =>
    RECORD.inUse(cells[RECORD.at(conn) | CELL.BINDING] as number),
  )
