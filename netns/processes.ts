// Starting, finding again and stopping processes. A process that must outlive this one is recorded in
// a file as pid, start time and boot id: a pid alone may have been given to somebody else since. Only a
// process whose start time still agrees counts as ours, and only ours are ever signalled.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fchmodSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTime } from '../src/control/system/process-stat.ts'
import { LabError } from './lab-error.ts'

const POLL_MS = 15
const TERM_LIMIT_MS = 3000
const KILL_LIMIT_MS = 2000

export type Finished = { code: number; stdout: string; stderr: string }
export type RunOptions = {
  timeoutMs?: number | undefined
  input?: string | undefined
  signal?: AbortSignal | undefined
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

const recordOf = (pid: number) => `${pid} ${startTime(pid) ?? 'gone'} ${bootId()}\n`

/** What recordedPid takes for this very process. */
export const ownRecord = () => recordOf(process.pid)

/** => the pid of the recorded process, or undefined if it is gone or the record means somebody else. */
export function recordedPid(recordFile: string): number | undefined {
  let record: string
  try {
    record = readFileSync(recordFile, 'latin1')
  } catch {
    return undefined
  }
  const [pid, start, boot] = record.trim().split(' ')
  const ours = start !== undefined && startTime(Number(pid)) === start && boot === bootId()
  return ours ? Number(pid) : undefined
}

/** The words of a process's command line; a program may have rewritten them. None if it is gone. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split(/[\0 ]+/)
      .filter(Boolean)
  } catch {
    return []
  }
}

/** => pids of all processes whose command line ends with these words, and to whom its paths mean what they mean to us */
export function pidsByWords(...tail: string[]): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids
    .filter(pid => commandLine(pid).slice(-tail.length).join(' ') === tail.join(' '))
    .filter(livesWithUs)
}

/** False of a process of a container: /proc shows it, but its files, devices and pids are others of the same names. */
function livesWithUs(pid: number): boolean {
  try {
    const namespaces = (of: number | 'self') =>
      ['pid', 'mnt', 'net'].map(name => readlinkSync(`/proc/${of}/ns/${name}`)).join()
    return namespaces(pid) === namespaces('self')
  } catch {
    return false // gone
  }
}

/** Starts a process of its own session, output to the end of logFile (for us only to read), and records it. => its pid */
export function startRecorded(argv: string[], recordFile: string, logFile: string): number {
  const log = openSync(logFile, 'a', 0o600)
  try {
    // One of an earlier start may be for everybody, and the daemon writes the token of its page.
    fchmodSync(log, 0o600)
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
    })
    child.on('error', () => {}) // told below, by the missing pid
    child.unref()
    const { pid } = child
    if (pid === undefined)
      throw new LabError(`cannot start ${argv[0]}: is it there and executable?`)
    writeFileSync(recordFile, recordOf(pid))
    return pid
  } finally {
    closeSync(log)
  }
}

/** Stops the recorded process, if it is ours and alive, and forgets it. */
export async function stopRecorded(recordFile: string): Promise<void> {
  const pid = recordedPid(recordFile)
  if (pid !== undefined) await stopPids([pid])
  rmSync(recordFile, { force: true })
}

/** TERM to all, wait, KILL to those still there. A pid that is taken over meanwhile is left alone. */
export async function stopPids(pids: number[]): Promise<void> {
  const targets = pids.map(pid => ({ pid, start: startTime(pid) })).filter(t => t.start)
  const remaining = () => targets.filter(t => startTime(t.pid) === t.start)
  for (const [signal, limitMs] of [
    ['SIGTERM', TERM_LIMIT_MS],
    ['SIGKILL', KILL_LIMIT_MS],
  ] as const) {
    for (const { pid } of remaining()) {
      try {
        process.kill(pid, signal)
      } catch {
        // It went between the look and the signal.
      }
    }
    const deadline = performance.now() + limitMs
    while (remaining().length > 0 && performance.now() < deadline) await sleep(POLL_MS)
    if (remaining().length === 0) return
  }
  throw new LabError(`process ${remaining()[0]?.pid} does not die: look at it with ps`)
}

/** Runs a command to its end. => its exit code (128 + n after signal n) and what it printed */
export function run(argv: string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.signal && { signal: options.signal }),
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs, killSignal: 'SIGKILL' }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // the command may end without reading its input
  child.stdin.end(options.input ?? '')
  return finished(child).then(code => ({ code, stdout, stderr }))
}

/** Runs a command that has to succeed. => what it printed */
export async function mustRun(argv: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) {
    const why = (stderr.trim() || stdout.trim()).split('\n')[0]
    throw new LabError(`${argv.join(' ')}: ${why || `exit code ${code}`}`)
  }
  return stdout
}

/** Runs a command on our own terminal; Ctrl-C reaches it from there, TERM is passed on. => exit code */
export async function runAttached(argv: string[], options: SpawnOptions = {}): Promise<number> {
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: 'inherit', ...options })
  const passOn = (signal: NodeJS.Signals) => child.kill(signal)
  const stayForTheExitCode = () => {}
  process.on('SIGINT', stayForTheExitCode)
  process.on('SIGTERM', passOn)
  try {
    return await finished(child)
  } finally {
    process.off('SIGINT', stayForTheExitCode)
    process.off('SIGTERM', passOn)
  }
}

/** Exit code of a child, as a shell counts it. */
export function finished(child: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    child.once('error', error => {
      const missing = 'code' in error && error.code === 'ENOENT'
      fail(missing ? new LabError(`${child.spawnfile}: command not found`) : error)
    })
    child.once('close', (code, signal) => done(code ?? 128 + (SIGNAL_NUMBER[signal ?? ''] ?? 0)))
  })
}

const SIGNAL_NUMBER: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

export type Patience = {
  limitMs: number
  everyMs?: number | undefined
  signal?: AbortSignal | undefined
}

/** Polls until the condition gives something; says what was waited for when the time is up. */
export async function until<T>(
  what: string,
  { limitMs, everyMs = POLL_MS, signal }: Patience,
  condition: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    signal?.throwIfAborted()
    const value = await condition()
    if (value !== undefined) return value
    if (performance.now() > deadline) {
      throw new LabError(`waited ${limitMs / 1000} s in vain for ${what}`)
    }
    await sleep(everyMs)
  }
}

/** => the last lines of a log that were written after its first `offset` bytes */
export function lastWords(logFile: string, offset = 0): string {
  const LINES = 12
  try {
    const text = readFileSync(logFile).subarray(offset).toString('utf8')
    return text.trimEnd().split('\n').slice(-LINES).join('\n')
  } catch {
    return ''
  }
}

/** The first file of that name on PATH, as a shell would find it. */
export function onPath(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(':').filter(folder => folder.startsWith('/'))
  return folders.map(folder => `${folder}/${command}`).find(file => existsSync(file))
}
