/**
 * The grammar of keepalived's config files: a statement is a line of words, and may have a block of statements in
 * braces. Quotes hold a word together, and `include` puts in other files. What is done with lines before that is in
 * keepalived-lines.ts; what statements mean is for keepalived.ts.
 */

import { byWord } from '../../see/text/by-word.ts'
import { type Collector, ImportError, type Place } from './imported.ts'
import { endOfQuote, Lines, type SourceFile } from './keepalived-lines.ts'
import { Statement } from './keepalived-statement.ts'
import { short } from './short.ts'

/** => the files that `include PATTERN` in file `from` means; throws an Error in one line if there are none. */
export type Include = (pattern: string, from: string) => SourceFile[]

/** Of one in another, and of all. */
const DEPTH_MAX = 16
const INCLUDES_MAX = 10_000
/** Of one block in another; keepalived knows of five. */
const BLOCKS_MAX = 100

/** Throws ImportError if braces do not match. */
export function statementsOf(
  file: SourceFile,
  include: Include,
  collector: Collector,
  configId: string,
): Statement[] {
  const reader = new TextReader(include, collector, configId)
  const root: Statement[] = []
  reader.read(file, root, [file.name])
  reader.lines.tellUnused()
  return root
}

class TextReader {
  readonly lines: Lines
  readonly #include: Include
  readonly #collector: Collector
  #files = 0

  constructor(include: Include, collector: Collector, configId: string) {
    this.lines = new Lines(collector, configId)
    this.#include = include
    this.#collector = collector
  }

  /** Appends to `into`. An included file closes what it opens and no more. */
  read(file: SourceFile, into: Statement[], within: readonly string[]): void {
    const open: { block: Statement[]; by: Statement }[] = []
    const block = () => open.at(-1)?.block ?? into
    for (const { text, place } of this.lines.of(file)) {
      // A pattern may have braces, which are no block.
      const [, keyword, pattern] = /^\s*(include[rmwba]?)\s+"?([^\s"]+)"?\s*$/.exec(text) ?? []
      if (keyword !== undefined && pattern !== undefined) {
        this.#statement(new Statement(place, [keyword, pattern]), block(), within)
        continue
      }
      let words: string[] = []
      const end = () => {
        if (words.length > 0) this.#statement(new Statement(place, words), block(), within)
        words = []
      }
      for (const token of this.#tokens(text, place)) {
        if (!token.brace) words.push(token.text)
        else if (token.text === '{') {
          // It may stand on a line of its own, behind the words that it belongs to.
          end()
          const by = block().at(-1)
          if (!by || by.block) throw new ImportError(place, 'a { without a keyword before it')
          if (open.length === BLOCKS_MAX) {
            throw new ImportError(place, `blocks more than ${BLOCKS_MAX} deep`)
          }
          by.block = []
          open.push({ block: by.block, by })
        } else {
          end()
          if (!open.pop()) throw new ImportError(place, 'a } without a { before it')
        }
      }
      end()
    }
    const last = open.at(-1)
    if (last) throw new ImportError(last.by.place, `${short(last.by.text)} { has no }`)
  }

  #tokens(text: string, place: Place): Token[] {
    const { tokens, unmatched } = tokensOf(text)
    if (unmatched) {
      const why = 'it has no second one in its line and is read as a letter'
      this.#collector.notCarried(place, `a quote in ${short(text.trim())}`, why)
    }
    return tokens
  }

  #statement(statement: Statement, into: Statement[], within: readonly string[]): void {
    if (!/^include[rmwba]?$/.test(statement.keyword)) {
      into.push(statement)
      return
    }
    const { place } = statement
    try {
      const [pattern, ...more] = statement.read(2)
      if (pattern === undefined || more.length > 0) throw new Error('expected one file name')
      for (const file of this.#include(pattern, place.file)) {
        if (within.includes(file.name)) throw new Error(`${file.name} includes itself`)
        if (within.length === DEPTH_MAX) throw new Error(`more than ${DEPTH_MAX} files deep`)
        if (++this.#files > INCLUDES_MAX) throw new Error(`more than ${INCLUDES_MAX} files`)
        this.read(file, into, [...within, file.name])
      }
    } catch (error) {
      if (error instanceof ImportError) throw error
      this.#collector.notCarried(place, statement.text, (error as Error).message)
    }
  }
}

interface Token {
  text: string
  /** `{` or `}`, and not a word that was in quotes. */
  brace: boolean
}

/** A word may have quoted parts; `${` is a definition that is not there. */
function tokensOf(line: string): { tokens: Token[]; unmatched: boolean } {
  const tokens: Token[] = []
  let unmatched = false
  /** undefined between words; quotes may hold an empty one. */
  let word: string | undefined
  const end = () => {
    if (word !== undefined) tokens.push({ text: word, brace: false })
    word = undefined
  }
  for (let i = 0; i < line.length; i++) {
    const letter = line[i] as string
    const [undefinedName] = letter === '$' ? (/^\$\{\w*\}/.exec(line.slice(i, i + 80)) ?? []) : []
    const close = letter === '"' || letter === "'" ? endOfQuote(line, i) : undefined
    if (close !== undefined) {
      const inside = line.slice(i + 1, close)
      word = (word ?? '') + (letter === '"' ? unescaped(inside) : inside)
      i = close
    } else if (undefinedName !== undefined) {
      word = (word ?? '') + undefinedName
      i += undefinedName.length - 1
    } else if (/\s/.test(letter)) end()
    else if (letter === '{' || letter === '}') {
      end()
      tokens.push({ text: letter, brace: true })
    } else if (letter === '\\') {
      const [whole = letter] = ESCAPE.exec(line.slice(i, i + 8)) ?? []
      word = (word ?? '') + unescaped(whole)
      i += whole.length - 1
    } else {
      if (letter === '"' || letter === "'") unmatched = true
      word = (word ?? '') + letter
    }
  }
  end()
  return { tokens, unmatched }
}

const ESCAPE = /^\\(?:[0-7]{1,3}|x[0-9a-f]{1,2}|c.|.)/isu
const CONTROLS: Readonly<Record<string, string>> = byWord({
  ...{ a: '\u0007', b: '\b', E: '\u001b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
})

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|c(.)|(.))/gsu,
    (_, octal, hex, control, letter) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255)
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) & 31)
      return Object.hasOwn(CONTROLS, letter) ? (CONTROLS[letter] as string) : letter
    },
  )
}
