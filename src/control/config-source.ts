/** The values of a config, wherever they come from, and the mistakes that are found in them. */

export type Path = readonly PropertyKey[]

/** Values to be checked, and what is found wrong with them, each with its place. */
export interface ConfigSource {
  readonly value: unknown
  readonly problems: string[]
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
  readonly problems: string[] = []
  readonly #paths: Path[] = []

  constructor(value: unknown) {
    this.value = value
  }

  isWhole(path: Path): boolean {
    return !this.#paths.some(problem => path.every((step, i) => problem[i] === step))
  }

  problem(path: Path, text: string): void {
    this.#paths.push(path)
    this.problems.push(this.remark(path, text))
  }

  unknownKey(path: Path, key: string, suggestion: string | undefined): void {
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
    this.problem([...path, key], `expected a known key, found ${found(key)}${hint}`)
  }

  remark(path: Path, text: string): string {
    return `${pathText(path)}: ${text}`
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
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** arms[0].mtu */
export function pathText(path: Path): string {
  const text = path
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
  return text.replace(/^\./, '') || 'config'
}
