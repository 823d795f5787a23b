/** What the clients of a soak have done, and what has gone wrong. */

import { type Counts, type Kind, MANNERS, type Manner, type Said, type Tally } from './plan.ts'

const say = (said: Said) => process.stdout.write(`${JSON.stringify(said)}\n`)

export class Report {
  readonly #counts = Object.fromEntries(
    MANNERS.map(manner => [manner, { done: 0, longestMs: 0, heldBack: 0 }]),
  ) as Record<Manner, Counts>

  /** @param from Date.now() when it was begun */
  done(manner: Manner, from: number): void {
    const counts = this.#counts[manner]
    counts.done++
    counts.longestMs = Math.max(counts.longestMs, Date.now() - from)
  }

  heldBack(manner: Manner): void {
    this.#counts[manner].heldBack++
  }

  error(manner: Manner, kind: Kind, from: number, rs: string | null, why: string): void {
    say({ what: 'error', kind, manner, from, to: Date.now(), rs, why })
  }

  retry(from: number, why: string): void {
    say({ what: 'retry', kind: 'dns', manner: 'dns', from, to: Date.now(), rs: null, why })
  }

  tally(): void {
    const of: Tally['of'] = structuredClone(this.#counts)
    say({ what: 'tally', of })
    for (const counts of Object.values(this.#counts)) counts.longestMs = 0
  }
}

/** The reason in a word that tells kinds apart: of a system call its code. */
export function whyOf(error: unknown): string {
  const { code, message, name } = error as NodeJS.ErrnoException
  return name === 'Error' ? (code ?? message) : message
}
