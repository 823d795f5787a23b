/** What was done to the lab and when, and which troubles of clients that explains. */

import type { Kind, Trouble } from './clients/plan.ts'

/** A server of one RS was stopped; the daemon was killed, until the next one is ready; the link of the RSs was down. */
export type Doing =
  | { what: 'stopped'; kind: Kind; rs: string }
  | { what: 'killed' }
  | { what: 'unlinked' }

interface Window {
  doing: Doing
  from: number
  to: number
}

/** What a client sees of a server that has been killed. A wrong answer, and none, is no such thing. */
const OF_STOPPED = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'closed'])
/** ms behind the end of a window: who has begun to repeat something does so after longer and longer. */
const GRACE_MS = 3000

export class Windows {
  readonly #all: Window[] = []
  readonly counts = new Map<string, number>()

  /** From now on. => to be called when it is over */
  open(doing: Doing): () => void {
    const window = { doing, from: Date.now(), to: Number.POSITIVE_INFINITY }
    this.#all.push(window)
    const name = doing.what === 'stopped' ? `${doing.what} ${doing.kind}` : doing.what
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    return () => {
      window.to = Date.now()
    }
  }

  /** How often such a thing has been, for so many ms. */
  times(what: Doing['what'], ms = 0): number {
    const now = Date.now()
    const lasted = ({ from, to }: Window) => Math.min(to, now) - from >= ms
    return this.#all.filter(window => window.doing.what === what && lasted(window)).length
  }

  /** => in words what explains it, or undefined */
  explain(trouble: Trouble): string | undefined {
    const during = this.#all.filter(
      ({ from, to }) => from <= trouble.to && trouble.from <= to + GRACE_MS,
    )
    for (const { doing } of during) {
      if (doing.what === 'stopped') {
        const isIts = doing.kind === trouble.kind && (trouble.rs ?? doing.rs) === doing.rs
        const isSuch = OF_STOPPED.has(trouble.why) || trouble.kind === 'dns'
        if (isIts && isSuch) return `${doing.kind} of an RS was stopped`
      } else if (trouble.what === 'retry' && trouble.why === 'no answer') {
        return doing.what === 'killed' ? 'the daemon was killed' : 'the link of the RSs was down'
      }
    }
    return undefined
  }
}
