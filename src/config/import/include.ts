/** Files that keepalived's `include` names: relative to the file that it stands in, with the wildcards of glob(7). */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Include } from './keepalived-text.ts'

/** Of the patterns that braces make of one, and of the files that one names. */
const PATTERNS_MAX = 256
const FILES_MAX = 10_000
/** PATH_MAX of Linux. */
const PATH_MAX = 4096

export const includeFiles: Include = (pattern, from) => {
  if (pattern.length > PATH_MAX) throw new Error(`it has more than ${PATH_MAX} letters`)
  const base = from === '-' || from === 'stdin' ? '.' : dirname(from)
  const files = new Set<string>()
  for (const one of alternatives(pattern)) {
    for (const file of matching(resolve(base, one))) files.add(file)
    if (files.size > FILES_MAX) throw new Error(`it names more than ${FILES_MAX} files`)
  }
  if (files.size === 0) throw new Error('there is no such file')
  return [...files].map(file => ({ name: file, text: textOf(file) }))
}

function textOf(file: string): string {
  // A pipe would be waited for without end.
  if (!statSync(file).isFile()) throw new Error(`${file} is no regular file`)
  return readFileSync(file, 'utf8')
}

/** `a{b,c{d,e}}` => ab, acd, ace */
export function alternatives(pattern: string): string[] {
  const done: string[] = []
  const todo = [pattern]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const found = firstBraces(next)
    if (!found) done.push(next)
    else {
      const { from, to, items } = found
      todo.push(...items.map(item => next.slice(0, from) + item + next.slice(to)).reverse())
    }
    if (todo.length + done.length > PATTERNS_MAX) {
      throw new Error(`its braces make more than ${PATTERNS_MAX} patterns`)
    }
  }
  return done
}

/** The first pair of braces with a comma of its own, which parts its items. */
function firstBraces(pattern: string) {
  for (let from = pattern.indexOf('{'); from >= 0; from = pattern.indexOf('{', from + 1)) {
    const items: string[] = []
    let begin = from + 1
    for (let depth = 0, at = from; at < pattern.length; at++) {
      const letter = pattern[at]
      if (letter === '{') depth++
      else if (letter === '}') depth--
      if (depth === 0 || (depth === 1 && letter === ',')) {
        items.push(pattern.slice(begin, at))
        begin = at + 1
      }
      if (depth === 0) break
    }
    if (items.length > 1 && pattern[begin - 1] === '}') return { from, to: begin, items }
  }
  return undefined
}

/** Existing files of an absolute pattern, in the order of their names. */
function matching(pattern: string): string[] {
  let paths = ['/']
  const names = pattern.split('/').filter(name => name !== '')
  for (const [i, name] of names.entries()) {
    const last = i === names.length - 1
    paths = paths.flatMap(folder => {
      const join = (entry: string) => `${folder === '/' ? '' : folder}/${entry}`
      if (!/[*?[]/.test(name)) return last && !exists(join(name)) ? [] : [join(name)]
      return entriesOf(folder)
        .filter(entry => (name.startsWith('.') || !entry.startsWith('.')) && globs(name, entry))
        .map(join)
    })
    if (paths.length > FILES_MAX) throw new Error(`it names more than ${FILES_MAX} files`)
  }
  return paths
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new Error(message)
  }
}

/**
 * `*`, `?` and `[a-z]`, `[!a]` in one name. Only the latest star is tried again, which is enough and takes no more
 * steps than the product of both lengths, whatever the pattern.
 */
export function globs(pattern: string, name: string): boolean {
  const parts = pattern.match(/\[[!^]?\]?[^\]]*\]|./gsu) ?? []
  const letters = [...name]
  let at = 0
  let star = -1
  let starAt = 0
  for (let i = 0; i < letters.length; ) {
    const part = parts[at]
    if (part === '*') {
      star = at++
      starAt = i
    } else if (part !== undefined && fits(part, letters[i] as string)) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++starAt
    } else return false
  }
  return parts.slice(at).every(part => part === '*')
}

function fits(part: string, letter: string): boolean {
  if (part === '?') return true
  const [, not, set] = /^\[([!^]?)(.+)\]$/su.exec(part) ?? []
  if (set === undefined) return part === letter
  const isIn = [...set.matchAll(/(.)-(.)|(.)/gsu)].some(([, from, to, one]) =>
    one === undefined ? `${from}` <= letter && letter <= `${to}` : one === letter,
  )
  return isIn !== (not !== '')
}
