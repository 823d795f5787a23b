/** Completion inside `tapvs dpip`. */

import { DPIP_OPTIONS, OBJECTS, type WordRow } from '../dpip/words.ts'
import { type Candidate, FILES, type Lookup, optionWords, waitingFor } from './words.ts'

export async function completeDpip(
  before: readonly string[],
  current: string,
  lookup: Lookup,
): Promise<Candidate[]> {
  const options = DPIP_OPTIONS.filter(({ refused }) => !refused)
  const waiting = waitingFor(options, before)
  if (waiting) return waiting.long === 'socket' ? [FILES] : []
  if (current.startsWith('-')) return optionWords(options)
  const words = withoutOptions(before)
  const object = OBJECTS.find(({ names }) => names.includes(words[0] ?? ''))
  if (words.length === 0) return OBJECTS.map(({ names, help }) => candidate(names[0], help))
  if (!object) return []
  const verb = object.verbs.find(({ names }) => names.includes(words[1] ?? ''))
  if (words.length === 1) return object.verbs.map(({ names, help }) => candidate(names[0], help))
  if (!verb) return []
  return wordsOf(verb.words, words.slice(2), lookup)
}

async function wordsOf(
  rows: readonly WordRow[],
  said: readonly string[],
  lookup: Lookup,
): Promise<Candidate[]> {
  const used = new Set<WordRow>()
  for (let at = 0; at < said.length; at++) {
    const row = rows.find(({ word }) => word !== '' && word === said[at]) ?? aloneOf(rows, used)
    if (!row) return []
    used.add(row)
    if (row.word === '' || row.value === undefined) continue
    at++
    if (at === said.length) return row.choices ? lookup(row.choices, said) : []
  }
  const free = rows.filter(row => !used.has(row))
  const { choices } = aloneOf(rows, used) ?? {}
  const values = choices ? await lookup(choices, said) : []
  const keywords = free.filter(({ word }) => word !== '')
  return [...values, ...keywords.map(({ word, value = '' }) => candidate(word, value))]
}

/** The next value without a word. */
function aloneOf(rows: readonly WordRow[], used: ReadonlySet<WordRow>): WordRow | undefined {
  return rows.find(row => row.word === '' && !used.has(row))
}

function withoutOptions(words: readonly string[]): string[] {
  const left: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (!word.startsWith('-')) left.push(word)
    else if (waitingFor(DPIP_OPTIONS, [word])) at++
  }
  return left
}

function candidate(word: string | undefined, about: string): Candidate {
  return { word: word ?? '', about }
}
