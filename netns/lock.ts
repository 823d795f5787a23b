// One lab command at a time for each lab name. The lock is a file beside the run folder (not in it: the
// folder comes and goes) with the record of its holder, so a killed holder's lock is void at once.

import { rmSync, writeFileSync } from 'node:fs'
import { LabError } from './lab-error.ts'
import { ownRecord, recordedPid, until } from './processes.ts'
import type { Paths } from './topology.ts'

/** A whole demo on a slow machine. */
const WAIT_LIMIT_MS = 60_000
const LOOK_AGAIN_MS = 100

/** => the pid of another command that is at work on this lab */
export const lockHolder = (paths: Paths): number | undefined => recordedPid(paths.lock)

/** Waits for its turn, then works alone. */
export async function withLock<T>(
  paths: Paths,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const patience = { limitMs: WAIT_LIMIT_MS, everyMs: LOOK_AGAIN_MS, signal }
  await until('another lab command', patience, () => tryLock(paths) || undefined).catch(error => {
    const pid = lockHolder(paths)
    if (!(error instanceof LabError) || signal?.aborted || pid === undefined) throw error
    throw new LabError(`process ${pid} is at work on this lab: wait for it, or use another --name`)
  })
  try {
    return await work()
  } finally {
    rmSync(paths.lock, { force: true })
  }
}

function tryLock(paths: Paths): boolean {
  for (;;) {
    try {
      writeFileSync(paths.lock, ownRecord(), { flag: 'wx' })
      return true
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    if (lockHolder(paths) !== undefined) return false
    rmSync(paths.lock, { force: true }) // of a killed command
  }
}
