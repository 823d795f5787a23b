/** The control socket: free, somebody else's, or that of a daemon that already runs with this config. */

import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Finding, fail, ok, warn } from './finding.ts'

/** => the pid of the daemon that answers there, undefined if nobody does. Throws an Error for any other answer. */
export type Ping = (socket: string) => Promise<number | undefined>

export interface SocketFinding {
  finding: Finding
  /** The pid of the daemon that answers. */
  daemon?: number
}

/** `isOurs` says whether the daemon of that pid holds an arm of this config. */
export async function socket(
  path: string,
  ping: Ping,
  isOurs: (pid: number) => boolean,
): Promise<SocketFinding> {
  const check = 'control socket'
  const folder = existing(dirname(path))
  if (!statSync(folder).isDirectory())
    return { finding: fail(check, `${folder} is no folder`, 'set control.socket to a path in one') }
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (file && !file.isSocket())
    return { finding: fail(check, `${path} is no socket`, 'remove it or set control.socket') }
  const mend = 'stop it or set control.socket'
  let daemon: number | undefined
  try {
    daemon = await ping(path)
  } catch (error) {
    return { finding: fail(check, (error as Error).message, mend) }
  }
  if (daemon !== undefined) {
    if (isOurs(daemon)) {
      const text = `a daemon with this config runs already, pid ${daemon}`
      return { daemon, finding: warn(check, text, 'stop it before you start another') }
    }
    const text = `another daemon answers at ${path}, pid ${daemon}`
    return { daemon, finding: fail(check, text, mend) }
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return { finding: ok(check, `${path} is free`) }
  } catch {
    const text = `${folder} is not for user ${process.getuid?.()} to write`
    return { finding: fail(check, text, 'set control.socket, or give the folder to that user') }
  }
}

/** The folder, or the nearest above it that is there. */
function existing(folder: string): string {
  try {
    lstatSync(folder)
    return folder
  } catch {
    return existing(dirname(folder))
  }
}
