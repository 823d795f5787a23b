/** The lports of each LIP, all of them and those of each worker, for a heat map. */

import type { NumbersInfo } from '../api/commands.ts'
import { type LipRow, lipRows } from '../see/numbers/lports.ts'

export interface LportCell extends LipRow {
  /** Part of the lports that is used, 0..1. */
  share: number
  /** How hot it is, 0..6; each has its own colour. */
  heat: number
}

export interface LportLine {
  lip: string
  arm: string
  all: LportCell
  /** In the order of the workers; empty if there is one. */
  workers: (LportCell & { worker: number })[]
}

/** From which share on a cell is so hot. */
const HEATS = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9]

export function heatOf(share: number): number {
  return HEATS.findLastIndex(from => share >= from)
}

/** `before` is a sample of some seconds ago. */
export function lportMap(now: NumbersInfo, before: NumbersInfo): LportLine[] {
  const several = now.workers.length > 1
  const ofWorkers = several
    ? now.workers.map((_, i) => lipRows(ofWorker(now, i), ofWorker(before, i)).map(cell))
    : []
  return lipRows(now, before).map((row, i) => ({
    lip: row.lip,
    arm: row.arm,
    all: cell(row),
    workers: ofWorkers.flatMap((cells, w) => {
      const own = cells[i]
      return own ? [{ ...own, worker: now.workers[w]?.worker ?? w + 1 }] : []
    }),
  }))
}

/** The same numbers as if there were this worker only. */
function ofWorker(numbers: NumbersInfo, index: number): NumbersInfo {
  return {
    ...numbers,
    addresses: numbers.addresses.map(address => {
      const lports = address.lports_of_workers?.[index]
      return lports ? { ...address, lports } : address
    }),
  }
}

function cell(row: LipRow): LportCell {
  const whole = row.used + row.room
  const share = whole > 0 ? row.used / whole : 1
  return { ...row, share, heat: heatOf(share) }
}
