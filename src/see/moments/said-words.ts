/** What the engine said, in few words that a note has room for, and back. */

import { byWord } from '../text/by-word.ts'
import type { Said } from './moment.ts'

interface Kind {
  words(fields: Record<string, unknown>): string
  /** Its groups are the fields of `back`. */
  pattern: RegExp
  back(found: readonly string[]): Record<string, unknown>
}

const [REPLACED, CUT] = [', another took its place', ', cut']

const KINDS: Readonly<Record<string, Kind>> = byWord({
  lookup: {
    words: ({ hit }) => `lookup ${hit === true ? 'hit' : 'miss'}`,
    pattern: /^lookup (hit|miss)$/,
    back: ([hit]) => ({ hit: hit === 'hit' }),
  },
  scheduled: {
    words: ({ rs, by, weight, servers }) => `${rs} by ${by}, weight ${weight}, one of ${servers}`,
    pattern: /^(\S+) by (scheduler|persistence|connection ID), weight (\d+), one of (\d+)$/,
    back: ([rs, by, weight, servers]) => ({
      rs,
      by,
      weight: Number(weight),
      servers: Number(servers),
    }),
  },
  lport_fetched: {
    words: ({ lip, tried, free }) =>
      `lport ${lip}, ${free} free${tried === 0 ? '' : `, LIPs without any: ${tried}`}`,
    pattern: /^lport (\S+), (\d+) free(?:, LIPs without any: (\d+))?$/,
    back: ([lip, free, tried = 0]) => ({ lip, tried: Number(tried), free: Number(free) }),
  },
  conn_del: {
    words: ({ state, replaced, cut }) =>
      `connection ended in ${state}${replaced === true ? REPLACED : cut === true ? CUT : ''}`,
    pattern: /^connection ended in (\w+)(, another took its place)?(, cut)?$/,
    back: ([state, replaced, cut]) => ({
      state,
      replaced: replaced !== undefined,
      ...(cut !== undefined && { cut: true }),
    }),
  },
  conn_kept: {
    words: ({ state }) => `another connection on the entry of one in ${state}`,
    pattern: /^another connection on the entry of one in (\w+)$/,
    back: ([state]) => ({ state }),
  },
  reset: {
    words: ({ why }) => `both ends are reset${why === 'cut' ? CUT : ''}`,
    pattern: /^both ends are reset(, cut)?$/,
    back: ([cut]) => (cut === undefined ? {} : { why: 'cut' }),
  },
  reset_rs: {
    words: () => 'what its RS still had of it is reset',
    pattern: /^what its RS still had of it is reset$/,
    back: () => ({}),
  },
})

/** '' for what other words of a note tell already, and for what is no news. */
export function saidText({ event, text, fields }: Said): string {
  if (event === 'conn_new' || event === 'state') return ''
  if (event === 'neigh' && fields.from === fields.to) return ''
  return KINDS[event]?.words(fields) ?? `${event}: ${text.trim().replaceAll(' | ', ' / ')}`
}

/** The words are the text then; undefined if they are none of these. */
export function parseSaid(words: string): Said | undefined {
  for (const [event, { pattern, back }] of Object.entries(KINDS)) {
    const found = pattern.exec(words)
    if (found) return { event, text: words, fields: back(found.slice(1)) }
  }
  const other = /^(\w+): (.*)$/.exec(words)
  return other ? { event: other[1] ?? '', text: other[2] ?? '', fields: {} } : undefined
}
