/** What becomes of an answer that is none, or no JSON. */

import type { Reply } from './exchange.ts'
import type * as t from './types.ts'

/** The daemon said no, or gave no answer that could be read. */
export class TapvsError extends Error {
  /** Of HTTP; 0 when what answered is no tapvs daemon. */
  readonly status: number
  /** Why, if it is the daemon that refuses. */
  readonly kind: t.RefusalKind | undefined
  /** A line for each mistake in a config; mostly empty. */
  readonly problems: string[]

  constructor(message: string, status: number, { kind, problems = [] }: Partial<t.Refusal> = {}) {
    super(message)
    this.name = 'TapvsError'
    this.status = status
    this.kind = kind
    this.problems = problems
  }
}

export function parsed({ text }: Reply): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TapvsError('what answers is no tapvs daemon', 0)
  }
}

export function failed(reply: Reply): TapvsError {
  const refusal = (parsed(reply) ?? {}) as Partial<t.Refusal>
  const { error } = refusal
  if (typeof error !== 'string') return new TapvsError('what answers is no tapvs daemon', 0)
  return new TapvsError(error, reply.status, refusal)
}
