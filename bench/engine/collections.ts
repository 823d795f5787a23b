/** Garbage collections by time, so that those of the measured parts can be told from those of the preparation. */

import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

export class Collections {
  readonly #seen: number[] = []
  readonly #windows: { from: number; to: number }[] = []
  readonly #observer = new PerformanceObserver(list => {
    for (const { startTime } of list.getEntries()) this.#seen.push(startTime)
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  /** Runs `measured`, whose collections count; what the preparation has left behind is collected before. */
  within<T>(measured: () => T): T {
    globalThis.gc?.()
    const from = performance.now()
    const result = measured()
    this.#windows.push({ from, to: performance.now() })
    return result
  }

  /** => Collections inside of what was measured so far; rejects if the observer heard of none at all. */
  async count(): Promise<number> {
    globalThis.gc?.()
    // The observer hears from the event loop.
    await sleep(20)
    if (this.#seen.length === 0) throw new Error('run node with --expose-gc')
    return this.#seen.filter(at => this.#windows.some(({ from, to }) => at >= from && at <= to))
      .length
  }

  close(): void {
    this.#observer.disconnect()
  }
}
