/**
 * What the daemon tells its service manager, by sd_notify(3): a datagram of `NAME=value` lines to the socket that
 * $NOTIFY_SOCKET names. Without that variable nothing is said. A manager that cannot be told is a line in the log, once,
 * and no reason to end.
 */

import { notify } from '../../io/native.ts'

/** Signs of life per WatchdogSec, so that one that is late or lost is not the end. */
const SIGNS = 3

export class Notifier {
  readonly #socket: string
  readonly #send: (text: string) => void
  /** ms between two signs of life; 0 when nobody waits for any. */
  readonly #period: number
  #warn: ((text: string) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #status = ''

  /**
   * Takes its variables out of `environment`, so that no child of ours speaks for us. `send` is how it is told, if another
   * process does that.
   */
  constructor(
    environment: NodeJS.ProcessEnv,
    warn: (text: string) => void,
    send?: (text: string) => void,
  ) {
    this.#socket = environment.NOTIFY_SOCKET ?? ''
    this.#send = send ?? (text => notify(this.#socket, text))
    this.#warn = warn
    const { WATCHDOG_PID: pid, WATCHDOG_USEC: usec } = environment
    const forUs = pid === undefined || Number(pid) === process.pid
    this.#period = this.#socket && forUs ? Math.floor(Number(usec ?? 0) / 1000 / SIGNS) || 0 : 0
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC']) delete environment[name]
  }

  ready(status: string): void {
    this.#status = status
    this.#say('READY=1', `STATUS=${status}`)
  }

  status(status: string): void {
    this.#status = status
    this.#say(`STATUS=${status}`)
  }

  /** ready() ends it. */
  reloading(): void {
    // CLOCK_MONOTONIC, which is what hrtime reads; the manager's own variables have to be later.
    this.#say(
      'RELOADING=1',
      `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
      'STATUS=reloading',
    )
  }

  /** The end has begun and may take so long before the manager should lose patience. */
  stopping(status: string, seconds: number): void {
    this.#status = status
    this.#say('STOPPING=1', `EXTEND_TIMEOUT_USEC=${seconds * 1e6}`, `STATUS=${status}`)
  }

  /** Gives signs of life for as long as `alive` says so. */
  watch(alive: () => Promise<boolean>): void {
    if (this.#period === 0) return
    let answered = true
    const look = async () => {
      // Not with setInterval: a worker that is asked again before it has answered would only have more to do.
      const before = answered
      answered = await alive().catch(() => false)
      if (answered) this.#say('WATCHDOG=1', ...(before ? [] : [`STATUS=${this.#status}`]))
      else this.#say('STATUS=a packet thread does not answer')
      if (this.#timer !== undefined) this.#timer = setTimeout(look, this.#period)
    }
    this.#timer = setTimeout(look, 0)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #say(...lines: string[]): void {
    if (!this.#socket) return
    try {
      this.#send(`${lines.map(line => line.replaceAll('\n', ' ')).join('\n')}\n`)
    } catch (error) {
      this.#warn?.(`the service manager cannot be told: ${(error as Error).message}`)
      this.#warn = undefined
    }
  }
}
