// The daemon of the lab: `tapvs run` in the host's namespace, holding one TAP in each of the two.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { parentOf, startTime } from '../src/control/system/process-stat.ts'
import { LabError } from './lab-error.ts'
import {
  lastWords,
  pidsByWords,
  recordedPid,
  startRecorded,
  stopPids,
  stopRecorded,
  until,
} from './processes.ts'
import { type Paths, TAPVS } from './topology.ts'

/** A daemon that is busy starting is not ended early: on a machine with other work it takes many seconds. */
const READY_LIMIT_MS = 30_000
const CONNECT_LIMIT_MS = 1000

export const daemonRecord = (paths: Paths) => join(paths.folder, 'tapvs.pid')

/** The keeper, which `tapvs run` is: it starts the daemon, and another one when that has ended unasked. */
export const keeperPid = (paths: Paths) => recordedPid(daemonRecord(paths))

/** The daemon, which reads the arms; undefined while there is none. */
export function daemonPid(paths: Paths): number | undefined {
  const keeper = keeperPid(paths)
  return keeper === undefined ? undefined : daemonOf(keeper)
}

/** The daemon that a keeper has started; one that stands by is younger. */
export function daemonOf(keeper: number): number | undefined {
  return childrenOf(keeper)[0]
}

/** Pids of a process's children, the oldest first. */
export function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  const started = pids
    .filter(pid => parentOf(pid) === parent)
    .map(pid => ({ pid, start: startTime(pid) }))
    .filter(({ start }) => start !== undefined)
  return started.sort((a, b) => Number(a.start) - Number(b.start)).map(({ pid }) => pid)
}

/** Ends the daemon, and its keeper first, which would start another, as nothing is ended that has a say in it. */
export function killDaemon(paths: Paths): void {
  const pids = [keeperPid(paths), daemonPid(paths)]
  for (const pid of pids) if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

/**
 * Daemons of this lab without a record, after somebody deleted the run folder. Their config names them:
 * nothing else in our namespaces runs with it. They would go on reading from the TAPs, and no new daemon could.
 */
export const lostDaemons = (paths: Paths) =>
  pidsByWords('run', '--config', paths.config).filter(
    pid => ![keeperPid(paths), daemonPid(paths)].includes(pid),
  )

/** True if something accepts connections on the control socket. */
export function socketAnswers(paths: Paths): Promise<boolean> {
  return new Promise(done => {
    const socket = createConnection(paths.socket)
    const end = (answers: boolean) => {
      socket.destroy()
      done(answers)
    }
    socket.setTimeout(CONNECT_LIMIT_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

export async function stopDaemon(paths: Paths): Promise<void> {
  await stopRecorded(daemonRecord(paths))
  await stopPids(lostDaemons(paths))
  rmSync(paths.socket, { force: true }) // left behind by a killed one
}

/** Starts the daemon and waits until its socket answers; if it ends instead, shows its last words. */
export async function startDaemon(paths: Paths, signal?: AbortSignal): Promise<void> {
  const logStart = statSync(paths.log, { throwIfNoEntry: false })?.size ?? 0
  const words = () => lastWords(paths.log, logStart)
  startRecorded([TAPVS, 'run', '--config', paths.config], daemonRecord(paths), paths.log)
  await until('the daemon', { limitMs: READY_LIMIT_MS, signal }, async () => {
    if (keeperPid(paths) === undefined) {
      throw new LabError('the daemon did not start; its last words are above', words())
    }
    return (await socketAnswers(paths)) || undefined
  }).catch((error: unknown) => {
    if (!(error instanceof LabError) || error.details) throw error
    throw new LabError(`${error.message}; its last words are above`, words())
  })
}

/** => what the daemon has logged after the first `offset` bytes of its log */
export function logSince(paths: Paths, offset: number): string {
  try {
    return readFileSync(paths.log).subarray(offset).toString('utf8')
  } catch {
    return ''
  }
}
