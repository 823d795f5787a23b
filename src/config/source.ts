/** The values of a config, wherever they come from, and the mistakes that are found in them. */

import type { Mistake } from '../api/refused.ts'
import { printable } from '../see/text/printable.ts'

export type Path = readonly PropertyKey[]

/** More mistakes are only counted: nobody reads them, and a file may have one in each line. */
const PROBLEMS_MAX = 1000

/** The mistakes found so far; each is told once for each place. */
export class Problems<Place> {
  readonly #all: { place: Place; path: Path; text: string }[] = []
  readonly #told = new Set<string>()
  /** Every path on the way to a mistake. */
  readonly #touched = new Set<string>()

  add(place: Place, path: Path, text: string): void {
    for (let end = 0; end <= path.length; end++) this.#touched.add(keyOf(path.slice(0, end)))
    const key = `${place}\0${keyOf(path)}\0${text}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    this.#all.push({ place, path, text })
  }

  /** There is none at `path` or below. */
  isWhole(path: Path): boolean {
    return !this.#touched.has(keyOf(path))
  }

  /** As values, in the order in which they were found. */
  values(): Mistake[] {
    const values = this.#all
      .slice(0, PROBLEMS_MAX)
      .map(({ path, text }): Mistake => ({ path: path.map(stepOf), text: printable(text) }))
    const rest = this.#all.length - values.length
    return rest > 0 ? [...values, { path: [], text: `and ${rest} more mistakes` }] : values
  }

  /** In order, as lines; `more` is what comes before `and 7 more mistakes`. */
  lines(
    line: (place: Place, path: Path, text: string) => string,
    more: string,
    order: (a: Place, b: Place) => number = () => 0,
  ): string[] {
    const sorted = this.#all.toSorted((a, b) => order(a.place, b.place))
    const lines = sorted
      .slice(0, PROBLEMS_MAX)
      .map(({ place, path, text }) => line(place, path, text))
    const rest = sorted.length - lines.length
    return rest > 0 ? [...lines, `${more}and ${rest} more mistakes`] : lines
  }
}

function stepOf(step: PropertyKey): string | number {
  return typeof step === 'number' ? step : String(step)
}

function keyOf(path: Path): string {
  return path.map(String).join('\0')
}

/** Values to be checked, and what is found wrong with them, each with its place. */
export interface ConfigSource {
  readonly value: unknown
  readonly problems: string[]
  /** The same, if their places are paths. */
  readonly mistakes?: Mistake[]
  /** No problem was found so far with what is at `path` or below. */
  isWhole(path: Path): boolean
  /** Adds a problem with the value at `path`, or with its being missing. */
  problem(path: Path, text: string): void
  unknownKey(path: Path, key: string, suggestion: string | undefined): void
  /** The place and `text`, for what is no problem. */
  remark(path: Path, text: string): string
  valueAt(path: Path): unknown
  /** Where `path` is, for a mistake that has to name a second place. */
  placeOf(path: Path): string
}

/** Values without a text, as the API and the edits have them: a mistake's place is its path. */
export class ConfigValue implements ConfigSource {
  readonly value: unknown
  readonly #problems = new Problems<string>()

  constructor(value: unknown) {
    this.value = value
  }

  get problems(): string[] {
    return this.#problems.lines((_, path, text) => this.remark(path, text), '')
  }

  get mistakes(): Mistake[] {
    return this.#problems.values()
  }

  isWhole(path: Path): boolean {
    return this.#problems.isWhole(path)
  }

  problem(path: Path, text: string): void {
    this.#problems.add(keyOf(path), path, text)
  }

  unknownKey(path: Path, key: string, suggestion: string | undefined): void {
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
    this.problem([...path, key], `expected a known key, found ${found(key)}${hint}`)
  }

  remark(path: Path, text: string): string {
    return printable(`${pathText(path)}: ${text}`)
  }

  valueAt(path: Path): unknown {
    return valueAt(this.value, path)
  }

  placeOf(path: Path): string {
    return pathText(path)
  }
}

export function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const step of path) at = (at as Record<PropertyKey, unknown> | undefined)?.[step]
  return at
}

/** A value in words, short enough for a line. */
export function found(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return short(JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value))
}

/** Cut if it is long. */
function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** arms[0].mtu, in one line whatever keys there are */
export function pathText(path: Path): string {
  const text = path
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${short(String(step))}`))
    .join('')
    .replaceAll(/[\n\t]/g, '?')
  return text.replace(/^\./, '') || 'config'
}
