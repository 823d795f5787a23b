/** The documents agree with the code that cites them, and with each other. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'

const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')

/** Files below the folder, with their text in one line: comments break where they like. */
function texts(folder: string, kinds: RegExp): { path: string; text: string }[] {
  return readdirSync(join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => kinds.test(name))
    .map(name => `${folder}/${name}`)
    .map(path => ({ path, text: read(path).replaceAll(/\s*\n\s*(\*(?!\/)|\/\/|#)?\s*/g, ' ') }))
}

const code = ['src', 'test', 'netns', 'bench'].flatMap(folder => texts(folder, /\.(tsx?|txt|c)$/))
const NUMBER = /\d+(?:\.\d+)?/
const CITED = new RegExp(
  `semantics (${NUMBER.source}(?:(?:-| to | and |, )${NUMBER.source}(?![\\w.]*:))*)`,
  'g',
)

/** `semantics 9.1-9.4 and 13.7` => 9.1, 9.4, 13.7 */
function cited(text: string): string[] {
  return [...text.matchAll(CITED)].flatMap(([, list = '']) => list.match(/\d+(?:\.\d+)?/g) ?? [])
}

test('every number of docs/semantics.md that is cited is a heading there', () => {
  const headings = [...read('docs/semantics.md').matchAll(/^###? (\d+(?:\.\d+)?)/gm)].map(
    ([, number]) => number,
  )
  assert.equal(new Set(headings).size, headings.length, 'a number is there twice')
  assert.deepEqual(cited('fullnat semantics 9.1-9.4 and 13.7'), ['9.1', '9.4', '13.7'])
  const all = code.flatMap(({ path, text }) => cited(text).map(number => ({ path, number })))
  assert.ok(all.length > 40, `${all.length} citations`)
  assert.deepEqual(
    all.filter(({ number }) => !headings.includes(number)),
    [],
  )
})

test('a rule is cited as `semantics N.M`, not by its bare number', () => {
  const bare = code
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap(({ path, text }) =>
      (text.match(/\/\*\*.*?\*\//g) ?? [])
        .flatMap(comment => comment.match(/[^(]{0,20}\((?:\d{1,2}\.\d\d?(?:, | to )?)+\)/g) ?? [])
        .map(found => `${path}: ${found}`),
    )
  assert.deepEqual(bare, [])
})

test('every invariant is named by a test, and every one that is named is there', () => {
  const rows = [...read('docs/invariants.md').matchAll(/^\| (I\d+) \|/gm)].map(([, name]) => name)
  assert.equal(new Set(rows).size, rows.length, 'a number is there twice')
  const named = code
    .filter(({ path }) => path.endsWith('.test.ts') && path !== 'test/docs.test.ts')
    .flatMap(({ text }) => [...text.matchAll(/\binvariant (I\d+)\b/g)].map(([, name]) => name))
  assert.deepEqual([...new Set(named)].sort(), rows.sort())
})

test('a decision has its row, its parts and at most 60 lines', () => {
  const index = read('docs/decisions/README.md')
  const pages = readdirSync(join(CHECKOUT, 'docs/decisions')).filter(name => name !== 'README.md')
  assert.deepEqual(
    pages.sort(),
    [...index.matchAll(/\]\((\d[\w-]+\.md)\)/g)].map(([, name]) => name),
  )
  for (const name of pages) {
    const text = read(`docs/decisions/${name}`)
    assert.match(text, new RegExp(`^# ${Number.parseInt(name, 10)}\\. `), name)
    assert.ok(text.split('\n').length <= 61, `${name} is too long`)
    const parts = [...text.matchAll(/^## (.+)$/gm)].map(([, part]) => part)
    assert.deepEqual(
      parts.map(part => part?.replace(/ or tried$/, '')),
      ['Context', 'Decision', 'What was measured', 'Consequences'],
      name,
    )
  }
})
