/**
 * Files that we make, log into and take away, often as root and in folders of others. A mode is only ever given to a file that
 * was made here, at its making; what is there already is written to only if it is a file of ours. So a name that somebody else
 * has put there first, as a link, a device or a file of his own, costs an error and changes nothing.
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  unlinkSync,
} from 'node:fs'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants

/** A name that is not for us to write at, in one line without the name. */
export class NotOurs extends Error {}

/**
 * => a descriptor of a new, empty file of this mode (less the umask). A file of ours of that name is replaced, not opened:
 * who has it open reads nothing of what comes. Throws NotOurs, or the error of the system.
 */
export function createOwn(path: string, mode: number): number {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there) {
    checkOwn(there)
    unlinkSync(path)
  }
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL, mode)
}

/**
 * => a descriptor at the end of the file, which is made with this mode if there is none. Devices and named pipes are written
 * to as they are, without waiting for a reader. Throws NotOurs, or the error of the system.
 */
export function appendOwn(path: string, mode: number): number {
  // O_NONBLOCK, because a named pipe without a reader would keep the thread for ever.
  const flags = O_WRONLY | O_APPEND | O_NONBLOCK
  try {
    return openSync(path, flags | O_CREAT | O_EXCL, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const fd = openUnlinked(path, flags)
  try {
    const there = fstatSync(fd)
    if (there.isFile()) checkOwn(there)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** => whether a device or a named pipe is there, which is written to as it is. Throws NotOurs for a link, or for a socket. */
export function isSpecial(path: string): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there?.isSymbolicLink() && isSystems(path)) return true
  return there !== undefined && (there.isCharacterDevice() || there.isFIFO())
}

/** For what is special: a descriptor to write to, which nothing is done to. Waits for a pipe's reader. */
export function specialFlags(path: string): number {
  return isSystems(path) ? O_WRONLY : O_WRONLY | O_NOFOLLOW
}

/** Throws NotOurs if the file is there and not ours to rename or to remove. */
export function checkRemovable(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there) checkOwn(there)
}

/** => whether a regular file of ours is there */
export function isOurs(path: string): boolean {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there) checkOwn(there)
    return there !== undefined
  } catch {
    return false
  }
}

/** What is wrong with a write, in words. */
export function writeProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such folder'
    case 'EISDIR':
      return 'it is a folder'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full'
    case 'EFBIG':
      return 'a file must not become larger here (ulimit -f)'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'not allowed'
    default:
      return message
  }
}

/** /dev/stdout and its like are links that nobody but root can make. */
function isSystems(path: string): boolean {
  return /^\/(dev|proc)\//.test(path)
}

function openUnlinked(path: string, flags: number): number {
  try {
    return openSync(path, isSystems(path) ? flags : flags | O_NOFOLLOW)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw linked()
    throw error
  }
}

/** Ours is what belongs to our user; a file of root's too, which we can only write if root lets us. */
function checkOwn(there: Stats): void {
  if (there.isSymbolicLink()) throw linked()
  if (there.isDirectory()) throw new NotOurs('it is a folder; name a file')
  if (!there.isFile()) throw new NotOurs('it is no regular file; name one, or one that is new')
  const { uid, nlink } = there
  if (uid !== process.geteuid?.() && uid !== 0)
    throw new NotOurs(`it belongs to user ${uid}, not to us; name another, or remove it`)
  if (nlink > 1)
    throw new NotOurs('it has another name too (a hard link); name another, or remove it')
}

function linked(): NotOurs {
  return new NotOurs('it is a symbolic link; name the file that it leads to')
}
