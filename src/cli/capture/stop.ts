/** What ends a capture before its time: Ctrl-C, SIGTERM, or the seconds that were asked for. */

export class Stop {
  readonly #abort = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined
  readonly #onSignal = () => this.#abort.abort()

  constructor(seconds?: number) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, this.#onSignal)
    if (seconds !== undefined) this.#timer = setTimeout(this.#onSignal, seconds * 1000)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Signals mean again what they always do. */
  end(): void {
    clearTimeout(this.#timer)
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#onSignal)
  }
}

/** On stderr, because stdout may be the capture. */
export function tellEnd(packets: number, lost: number): void {
  process.stderr.write(`${packets} packet${packets === 1 ? '' : 's'}, ${lost} lost\n`)
}
