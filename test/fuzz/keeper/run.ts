/** One keeper, by its seed. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** ms: five daemons and the pauses between them take two seconds. */
const LIMIT_MS = 120_000

/** Throws Error with what went wrong. */
export function fuzzKeeper(seed: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-keeper-'))
  try {
    const main = fileURLToPath(new URL('./main.js', import.meta.url))
    // A manager that cannot be told.
    const env = { ...process.env, NOTIFY_SOCKET: join(folder, 'nobody') }
    const { status, signal, stderr } = spawnSync(process.execPath, [main, `${seed}`, folder], {
      ...{ env, encoding: 'utf8', timeout: LIMIT_MS, stdio: ['ignore', 'ignore', 'pipe'] },
    })
    if (status !== 0) throw new Error(`keeper of seed ${seed}: ${signal ?? status} ${stderr}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function soakKeeper(end: number, first: number, say: (line: string) => void): void {
  let seed = first
  for (; performance.now() < end; seed++) fuzzKeeper(seed)
  say(`${seed - first} keepers, no fault`)
}
