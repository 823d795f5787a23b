/**
 * Options as popt reads them, which is what ipvsadm and dpip are made with: single letters may stand together, the last
 * of them may have its value attached or behind it. Parser, help, man page and completion all read the same rows.
 */

import { nearest } from '../../see/text/nearest.ts'
import { CliError } from '../daemon/client.ts'

export interface OptionRow {
  long: string
  /** Letters that mean the same; the first is the one that is shown. */
  short?: string
  /** What follows, by the names that help shows. */
  values?: readonly string[]
  /** The value may be missing: what follows is one if it is no option. */
  optional?: boolean
  /** What the first value can be, for completion: words, or the kind of things the daemon is asked for. */
  choices?: readonly string[] | Asked
  help: string
  /** Why it cannot be used here, said after its name. */
  refused?: string
}

/** Values that only the daemon knows. */
export type Asked =
  | 'service'
  | 'server'
  | 'lip'
  | 'arm'
  | 'address'
  | 'neighbour'
  | 'route'
  | 'ipset'

/** Of every verb that says or is told a time. */
export const UTC_OPTION: OptionRow = { long: 'utc', help: 'times in UTC, and not in local time' }

/** Options that every verb has, for the verbs with a grammar of their own. */
export const COMMON_OPTIONS: readonly OptionRow[] = [
  { long: 'socket', values: ['PATH'], help: 'control socket of the daemon to ask' },
  { long: 'help', short: 'h', help: 'this text' },
]

export interface Given {
  /** Values by the option's long name; an option without values has none. */
  options: Map<string, string[]>
  /** What is no option, in order. */
  words: string[]
}

/** A mistake in how the command line is used. */
export function usage(message: string): CliError {
  return new CliError(message, 2)
}

/** -t, or --stats if it has no letter */
export function shown({ long, short }: Pick<OptionRow, 'long' | 'short'>): string {
  return short ? `-${short[0]}` : `--${long}`
}

/** Throws CliError in one line at the first mistake; `tool` is what the user called, for hints. */
export function readOptions(
  rows: readonly OptionRow[],
  argv: readonly string[],
  tool: string,
): Given {
  const options = new Map<string, string[]>()
  const words: string[] = []
  let at = 0

  const take = (row: OptionRow, attached: string | undefined) => {
    if (row.refused) throw usage(`${shown(row)}: ${row.refused}`)
    const names = row.values ?? []
    const values = attached === undefined ? [] : [attached]
    if (values.length > names.length) throw usage(`--${row.long} takes no value`)
    while (values.length < names.length) {
      if (row.optional && (argv[at] ?? '-').startsWith('-')) break
      const value = argv[at++]
      if (value === undefined)
        throw usage(`${shown(row)} needs ${names.slice(values.length).join(' ')}`)
      values.push(value)
    }
    if (names.length > 0 && options.has(row.long)) throw usage(`${shown(row)} is given twice`)
    options.set(row.long, values)
  }

  const takeLetters = (letters: string) => {
    if (letters.length > 2 && rows.some(({ long }) => long === letters))
      throw usage(`unknown option -${letters}; did you mean --${letters}?`)
    for (let i = 0; i < letters.length; i++) {
      const row = rows.find(({ short }) => short?.includes(letters[i] as string))
      if (!row) throw usage(unknownLetter(rows, letters, i, tool))
      if (!row.values) take(row, undefined)
      else return take(row, letters.slice(i + 1).replace(/^=/, '') || undefined)
    }
  }

  while (at < argv.length) {
    const word = argv[at++] as string
    if (word === '--') return { options, words: [...words, ...argv.slice(at)] }
    if (word.startsWith('--')) {
      const [, name = '', attached] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
      const row = rows.find(({ long }) => long === name)
      if (!row) throw usage(unknownName(rows, name, tool))
      take(row, attached)
    } else if (word.startsWith('-') && word.length > 1) takeLetters(word.slice(1))
    else words.push(word)
  }
  return { options, words }
}

function unknownName(rows: readonly OptionRow[], name: string, tool: string): string {
  const known = rows.filter(({ refused }) => !refused).map(({ long }) => long)
  const meant = nearest(name, known)
  return `unknown option --${name}${meant ? `; did you mean --${meant}?` : `; see ${tool} --help`}`
}

function unknownLetter(
  rows: readonly OptionRow[],
  letters: string,
  i: number,
  tool: string,
): string {
  // A long option with one dash is read as letters.
  const meant = nearest(
    letters,
    rows.map(({ long }) => long).filter(long => long.length > 2),
  )
  if (letters.length > 2 && meant) return `unknown option -${letters}; did you mean --${meant}?`
  const inside = letters.length > 1 ? ` in -${letters}` : ''
  return `unknown option -${letters[i]}${inside}; see ${tool} --help`
}

/** `-t, --tcp-service VIP:PORT` */
export function optionTerm(row: OptionRow): string {
  const letters = [...(row.short ?? '')].map(letter => `-${letter}`)
  return [[...letters, `--${row.long}`].join(', '), ...valueNames(row)].join(' ')
}

/** What follows it, one that may be missing in brackets. */
export function valueNames({ values = [], optional }: OptionRow): readonly string[] {
  return optional ? values.map(name => `[${name}]`) : values
}

/** Terms and what they mean in two columns, folded at `width`; a term too long for its column has a line of its own. */
export function twoColumns(rows: readonly (readonly [string, string])[], width = 100): string {
  const column = Math.min(34, Math.max(...rows.map(([term]) => term.length)))
  let text = ''
  for (const [term, meaning] of rows) {
    const lines = fold(meaning, width - column - 4)
    text += term.length > column ? `  ${term}\n` : `  ${term.padEnd(column)}  ${lines.shift()}\n`
    for (const line of lines) text += `${' '.repeat(column + 4)}${line}\n`
  }
  return text
}

/** Breaks a text at blanks into lines of at most `width`. */
export function fold(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
