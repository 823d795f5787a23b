/**
 * The lines of a config of keepalived as it reads them: without comments, `$NAME` and `${NAME}` replaced by what they
 * were defined as when the line is read, and without those that are for other hosts (`@ID`, `@^ID`).
 */

import { dirname } from 'node:path'
import { type Collector, ImportError, type Place } from './imported.ts'
import { linesOf, short } from './short.ts'

export interface Line {
  text: string
  place: Place
}

export interface SourceFile {
  /** For remarks, and to find what it includes. */
  name: string
  text: string
}

/** Definitions can double a line again and again. */
const LINE_MAX = 65_536
/** Of all that definitions were replaced by, in letters. */
const EXPANDED_MAX = 4_194_304
/** Of one definition in another. */
const DEPTH_MAX = 32

interface Definition {
  place: Place
  value: string
  used: boolean
}

export class Lines {
  readonly #collector: Collector
  readonly #configId: string
  readonly #definitions = new Map<string, Definition>()
  #expanded = 0

  /** `configId` is what `@ID` is compared with: the balancer's host name, as a rule. */
  constructor(collector: Collector, configId: string) {
    this.#collector = collector
    this.#configId = configId
  }

  *of({ name, text }: SourceFile): Generator<Line> {
    const lines = linesOf(text)
    for (let i = 0; i < lines.length; i++) {
      const place = { file: name, line: i + 1 }
      let line = withoutComment(lines[i] as string)
      // A definition of several lines: each but the last ends with a backslash.
      while (isDefinition(line) && /\\\s*$/.test(line)) {
        if (i + 1 === lines.length || line.length > LINE_MAX) {
          throw new ImportError(place, 'a definition without its end')
        }
        line = `${line.replace(/\\\s*$/, '')}\n${withoutComment(lines[++i] as string)}`
      }
      yield* this.#lines({ text: line, place }, 0)
    }
  }

  /** Definitions that nothing has used say nothing. */
  tellUnused(): void {
    for (const [name, { place, value, used }] of this.#definitions) {
      if (!used) this.#tellUnused(name, value, place)
    }
  }

  #tellUnused(name: string, value: string, place: Place): void {
    const what = short(`$${name}=${value.replaceAll(/\s+/g, ' ').trim()}`)
    this.#collector.notCarried(place, what, 'nothing uses it')
  }

  *#lines({ text: whole, place }: Line, depth: number): Generator<Line> {
    const text = this.#forUs(whole, place)
    if (text === undefined || this.#define(text, place)) return
    if (/^\s*~(SEQx?|LST)\s*\(/.test(text)) {
      const why = 'blocks for sequences and lists are not read: write their lines out'
      this.#collector.notCarried(place, short(text.trim()), why)
      return
    }
    const replaced = this.#replaced(text, place)
    if (replaced === text || depth === DEPTH_MAX) yield { text, place }
    // What comes out may be several lines, define something or be for some hosts only.
    else
      for (const line of replaced.split('\n')) yield* this.#lines({ text: line, place }, depth + 1)
  }

  /** What is behind `@ID`; undefined and a remark if the line is for others. */
  #forUs(text: string, place: Place): string | undefined {
    const [, not = '', id, rest = ''] = /^\s*@(\^?)(\S*)(.*)$/s.exec(text) ?? []
    if (id === undefined) return text
    if ((id === this.#configId) !== (not === '^')) return rest
    const why = `it is for ${not ? 'all but ' : ''}the config-id ${short(id)}, and this is ${short(this.#configId) || 'none'}`
    this.#collector.notCarried(place, short(text.trim()), why)
    return undefined
  }

  #define(text: string, place: Place): boolean {
    const [, name, value = ''] = /^\s*\$([A-Za-z_]\w*)\s*=(.*)$/s.exec(text) ?? []
    if (name === undefined) return false
    const before = this.#definitions.get(name)
    if (before && !before.used) this.#tellUnused(name, before.value, before.place)
    this.#definitions.set(name, { place, value: value.trim(), used: false })
    return true
  }

  #replaced(text: string, place: Place): string {
    const replaced = text.replaceAll(
      /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g,
      (whole, bare, braced) => {
        const name = bare ?? braced
        const definition = this.#definitions.get(name)
        if (definition) definition.used = true
        return definition?.value ?? this.#predefined(name, place) ?? whole
      },
    )
    if (replaced !== text) this.#expanded += replaced.length
    if (replaced.length > LINE_MAX || this.#expanded > EXPANDED_MAX) {
      throw new ImportError(place, `definitions make more than ${LINE_MAX} letters of a line`)
    }
    return replaced
  }

  #predefined(name: string, { file }: Place): string | undefined {
    if (name === '_PWD') return dirname(file)
    if (name === '_INSTANCE') return this.#configId || undefined
    if (name === '_HASH') return '#'
    return name === '_BANG' ? '!' : undefined
  }
}

function isDefinition(line: string): boolean {
  return /^\s*(@\S+\s+)?\$[A-Za-z_]\w*\s*=/.test(line)
}

/** Up to a `#` or `!` that is in no quotes. A quote without its end holds nothing. */
function withoutComment(line: string): string {
  for (let i = 0; i < line.length; i++) {
    const letter = line[i] as string
    if (letter === '\\') i++
    else if (letter === '#' || letter === '!') return line.slice(0, i)
    else if (letter === '"' || letter === "'") i = endOfQuote(line, i) ?? i
  }
  return line
}

/** Where the quote that begins at `from` ends; undefined if it does not. */
export function endOfQuote(line: string, from: number): number | undefined {
  const quote = line[from]
  for (let i = from + 1; i < line.length; i++) {
    if (line[i] === quote) return i
    if (line[i] === '\\' && quote === '"') i++
  }
  return undefined
}
