/**
 * Statements of a config of keepalived, and the account of their words: each is read by the rule that it is for, or is
 * told of as not carried over. `tellUnread` tells what nobody has asked for, so that nothing is lost in silence.
 */

import type { Collector, Place } from './imported.ts'
import { short } from './short.ts'

interface Word {
  text: string
  /** A rule has taken it, or has said why not. */
  settled: boolean
}

export class Statement {
  readonly place: Place
  readonly #words: Word[]
  /** null without braces. */
  block: Statement[] | null = null

  constructor(place: Place, words: readonly string[]) {
    this.place = place
    this.#words = words.map(text => ({ text, settled: false }))
  }

  get keyword(): string {
    return this.#words[0]?.text ?? ''
  }

  /** Its words, for remarks. */
  get text(): string {
    return this.#words.map(({ text }) => text).join(' ')
  }

  /** The same, short, and whether it has a block. */
  get said(): string {
    return `${short(this.text)}${this.block ? ' {...}' : ''}`
  }

  /** => up to `count` words behind the keyword, which count as read from now on, as the keyword does */
  read(count: number): string[] {
    const taken = this.#words.slice(0, count + 1)
    for (const word of taken) word.settled = true
    return taken.slice(1).map(({ text }) => text)
  }

  /** The word behind the keyword, read. */
  get value(): string | undefined {
    return this.read(1)[0]
  }

  /** The same for a number. Older versions read one up to its first other letter, so `3;` is met in old files. */
  number(collector: Collector): string | undefined {
    const { value } = this
    if (value === undefined || !/^[\d.]+;$/.test(value)) return value
    const why = 'keepalived 2 does not read such a number, here it means nothing'
    collector.note(this.place, 'a semicolon behind a number', why)
    return value.slice(0, -1)
  }

  /** All of it was told, with what is in it; or it says what is so anyway. */
  settle(): void {
    for (const word of this.#words) word.settled = true
    for (const inner of this.block ?? []) inner.settle()
  }

  /** What of its words nobody has read. */
  get unread(): string[] {
    return this.#words.filter(({ settled }) => !settled).map(({ text }) => text)
  }

  /** => statements that begin at these words; the block goes to the `heir`-th */
  cut(starts: readonly number[], heir: number): Statement[] {
    const words = this.#words.map(({ text }) => text)
    return starts.map((start, i) => {
      const piece = new Statement(this.place, words.slice(start, starts[i + 1]))
      if (i === heir) piece.block = this.block
      return piece
    })
  }

  /** The places of the words, from the `from`-th on, for which `holds`. */
  placesOf(holds: (word: string) => boolean, from: number): number[] {
    return this.#words.flatMap(({ text }, i) => (i >= from && holds(text) ? [i] : []))
  }
}

/** What may stand in a block. */
export interface Grammar {
  knows: (word: string) => boolean
  /** How many words behind a keyword belong to it, whatever they are. */
  least: (keyword: string) => number
  hasBlock: (keyword: string) => boolean
}

/**
 * Several keywords on one line are several statements, as their writer meant them. keepalived 2 passes over all but
 * the first, which is a note and no reason to lose them.
 */
export function apart(
  statements: readonly Statement[],
  grammar: Grammar,
  collector: Collector,
): Statement[] {
  return statements.flatMap(statement => {
    if (!grammar.knows(statement.keyword)) return [statement]
    const starts = [0]
    let from = 1 + grammar.least(statement.keyword)
    for (const at of statement.placesOf(grammar.knows, from)) {
      if (at < from) continue
      starts.push(at)
      const [piece] = statement.cut([at], -1)
      from = at + 1 + grammar.least(piece?.keyword ?? '')
    }
    let pieces = statement.cut(starts, starts.length - 1)
    if (statement.block) {
      // `real_server 10.0.0.1 80 weight 5 {`: the block is not the weight's.
      const heir = pieces.findLastIndex(({ keyword }) => grammar.hasBlock(keyword))
      if (heir >= 0) pieces = statement.cut(starts.slice(0, heir + 1), heir)
    }
    if (pieces.length < 2) return [statement]
    const why = 'keepalived 2 reads only the first of them, here each is read'
    collector.note(statement.place, 'several keywords on one line', why)
    return pieces
  })
}

/** Of statements that set the same value the last one counts, and the others are told. */
export function lastOfEach(
  statements: readonly Statement[],
  sets: (keyword: string) => string | undefined,
  collector: Collector,
  label: string,
): Statement[] {
  const last = new Map<string, Statement>()
  for (const statement of statements) {
    const what = sets(statement.keyword)
    if (what !== undefined) last.set(what, statement)
  }
  return statements.filter(statement => {
    const by = last.get(sets(statement.keyword) ?? '')
    if (by === undefined || by === statement) return true
    statement.settle()
    const why = `${by.keyword} in line ${by.place.line} takes its place`
    collector.notCarried(statement.place, `${statement.said} of ${label}`, why)
    return false
  })
}

/** Says of each word that nobody has read that it is not carried over. */
export function tellUnread(statements: readonly Statement[], collector: Collector): void {
  for (const statement of statements) {
    const { unread, text, said, place, block, keyword } = statement
    const words = unread.join(' ')
    if (words === text) {
      statement.settle()
      collector.notCarried(place, said, 'nothing here reads it')
      continue
    }
    if (words !== '') {
      const why = `${keyword} has no use for it`
      collector.notCarried(place, `${short(words)} of ${short(text)}`, why)
    }
    tellUnread(block ?? [], collector)
  }
}
