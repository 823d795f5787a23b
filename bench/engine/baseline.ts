/**
 * The stored cost of every row as a multiple of the calibration of its own run: what a change to the engine is compared
 * with. Ratios travel between days and, roughly, between machines; nanoseconds do not.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'
import type { Calibration } from './calibrate.ts'
import type { Row } from './measure.ts'

const FILE = join(CHECKOUT, 'bench/engine/baseline.json')
/** Share by which a row may cost more before the run says so. */
const TOLERANCE = 0.05

type Ratios = Record<string, number>

export function ratioOf(row: Row, { best }: Pick<Calibration, 'best'>): number {
  return row.ns / best[row.against]
}

export function readBaseline(): Ratios {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Ratios
}

/** Stores the rows' ratios; those of rows that were not measured stay. */
export function updateBaseline(rows: readonly Row[], calibration: Pick<Calibration, 'best'>): void {
  const ratios = readBaseline()
  for (const row of rows) ratios[row.name] = Number(ratioOf(row, calibration).toFixed(3))
  writeFileSync(FILE, `${JSON.stringify(ratios, null, 2)}\n`)
}

/** => A sentence for every row that costs more than its stored ratio and the tolerance allow. */
export function regressions(
  rows: readonly Row[],
  calibration: Pick<Calibration, 'best'>,
  baseline: Ratios,
): string[] {
  return rows.flatMap(row => {
    const stored = baseline[row.name]
    if (stored === undefined) return []
    const more = ratioOf(row, calibration) / stored - 1
    if (more <= TOLERANCE) return []
    const expected = (stored * calibration.best[row.against]).toFixed(0)
    const percent = (more * 100).toFixed(0)
    return [
      `${row.name} costs ${percent} % more than the baseline: ${row.ns.toFixed(0)} ns, expected ${expected} ns on this machine today`,
    ]
  })
}
