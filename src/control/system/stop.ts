/**
 * The end of the daemon: the signals that ask for it, and the time that connections get to end by themselves. A first
 * SIGTERM, SIGINT or SIGQUIT asks to stop, a second one not to wait any longer. signals.ts is about all the others.
 */

import { counted } from '../../see/text/counted.ts'

const LOOK_MS = 1000
/** Log lines about progress. The service manager is told at every look. */
const LOG_MS = 10_000

export class Signals {
  readonly stop: Promise<'stop'>
  /** After `stop`, a second signal. */
  readonly hurry: Promise<'hurry'>
  /** The first of them that came. */
  by: NodeJS.Signals | undefined
  #reload: () => void = () => {}
  #reopen: () => void = () => {}

  constructor() {
    let asked: (() => void)[] = []
    this.stop = new Promise(done => asked.push(() => done('stop')))
    this.hurry = new Promise(done => asked.push(() => done('hurry')))
    const next = (signal: NodeJS.Signals) => {
      this.by ??= signal
      asked[0]?.()
      asked = asked.slice(1)
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, next)
    // From the first moment on, because without a listener they end the process.
    process.on('SIGHUP', () => this.#reload())
    process.on('SIGUSR1', () => this.#reopen())
  }

  onReload(reload: () => void): void {
    this.#reload = reload
  }

  onReopen(reopen: () => void): void {
    this.#reopen = reopen
  }
}

export interface Draining {
  /** How long at most. */
  seconds: number
  /** => connections that are left */
  left(): number
  /** Resolves when nothing is to be waited for any more. */
  hurry: Promise<unknown>
  /** One line of the log. */
  log(text: string): void
  /** What an operator sees meanwhile. */
  status(text: string): void
}

/** Waits for the connections to end: for all, for `seconds`, or for a `hurry`. */
export async function drained({ seconds, left, hurry, log, status }: Draining): Promise<void> {
  const end = performance.now() + seconds * 1000
  let hurried = false
  void hurry.then(() => {
    hurried = true
  })
  let logAt = performance.now()
  for (let first = true; ; first = false) {
    const count = left()
    const now = performance.now()
    if (count === 0) return log(first ? 'no connection to wait for' : 'all connections ended')
    if (hurried)
      return log(`stopping at once, on a second signal: ${counted(count, 'connection')} cut off`)
    if (now >= end)
      return log(`${counted(count, 'connection')} cut off: control.drain of ${seconds} s is over`)
    const rest = Math.ceil((end - now) / 1000)
    const text = `stopping: no new connections, ${counted(count, 'connection')} left, ${rest} s at most`
    status(text)
    if (now >= logAt) {
      log(text)
      logAt = now + LOG_MS
    }
    await pause(Math.min(LOOK_MS, end - now), hurry)
  }
}

/** => after `ms`, or when `hurry` resolves */
async function pause(ms: number, hurry: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(done => {
    timer = setTimeout(done, ms)
  })
  await Promise.race([over, hurry])
  clearTimeout(timer)
}
