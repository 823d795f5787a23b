/** The history's SQLite file, for tests: written, and read by somebody else. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { HistoryDatabase } from '../../src/control/whois/database.ts'
import type { Ended, Search } from '../../src/control/whois/ended.ts'
import { rowOf } from '../../src/control/whois/rows.ts'
import { ended, SEARCH } from './ended.ts'

/** Of SEARCH, all that there is. */
export const EVER: Search = { ...SEARCH, fromMs: 0, toMs: 1e15, limit: 10_000 }

/** Gone when the process ends: what a test has open is closed after whatever was to be done before that, and would make it anew. */
export function historyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-history-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Opened to be written, for a daemon that has begun at `begunMs`. */
export async function writing(
  t: TestContext,
  path: string,
  begunMs = 900_000,
): Promise<HistoryDatabase> {
  const history = await HistoryDatabase.open(path, true)
  t.after(() => history.close())
  history.begin(begunMs, begunMs, begunMs)
  return history
}

export function write(
  history: HistoryDatabase,
  list: readonly Partial<Ended>[],
  nowMs = 2e6,
): void {
  const rows = list.flatMap(one => rowOf(ended(one)))
  history.write(Float64Array.from(rows), nowMs, 0)
}

/** By somebody else, who reads only. */
export async function found(path: string, search: Partial<Search> = {}) {
  const history = await HistoryDatabase.open(path, false)
  try {
    return history.find({ ...EVER, ...search }, false, 3e6)
  } finally {
    history.close()
  }
}
