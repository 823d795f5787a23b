// The folder of a lab, /run/NAME: claimed, known as a lab's, and removed.

import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { LabError } from './lab-error.ts'
import { DEFAULT_NAME, type Paths } from './topology.ts'

/** A lab's folder has its mark; a bare socket in the default folder is a daemon's that ran without us. */
export function isLabFolder(paths: Paths): boolean {
  if (existsSync(paths.wanted)) return true
  if (!existsSync(paths.folder) || !basename(paths.folder).startsWith(DEFAULT_NAME)) return false
  return readdirSync(paths.folder).every(file => join(paths.folder, file) === paths.socket)
}

/** With all that is in it. A mount point, which somebody else has made, stays as an empty folder. */
export function removeFolder(folder: string): void {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder)) {
    rmSync(join(folder, entry), { recursive: true, force: true })
  }
  try {
    // Not rmSync, whose error has no code on Node 24.
    rmdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}

// --name could be that of any folder in /run, netns included, and `down` deletes the folder.
export function claimFolder(paths: Paths): void {
  if (existsSync(paths.folder) && !isLabFolder(paths)) {
    throw new LabError(`${paths.folder} is not a lab's: choose another --name, or remove it`)
  }
  mkdirSync(paths.folder, { recursive: true })
}
