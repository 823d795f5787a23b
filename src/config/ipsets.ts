/** Named sets of prefixes, which lists of services name as `ipset:NAME` (semantics 8.2): each is one list, however many name it. */

import * as z from 'zod'
import { ipsetText, isIpset } from './ipset-names.ts'
import {
  A_PREFIX,
  type PackedList,
  PREFIXES_MAX,
  packList,
  plainPrefix,
  prefixesOf,
  prefixProblem,
} from './prefix-lists.ts'
import type { ConfigSource, Path } from './source.ts'

/** As long as the kernel's may be. */
const A_NAME = 'a name of 1-31 letters, digits, dots, dashes and underscores'

export const ipsetSchema = z.strictObject(
  {
    name: z.string(A_NAME).regex(/^[\w.-]{1,31}$/, A_NAME),
    prefixes: z.array(z.string(A_PREFIX), 'a list').default([]),
  },
  'a mapping',
)

type Ipset = z.output<typeof ipsetSchema>

/** One of a file that may have mistakes elsewhere. */
export interface ReadIpset {
  name?: string | undefined
  prefixes?: readonly (string | null)[] | undefined
}

/** Adds problems of all sets to `source`. => how many prefixes they have */
export function checkIpsets(sets: readonly (ReadIpset | null)[], source: ConfigSource): number {
  let all = 0
  const names = new Set<string>()
  for (const [i, set] of sets.entries()) {
    const { name, prefixes = [] } = set ?? {}
    if (name !== undefined && names.has(name))
      source.problem(['ipsets', i, 'name'], `expected each once, found ${name} again`)
    if (name !== undefined) names.add(name)
    all += checkPrefixes(prefixes, ['ipsets', i, 'prefixes'], source, prefixProblem)
  }
  return all
}

/** Adds problems of a list to `source`; `problemOf` says what is wrong with one text by itself. => how many there are */
export function checkPrefixes(
  texts: readonly (string | null)[],
  path: Path,
  source: ConfigSource,
  problemOf: (text: string) => string | undefined,
): number {
  const seen = new Set<string>()
  for (const [j, text] of texts.entries()) {
    if (text === null) continue
    const problem = problemOf(text)
    if (problem !== undefined) {
      source.problem([...path, j], problem)
      continue
    }
    const plain = isIpset(text) ? text : plainPrefix(text)
    if (seen.has(plain)) source.problem([...path, j], `expected each once, found ${plain} again`)
    seen.add(plain)
  }
  if (texts.length > PREFIXES_MAX)
    source.problem(path, `expected at most ${PREFIXES_MAX} prefixes, found ${texts.length}`)
  return texts.length
}

/** By the names that lists have for them. */
export function ipsetLists(sets: readonly Ipset[]): [name: string, list: PackedList][] {
  return sets.map(({ name, prefixes }) => [ipsetText(name), packList(prefixesOf(prefixes))])
}
