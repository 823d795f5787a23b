/**
 * YAML text with places: the values as plain data, and for every path where in the file it stands. It also collects
 * the problems found with it, whoever finds them, so that they come out in the order of the file.
 */

import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml'

import { type ConfigSource, found, type Path, pathText, valueAt } from './config-source.ts'

export class ConfigText implements ConfigSource {
  /** The values. A key without a value is as good as left out, and is not there. */
  readonly value: unknown
  /** Not YAML: the values mean nothing. */
  readonly broken: boolean
  readonly #file: string
  readonly #document: Document
  readonly #lines = new LineCounter()
  readonly #problems: { offset: number; path: Path; text: string }[] = []

  constructor(text: string, file: string) {
    this.#file = file
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      logLevel: 'error',
    })
    let broken = false
    for (const { code, message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      if (code === 'DUPLICATE_KEY') {
        const { path, key } = this.#keyAt(pos[0])
        this.#add(pos[0], [...path, key], `expected each key once, found it again`)
      } else {
        const text =
          code === 'MULTIPLE_DOCS' ? 'a second document' : message.replaceAll(/\s+/g, ' ')
        this.#add(pos[0], [], `expected YAML, found: ${text}`)
        broken = true
      }
    }
    let value: unknown
    try {
      value = withoutNulls(this.#document.toJS())
    } catch (error) {
      // Aliases without an anchor, or nested so that they would fill the memory.
      if (!broken) this.#add(0, [], `expected YAML, found: ${(error as Error).message}`)
      broken = true
    }
    this.value = value
    this.broken = broken
  }

  /** `FILE:LINE:COL path: text` of every problem, in the order of the file. */
  get problems(): string[] {
    return this.#problems.toSorted((a, b) => a.offset - b.offset).map(({ text }) => text)
  }

  /** No problem was found so far with what is at `path` or below. */
  isWhole(path: Path): boolean {
    return !this.#problems.some(problem => path.every((step, i) => problem.path[i] === step))
  }

  /** Adds a problem with the value at `path`, or with its being missing. */
  problem(path: Path, text: string): void {
    this.#add(this.#offsetOf(path), path, text)
  }

  unknownKey(path: Path, key: string, suggestion: string | undefined): void {
    const pair = this.#pairOf(this.#nodeAt(path), key)
    const offset = (pair?.key as Node | undefined)?.range?.[0] ?? this.#offsetOf(path)
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
    this.#add(offset, [...path, key], `expected a known key, found ${found(key)}${hint}`)
  }

  /** `FILE:LINE:COL path: text`, for what is no problem. */
  remark(path: Path, text: string): string {
    return this.#line(this.#offsetOf(path), path, text)
  }

  valueAt(path: Path): unknown {
    return valueAt(this.value, path)
  }

  placeOf(path: Path): string {
    return `line ${this.#lines.linePos(this.#offsetOf(path)).line}`
  }

  #add(offset: number, path: Path, text: string): void {
    this.#problems.push({ offset, path, text: this.#line(offset, path, text) })
  }

  #line(offset: number, path: Path, text: string): string {
    // An empty file has no first line to the counter.
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)} ${pathText(path)}: ${text}`
  }

  /** Start of the value at `path`; of its key if it has none; of what would hold it if it is missing. */
  #offsetOf(path: Path): number {
    let node: unknown = this.#document.contents
    let offset = startOf(node) ?? 0
    for (const step of path) {
      node = this.#resolve(node)
      if (isMap(node)) {
        const pair = this.#pairOf(node, String(step))
        if (!pair) return offset
        node = pair.value
        offset = (isNothing(node) ? startOf(pair.key) : startOf(node)) ?? offset
      } else if (isSeq(node)) {
        node = node.items[step as number]
        offset = startOf(node) ?? offset
      } else {
        return offset
      }
    }
    return offset
  }

  #nodeAt(path: Path): unknown {
    let node: unknown = this.#resolve(this.#document.contents)
    for (const step of path) {
      if (isMap(node)) node = this.#pairOf(node, String(step))?.value
      else if (isSeq(node)) node = node.items[step as number]
      else return undefined
      node = this.#resolve(node)
    }
    return node
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node
  }

  #pairOf(node: unknown, key: string): YAMLMap['items'][number] | undefined {
    if (!isMap(node)) return undefined
    return node.items.findLast(pair => String(pair.key) === key)
  }

  /** The key that starts at `offset`, and the path of the mapping that it is in. */
  #keyAt(offset: number): { path: Path; key: string } {
    const path: PropertyKey[] = []
    let node: unknown = this.#document.contents
    while (isMap(node) || isSeq(node)) {
      let next: unknown
      for (const [index, item] of node.items.entries()) {
        const [key, value] = isMap(node)
          ? [(item as YAMLMap['items'][number]).key, (item as YAMLMap['items'][number]).value]
          : [undefined, item]
        if (key !== undefined && startOf(key) === offset) return { path, key: String(key) }
        const range = (value as Node | null)?.range
        if (range && range[0] <= offset && offset < range[2]) {
          path.push(key === undefined ? index : String(key))
          next = value
        }
      }
      node = next
    }
    return { path, key: '' }
  }
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

/** Neither null nor a node of null (`key:` and nothing). */
function isNothing(node: unknown): boolean {
  return node === null || (node as { value?: unknown }).value === null
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  )
}
