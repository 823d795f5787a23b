/** docs/config.md has every key of the config with its default, and no other. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import * as z from 'zod'
import { CHECKOUT } from '../../netns/topology.ts'
import { SCHEDULER_NAMES } from '../../src/api/words.ts'
import { fileSchema } from '../../src/config/schema.ts'

interface Key {
  path: string
  /** undefined: there is none. */
  standard: unknown
  required: boolean
  /** Its keys say all that there is to say of it. */
  isMapping: boolean
  /** What it may be, if that is one of a few words. */
  words: readonly unknown[]
}

/** `arms`, `arms[].name`, `tcp.timeouts.none`, ... */
function keysOf(schema: z.ZodType, path: string): Key[] {
  let inner = schema
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault
  ) {
    inner = inner.unwrap() as z.ZodType
  }
  if (inner instanceof z.ZodArray) return keysOf(inner.element as z.ZodType, `${path}[]`)
  if (!(inner instanceof z.ZodObject)) return []
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`
    const { success, data } = child.safeParse(undefined)
    const below = keysOf(child, at)
    const isMapping = below.some(key => key.path.startsWith(`${at}.`))
    const words = wordsOf(child)
    return [{ path: at, standard: data, required: !success, isMapping, words }, ...below]
  })
}

function wordsOf(schema: z.ZodType): readonly unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return wordsOf(schema.unwrap() as z.ZodType)
  return schema instanceof z.ZodEnum ? schema.options : []
}

const cells = (line: string) =>
  line
    .slice(1, -1)
    .split(' | ')
    .map(cell => cell.trim())

test('the table of docs/config.md is that of the schema', () => {
  const text = readFileSync(join(CHECKOUT, 'docs/config.md'), 'utf8')
  const rows = text
    .slice(text.indexOf('## Every key'))
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(cells)
  const documented = new Map(
    rows.map(([key = '', , standard = '']) => [key.replaceAll('`', ''), standard]),
  )
  const values = new Map(rows.map(([key = '', value = '']) => [key.replaceAll('`', ''), value]))
  assert.equal(documented.size, rows.length, 'a key is there twice')
  const keys = keysOf(fileSchema, '')
  const known = keys.map(({ path }) => path)
  assert.deepEqual(
    [...documented.keys()].filter(path => !known.includes(path)),
    [],
  )
  const wanted = keys.filter(key => !key.isMapping || documented.has(key.path))
  assert.deepEqual(
    wanted.map(key => key.path),
    [...documented.keys()],
    'keys of the schema and rows, in the same order',
  )
  for (const { path, standard, required, isMapping, words } of wanted) {
    if (isMapping) continue
    const said = documented.get(path) ?? ''
    const value = values.get(path) ?? ''
    // A row may refer to another one.
    if (!value.startsWith('as `'))
      for (const word of words) assert.ok(value.includes(`\`${word}\``), `${path}: ${word}`)
    if (required) assert.equal(said, 'required', path)
    else if (standard === undefined) assert.equal(said, 'none', path)
    else assert.deepEqual(parse(said.replaceAll('`', '')), standard, path)
  }
})

test('documents have a row for each scheduler', () => {
  for (const name of SCHEDULER_NAMES) {
    const rows = ['docs/ipvsadm.md', 'docs/semantics.md'].map(path =>
      readFileSync(join(CHECKOUT, path), 'utf8')
        .split('\n')
        .some(line => line.startsWith('|') && line.includes(`\`${name}\``)),
    )
    assert.deepEqual(rows, [true, true], name)
  }
})
