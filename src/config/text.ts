/**
 * YAML text with places: the values as plain data, and for every path where in the file it stands. It also collects
 * the problems found with it, by whichever step, so that they come out in the order of the file. Whatever the text is,
 * the work is proportional to its length.
 */

import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { printable } from '../see/text/printable.ts'
import { ConfigNodes, startOf } from './nodes.ts'
import { type ConfigSource, found, type Path, Problems, pathText, valueAt } from './source.ts'

export class ConfigText implements ConfigSource {
  /** The values. A key without a value is as good as left out, and is not there. */
  readonly value: unknown
  /** Not YAML: the values mean nothing. */
  readonly broken: boolean
  readonly #file: string
  readonly #nodes: ConfigNodes
  readonly #lines = new LineCounter()
  readonly #problems = new Problems<number>()

  constructor(text: string, file: string) {
    this.#file = file
    let document: Document | undefined
    let value: unknown
    let broken = false
    const isNot = (offset: number, what: string) => {
      this.#problems.add(offset, [], `expected YAML, found: ${what}`)
      broken = true
    }
    try {
      document = parsed(text, this.#lines)
      for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
        isNot(pos[0], code === 'MULTIPLE_DOCS' ? 'a second document' : oneLine(message))
      }
      value = withoutNulls(document.toJS())
    } catch (error) {
      // Aliases without an anchor, or nested so that they would fill the memory; lists in lists without end.
      if (!broken) isNot(0, oneLine((error as Error).message))
    }
    this.#nodes = new ConfigNodes(document?.contents)
    for (const { path, key, offset } of this.#nodes.twice) {
      this.#problems.add(offset, [...path, key], 'expected each key once, found it again')
    }
    this.value = value
    this.broken = broken
  }

  /** `FILE:LINE:COL path: text` of every problem, in the order of the file. */
  get problems(): string[] {
    const line = (offset: number, path: Path, text: string) => this.#line(offset, path, text)
    return this.#problems.lines(line, `${printable(this.#file)}: `, (a, b) => a - b)
  }

  isWhole(path: Path): boolean {
    return this.#problems.isWhole(path)
  }

  /** Adds a problem with the value at `path`, or with its being missing. */
  problem(path: Path, text: string): void {
    this.#problems.add(this.#offsetOf(path), path, text)
  }

  unknownKey(path: Path, key: string, suggestion: string | undefined): void {
    const pair = this.#nodes.pairOf(this.#nodeAt(path), key)
    const offset = (pair?.key as Node | undefined)?.range?.[0] ?? this.#offsetOf(path)
    const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
    this.#problems.add(offset, [...path, key], `expected a known key, found ${found(key)}${hint}`)
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

  #line(offset: number, path: Path, text: string): string {
    // An empty file has no first line to the counter.
    const { line, col } = this.#lines.linePos(offset)
    const place = `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}`
    return printable(`${place} ${pathText(path)}: ${text}`)
  }

  /** Start of the value at `path`; of its key if it has none; of what would hold it if it is missing. */
  #offsetOf(path: Path): number {
    let node: unknown = this.#nodes.root
    let offset = startOf(node) ?? 0
    for (const step of path) {
      node = this.#nodes.resolve(node)
      if (isMap(node)) {
        const pair = this.#nodes.pairOf(node, String(step))
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
    let node: unknown = this.#nodes.resolve(this.#nodes.root)
    for (const step of path) {
      if (isMap(node)) node = this.#nodes.pairOf(node, String(step))?.value
      else if (isSeq(node)) node = node.items[step as number]
      else return undefined
      node = this.#nodes.resolve(node)
    }
    return node
  }
}

/** Without the library's own look for keys that are there twice, which compares each key with each. */
function parsed(text: string, lineCounter: LineCounter): Document {
  return parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false,
  })
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, ' ')
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
