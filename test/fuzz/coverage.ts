/**
 * Which blocks of the product's code have been run, as V8 counts them in this process: what a fuzzer goes by. Only functions that are
 * compiled behind start() are counted by blocks, so nothing of what is to be seen may have been called before.
 */

import { type Profiler, Session } from 'node:inspector'

export class Coverage {
  readonly #session = new Session()
  readonly #files: RegExp
  /** Of a function, `script:from`: its blocks that were run, as text offsets. */
  readonly #seen = new Set<string>()

  /** `files` says whose code counts, by its URL. */
  constructor(files: RegExp) {
    this.#files = files
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    this.take()
  }

  /** Blocks that were run at all. */
  get blocks(): number {
    return this.#seen.size
  }

  /** => Blocks that were run since the last call and never were before */
  take(): Set<string> {
    const fresh = new Set<string>()
    for (const block of this.#run()) {
      if (this.#seen.has(block)) continue
      this.#seen.add(block)
      fresh.add(block)
    }
    return fresh
  }

  /** => Those of `wanted` that were run since the last call */
  among(wanted: ReadonlySet<string>): string[] {
    return [...this.#run()].filter(block => wanted.has(block))
  }

  *#run(): Generator<string> {
    let result: Profiler.ScriptCoverage[] = []
    // In the same process it answers at once.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error === null) result = taken.result
    })
    for (const { url, functions, scriptId } of result) {
      if (!this.#files.test(url)) continue
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) yield `${scriptId}:${startOffset}-${endOffset}`
    }
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }
}
