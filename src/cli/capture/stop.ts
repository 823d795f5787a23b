/**
 * What ends a capture before its time: Ctrl-C, SIGTERM, or the seconds that were asked for. The recorder may be ahead of its
 * reader then, so the reader goes on until it has seen what was there at that moment; a second signal cuts it short.
 */

import { counted } from '../../see/text/counted.ts'

/** Nothing comes for so long: there is nothing more. The daemon looks at the recorder every 20 ms. */
const IDLE_MS = 200
/** A reader that does not catch up in this time does not catch up. */
const PATIENCE_MS = 5000

export class Stop {
  readonly #abort = new AbortController()
  readonly #timers: NodeJS.Timeout[] = []
  #idle: NodeJS.Timeout | undefined
  /** µs since 1970; what is later is not wanted. */
  #until = Number.POSITIVE_INFINITY
  readonly #onSignal = () => this.#begin()

  constructor(seconds?: number) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, this.#onSignal)
    if (seconds !== undefined) this.#timers.push(setTimeout(this.#onSignal, seconds * 1000))
  }

  /** Ends the reading. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Something has come, the latest of it of this time. */
  saw(us: number): void {
    if (us > this.#until) this.#abort.abort()
    this.#idle?.refresh()
  }

  /** Signals mean again what they always do. */
  end(): void {
    for (const timer of [...this.#timers, this.#idle]) clearTimeout(timer)
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#onSignal)
  }

  #begin(): void {
    if (this.#idle) return void this.#abort.abort()
    this.#until = Date.now() * 1000
    this.#idle = setTimeout(() => this.#abort.abort(), IDLE_MS)
    this.#timers.push(setTimeout(() => this.#abort.abort(), PATIENCE_MS))
  }
}

/** On stderr, because stdout may be the capture. */
export function tellEnd(packets: number, lost: number): void {
  process.stderr.write(`${counted(packets, 'packet')}, ${lost} lost\n`)
}
