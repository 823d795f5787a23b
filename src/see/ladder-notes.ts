/** What the engine said, as a line between the arrows; undefined for what the arrows already show. */

import type { Said } from './moment.ts'

/** The ladder shows a lookup's result by what follows, and states in the middle of each arrow. */
const SHOWN_BY_ARROWS: ReadonlySet<string> = new Set(['lookup', 'state', 'refused', 'not_syn'])

export function noteOf({ event, text, fields }: Said): string | undefined {
  if (SHOWN_BY_ARROWS.has(event)) return undefined
  // A hit from the RS confirms its neighbour again and again.
  if (event === 'neigh' && fields.from === fields.to) return undefined
  return WORDS[event]?.(fields) ?? text.trim()
}

type Fields = Record<string, unknown>

const WORDS: Readonly<Record<string, (fields: Fields) => string>> = {
  conn_new: ({ rs, lip }) => `opened: RS ${rs}, lport ${portOf(lip)}`,
  conn_del: () => 'ended',
  lport_fetched: ({ lip }) => `lport ${portOf(lip)} taken`,
  neigh: ({ address, from, to }) => `neighbour ${address}: ${from} -> ${to}`,
}

function portOf(endpoint: unknown): string {
  return String(endpoint).split(':').at(-1) ?? ''
}
