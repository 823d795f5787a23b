/** The views of the page and the address of each: which one it is, and the words by which it is narrowed down. */

import type { LivePart } from '../api/page.ts'
import { whole } from './format.ts'
import { queryText, queryWords } from './query-text.ts'

interface View {
  id: string
  title: string
  words: readonly string[]
  parts: readonly LivePart[]
}

/**
 * In the order of the navigation. `words` are those that the view knows, `parts` what it is told every second beside what
 * all are.
 */
export const VIEWS = [
  { id: 'overview', title: 'Overview', words: [], parts: ['services'] },
  {
    id: 'services',
    title: 'Services',
    words: ['search', 'show', 'sort', 'order'],
    parts: ['services'],
  },
  {
    id: 'connections',
    title: 'Connections',
    words: ['search', 'client', 'protocol', 'state', 'rs', 'sort', 'order'],
    parts: [],
  },
  { id: 'ladder', title: 'Ladder', words: ['filter'], parts: [] },
  { id: 'states', title: 'States', words: [], parts: ['edges'] },
  { id: 'lports', title: 'Lports', words: [], parts: ['services'] },
  { id: 'drops', title: 'Drops', words: [], parts: [] },
] as const satisfies readonly View[]
export type ViewId = (typeof VIEWS)[number]['id']

export interface Place {
  view: ViewId
  words: Readonly<Record<string, string>>
}

const FIRST: Place = { view: 'overview', words: {} }
/** Names that views had when they were sections of one page. */
const ONCE: Readonly<Record<string, ViewId>> = { 'over-time': 'drops' }
/** Letters of a word; more nobody types. */
const WORD_MAX = 500

/**
 * `#services?search=10.0`; what is no view leads to the first one. Once the ladder's filter stood before the `#`, and
 * such addresses still lead there.
 */
export function placeOf({ hash, search }: { hash: string; search: string }): Place {
  const [, name = '', query = ''] = /^#([a-z-]+)(?:\?(.*))?$/.exec(hash) ?? []
  const view = VIEWS.find(({ id }) => id === (ONCE[name] ?? name))
  if (view) return { view: view.id, words: wordsOf(view.words, queryWords(query)) }
  const filter = queryWords(search.replace(/^\?/, '')).get('ladder')?.slice(0, WORD_MAX)
  return filter === undefined ? FIRST : { view: 'ladder', words: { filter } }
}

function wordsOf(known: readonly string[], given: ReadonlyMap<string, string>): Place['words'] {
  return Object.fromEntries(
    known.flatMap(key => {
      const text = given.get(key)?.trim().slice(0, WORD_MAX) ?? ''
      return text === '' ? [] : [[key, text]]
    }),
  )
}

/** What placeOf reads. */
export function hashOf({ view, words }: Place): string {
  const text = queryText(words)
  return text === '' ? `#${view}` : `#${view}?${text}`
}

/** What a view is told, as `/ui/live?parts=` takes it. */
export function partsOf(view: ViewId): readonly LivePart[] {
  return VIEWS.find(({ id }) => id === view)?.parts ?? []
}

/** Of the document: which view it is stands first, for who has many tabs or hears it read. */
export function titleOf(
  view: ViewId,
  now: { connections: number | undefined; heard: boolean },
): string {
  const title = VIEWS.find(({ id }) => id === view)?.title ?? ''
  const { connections, heard } = now
  const count =
    connections === undefined
      ? []
      : [`${whole(connections)} connection${connections === 1 ? '' : 's'}`]
  return [...(heard ? [] : ['no word']), title, ...(heard ? count : []), 'tapvs'].join(' · ')
}
