/**
 * The grammar of keepalived's config files: a statement is a line of words, and may have a block of statements in
 * braces. `#` and `!` begin a comment, quotes hold a word together, `$NAME=...` defines what `$NAME` stands for, and
 * `include` puts in other files. What the statements mean is for keepalived.ts.
 */

import { type Collector, ImportError, linesOf, type Place, short } from './imported.ts'

export interface Statement {
  words: string[]
  place: Place
  /** null without braces. */
  block: Statement[] | null
}

export interface SourceFile {
  /** For remarks, and to find what it includes. */
  name: string
  text: string
}

/** => the files that `include PATTERN` in file `from` means; throws an Error in one line if there are none. */
export type Include = (pattern: string, from: string) => SourceFile[]

/** Definitions can double a line again and again. */
const LINE_MAX = 65_536
/** Of one in another, and of all. */
const DEPTH_MAX = 16
const INCLUDES_MAX = 10_000

/** Throws ImportError if quotes or braces do not match. */
export function statementsOf(
  file: SourceFile,
  include: Include,
  collector: Collector,
): Statement[] {
  const reader = new TextReader(include, collector)
  const root: Statement[] = []
  reader.read(file, root, [file.name])
  return root
}

interface Token {
  text: string
  /** `{` or `}`, and not a word that was in quotes. */
  brace: boolean
}

class TextReader {
  readonly #include: Include
  readonly #collector: Collector
  #files = 0
  readonly #definitions = new Map<string, string>()

  constructor(include: Include, collector: Collector) {
    this.#include = include
    this.#collector = collector
  }

  /** Appends to `into`. An included file closes what it opens and no more. */
  read(file: SourceFile, into: Statement[], within: readonly string[]): void {
    const open: { block: Statement[]; by: Statement }[] = []
    for (const [i, raw] of linesOf(file.text).entries()) {
      const place = { file: file.name, line: i + 1 }
      const line = this.#expanded(raw, place)
      if (this.#isDefinition(line, place)) continue
      let words: string[] = []
      const block = () => open.at(-1)?.block ?? into
      const end = () => {
        if (words.length > 0) this.#statement({ words, place, block: null }, block(), within)
        words = []
      }
      for (const token of tokensOf(line, place)) {
        if (!token.brace) words.push(token.text)
        else if (token.text === '{') {
          // It may stand on a line of its own, behind the words that it belongs to.
          end()
          const by = block().at(-1)
          if (!by || by.block) throw new ImportError(place, 'a { without a keyword before it')
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
    if (last) throw new ImportError(last.by.place, `${short(last.by.words.join(' '))} { has no }`)
  }

  #statement(statement: Statement, into: Statement[], within: readonly string[]): void {
    const { words, place } = statement
    if (!/^include[rmwba]?$/.test(words[0] ?? '')) {
      into.push(statement)
      return
    }
    const text = words.join(' ')
    try {
      if (words.length !== 2) throw new Error('expected one file name')
      for (const file of this.#include(words[1] as string, place.file)) {
        if (within.includes(file.name)) throw new Error(`${file.name} includes itself`)
        if (within.length === DEPTH_MAX) throw new Error(`more than ${DEPTH_MAX} files deep`)
        if (++this.#files > INCLUDES_MAX) throw new Error(`more than ${INCLUDES_MAX} files`)
        this.read(file, into, [...within, file.name])
      }
    } catch (error) {
      if (error instanceof ImportError) throw error
      this.#collector.notCarried(place, text, (error as Error).message)
    }
  }

  #expanded(line: string, place: Place): string {
    const text = line.replaceAll(/\$(?:(\w+)|\{(\w+)\})(?!\w*\s*=)/g, (whole, bare, braced) => {
      return this.#definitions.get(bare ?? braced) ?? whole
    })
    if (text.length > LINE_MAX)
      throw new ImportError(place, `a line of more than ${LINE_MAX} letters`)
    return text
  }

  #isDefinition(line: string, place: Place): boolean {
    const [, name, value = ''] = /^\s*\$(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined) return false
    if (value.endsWith('\\')) {
      throw new ImportError(place, `$${name} goes on in the next line: put it on one`)
    }
    this.#definitions.set(name, value)
    return true
  }
}

function tokensOf(line: string, place: Place): Token[] {
  const tokens: Token[] = []
  // A word may have a quoted part; `${` is a definition that is not there.
  const pattern =
    /\s+|([#!].*)|([{}])|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\{\w*\}|\\.|[^\s#!{}"'\\])+)|(.)/suy
  while (pattern.lastIndex < line.length) {
    const [, comment, brace, word, strange] = pattern.exec(line) ?? []
    if (comment !== undefined) break
    if (strange === '"' || strange === "'") throw new ImportError(place, 'a quote without its end')
    if (brace !== undefined) tokens.push({ text: brace, brace: true })
    else if (word !== undefined) tokens.push({ text: unquoted(word), brace: false })
    else if (strange !== undefined) tokens.push({ text: strange, brace: false })
  }
  return tokens
}

function unquoted(word: string): string {
  return word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gsu, (_, double, single, escaped) =>
    double === undefined ? (single ?? escaped) : double.replaceAll(/\\(["\\])/g, '$1'),
  )
}
