// tcpdump on the arms, from the namespaces' side: what client and RS send and receive.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createOwn, writeProblem } from '../src/control/system/own-file.ts'
import { LabError } from './lab-error.ts'
import { finished, mustRun } from './processes.ts'
import { SIDES, type Side } from './topology.ts'
import type { Lab } from './two-arm.ts'

const LISTEN_LIMIT_MS = 5000
// -Z root: tcpdump would drop to the user tcpdump, who may not write into our folders.
// -U and --immediate-mode: what has crossed the arm is in the file, also while the capture runs.
// -B: KiB of buffer; bursts of 64 KiB frames overrun the default of 2 MiB.
const TO_FILE = ['-U', '--immediate-mode', '-B', '16384', '-Z', 'root', '-w']

/** A running capture; its file may be read before it is stopped. */
export type Capture = { file: string; stop(): Promise<void> }

/** Starts tcpdump on the arm of a side, writing a pcap, with further options. => once it listens */
export async function startCapture(
  lab: Lab,
  side: Side,
  file: string,
  options: readonly string[] = [],
): Promise<Capture> {
  const argv = tcpdump(lab, side, [...options, ...TO_FILE, file])
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = finished(child)
  await listening(child, side)
  return {
    file,
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}

/** => the packets of a pcap as tcpdump prints them, one line each with the options given */
export function readCapture(file: string, options = ['-nn', '-S']): Promise<string> {
  return mustRun(['tcpdump', ...options, '-r', file])
}

export type WatchOptions = {
  seconds?: number | undefined
  /** Stop an arm's capture after so many packets. */
  count?: number | undefined
  /** Write pcaps into this folder instead of printing. */
  folder?: string | undefined
}

/** Shows both arms until time, count or the signal ends it. */
export async function watchArms(
  lab: Lab,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const count = options.count === undefined ? [] : ['-c', `${options.count}`]
  const { folder } = options
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  const children = SIDES.map(side => {
    const { device } = lab.arm(side)
    if (folder !== undefined) return captureTo(lab, side, join(folder, `${device}.pcap`), count)
    const argv = tcpdump(lab, side, [...count, '-l', '-nn', '-S', '-v', '--immediate-mode'])
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    prefixLines(child, device)
    return child
  })
  const stop = () => {
    for (const child of children) child.kill('SIGINT')
  }
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  const timer = options.seconds === undefined ? undefined : setTimeout(stop, options.seconds * 1000)
  try {
    const codes = await Promise.all(children.map(finished))
    // After SIGINT tcpdump prints its counts and ends with 0; ended before it got going, with 130.
    if (!signal.aborted && codes.some(code => code !== 0 && code !== 130)) {
      throw new LabError('tcpdump failed; what it said is above')
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** The folder may be anybody's: the file is made by us, and tcpdump, as root, is handed it and no name. */
function captureTo(lab: Lab, side: Side, file: string, options: string[]): ChildProcess {
  let fd: number
  try {
    fd = createOwn(file, 0o644)
  } catch (error) {
    throw new LabError(`${file} cannot be written: ${writeProblem(error)}`)
  }
  try {
    const argv = tcpdump(lab, side, [...options, ...TO_FILE, '-'])
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', fd, 'pipe'] })
    prefixLines(child, lab.arm(side).device)
    return child
  } finally {
    closeSync(fd)
  }
}

function tcpdump(lab: Lab, side: Side, options: string[]): string[] {
  return lab.inside(side, ['tcpdump', '-i', lab.arm(side).device, ...options])
}

function prefixLines(child: ChildProcess, tap: string): void {
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', line => console.log(`${tap} ${line}`))
  }
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', line => console.error(`${tap} ${line}`))
  }
}

function listening(child: ChildProcess, side: Side): Promise<void> {
  return new Promise((done, fail) => {
    let said = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(new LabError(`tcpdump on the ${side} arm does not get to listen`, said.trim()))
    }, LISTEN_LIMIT_MS)
    child.stderr?.setEncoding('utf8').on('data', text => {
      said += text
      if (!said.includes('listening on')) return
      clearTimeout(timer)
      done()
    })
    child.once('close', () => {
      clearTimeout(timer)
      fail(new LabError(`tcpdump on the ${side} arm ended at once`, said.trim()))
    })
  })
}
