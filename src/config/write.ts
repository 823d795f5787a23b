/**
 * The value of a config file as YAML that a human would write: keys in the order of the schema, what equals its default
 * left out, short lists and small inner mappings on one line. Defaults and order come from the schema itself, so a key
 * that is added there is written here.
 */

import { isDeepStrictEqual } from 'node:util'
import { Document, isMap, isScalar, isSeq, type Node, visit, type YAMLSeq } from 'yaml'
import * as z from 'zod'
import { escaped } from '../see/text/printable.ts'
import { fileSchema } from './schema.ts'

/** What a file may hold: keys with a default may be missing. */
export type ConfigInput = z.input<typeof fileSchema>

/** Columns of a line; what would be longer gets a line per item. */
const WIDTH = 100

/** `parseConfig` of it comes to the same config. */
export function configYaml(file: ConfigInput): string {
  return documentText(configDocument(file))
}

/** In double quotes where a text has characters that are none to be seen. */
export function documentText(document: Document): string {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && /\p{C}/u.test(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return escaped(document.toString({ lineWidth: 0 }))
}

/** The same with places for comments. */
export function configDocument(file: ConfigInput): Document {
  const document = new Document(withoutDefaults(file), { aliasDuplicateObjects: false })
  const { contents } = document
  if (!isMap(contents)) return document
  for (const [i, { key, value }] of contents.items.entries()) {
    if (i > 0 && isScalar(key)) key.spaceBefore = true
    style(value as Node, String(key).length, false)
  }
  return document
}

/** `file` with its keys in the order of the schema and without those that have their default value. */
export function withoutDefaults(file: ConfigInput): ConfigInput {
  return stripped(fileSchema, file) as ConfigInput
}

function stripped(schema: z.ZodType, value: unknown): unknown {
  const inner = bare(schema, value)
  if (Array.isArray(value)) {
    return inner instanceof z.ZodArray
      ? value.map(item => stripped(inner.element as z.ZodType, item))
      : value
  }
  if (typeof value !== 'object' || value === null) return value
  if (!(inner instanceof z.ZodObject)) return value
  const given = value as Record<string, unknown>
  const kept: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(inner.shape as Record<string, z.ZodType>)) {
    if (given[key] === undefined || isDefault(child, given[key])) continue
    kept[key] = stripped(child, given[key])
  }
  // Nothing is lost of what a daemon of another version says.
  for (const [key, unknown] of Object.entries(given)) {
    if (!(key in inner.shape)) kept[key] = unknown
  }
  return kept
}

const defaults = new WeakMap<z.ZodType, unknown>()

function isDefault(schema: z.ZodType, value: unknown): boolean {
  if (!defaults.has(schema)) defaults.set(schema, schema.safeParse(undefined).data)
  const standard = defaults.get(schema)
  if (standard === undefined || typeof standard !== typeof value) return false
  if (Array.isArray(value)) return isDeepStrictEqual(value, standard)
  return isDeepStrictEqual(schema.safeParse(value).data, standard)
}

/** Without what says that it may be missing; of alternatives the one that `value` is. */
function bare(schema: z.ZodType, value: unknown): z.ZodType {
  let inner = schema
  for (;;) {
    if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodNullable ||
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodPrefault
    ) {
      inner = inner.unwrap() as z.ZodType
    } else if (inner instanceof z.ZodUnion) {
      const options = inner.options as z.ZodType[]
      const fitting = options.find(option => option.safeParse(value).success)
      if (!fitting) return inner
      inner = fitting
    } else return inner
  }
}

/**
 * One line for a list of texts and numbers, and for a mapping of them that is the value of an inner key (as `timeouts`
 * is), if it fits after `column`.
 */
function style(node: Node, column: number, inner: boolean): void {
  if (isSeq(node)) {
    const items = node.items as Node[]
    if (items.every(isScalar)) node.flow = fits(node, column)
    if (node.flow) unpad(node)
    else for (const item of items) style(item, column + 2, false)
  } else if (isMap(node)) {
    const values = node.items.map(({ value }) => value as Node)
    if (inner && values.every(isScalar)) node.flow = fits(node, column)
    if (node.flow) return
    for (const { key, value } of node.items) {
      // Two levels of indentation at most lie between here and the left margin's next.
      style(value as Node, column + String(key).length + 2, true)
    }
  }
}

/** `[a, b]`, while mappings stay `{ a: 1 }`; the library pads both or none. */
function unpad(node: YAMLSeq): void {
  const padded = node.toString.bind(node)
  node.toString = (...args) => padded(...args).replace(/^\[ (.*) \]$/s, '[$1]')
}

function fits(node: Node, column: number): boolean {
  const text = new Document(node.toJS(new Document()), { aliasDuplicateObjects: false })
  if (isSeq(text.contents) || isMap(text.contents)) text.contents.flow = true
  return column + text.toString({ lineWidth: 0 }).length <= WIDTH
}
