/** Whether the other end lives: it is asked when it has long been silent, and given up when it never answers. */

import type { Due, Events } from './events.ts'

const PROBES = 9

export class Keepalive {
  readonly #events: Events
  readonly #ms: number
  readonly #act: (isAsked: boolean) => void
  #due: Due | undefined
  #probes = 0

  /** `ms` of silence, 0 for never; `act` asks, or with false gives up. */
  constructor(events: Events, ms: number, act: (isAsked: boolean) => void) {
    this.#events = events
    this.#ms = ms
    this.#act = act
  }

  /** Something has come. */
  heard(): void {
    if (this.#ms === 0) return
    this.#probes = 0
    this.#again()
  }

  stop(): void {
    this.#events.cancel(this.#due)
  }

  #again(): void {
    this.#events.cancel(this.#due)
    this.#due = this.#events.after(this.#ms, () => this.#ask())
  }

  #ask(): void {
    const isAsked = ++this.#probes <= PROBES
    if (isAsked) this.#again()
    this.#act(isAsked)
  }
}
