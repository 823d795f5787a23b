/** The documents agree with the code that cites them, and with each other. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
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
  assert.deepEqual(cited('in semantics 9.1-9.4 and 13.7'), ['9.1', '9.4', '13.7'])
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
        .flatMap(
          comment =>
            comment.match(/fullnat semantics|[^(]{0,20}\((?:\d{1,2}\.\d\d?(?:, | to )?)+\)/g) ?? [],
        )
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

/** Tests as documents name them, a file in backquotes and maybe a name of it: => how many; each is there */
function shownBy(text: string): number {
  const named = [...text.matchAll(/`(test\/[^`]+)`(?:: \*([^*]+)\*)?/g)]
  for (const [, file = '', name] of named) {
    const source = read(file)
    if (name !== undefined) assert.ok(source.includes(`test('${name}'`), `${file}: ${name}`)
  }
  return named.length
}

test('every requirement of the RFCs on NATs, and each way against floods, has its row, and the tests that show it are there', () => {
  const upTo = (most: number) => Array.from({ length: most }, (_, i) => `${i + 1}`)
  const of: Record<string, string[]> = {
    ...{ 'RFC 4787': upTo(14), 'RFC 5382': upTo(10), 'RFC 5508': upTo(11) },
    'RFC 7915': ['4.1', '4.2', '4.3', '4.5', '5.1', '5.2', '5.3', '6'],
    'RFC 2003': ['3.1', '4', '5', '5.1'],
    'RFC 2473': ['3.1', '4.1.1', '6.3', '6.4', '6.5', '7.1', '8'],
    'RFC 4987': upTo(8).map(part => `3.${part}`),
  }
  const parts = read('docs/rfc.md').split(/^## /m).slice(1)
  assert.deepEqual(
    parts.map(part => part.slice(0, 8)),
    Object.keys(of),
  )
  let shown = 0
  for (const part of parts) {
    const rows = [...part.matchAll(/^\| ([\d.]+) \| .+? \| (.+?) \| (.*?) ?\|$/gm)]
    assert.deepEqual(
      rows.map(([, number]) => number),
      of[part.slice(0, 8)],
    )
    for (const [row, , verdict = '', tests = ''] of rows) {
      assert.match(verdict, /^(met|not met|not ours)\b/, row)
      if (verdict.startsWith('met')) assert.notEqual(tests, '', row)
      shown += shownBy(tests)
    }
  }
  assert.ok(shown > 30, `${shown} tests`)
})

test('each threat of SECURITY.md has something that stops it, and tests that show it', () => {
  const text = read('SECURITY.md')
  const model = text.slice(text.indexOf('## Who can try what'), text.indexOf('## Not defended'))
  const parts = model.split(/^### /m).slice(1)
  assert.equal(parts.length, 6)
  let threats = 0
  for (const part of parts) {
    const rows = [...part.matchAll(/^\| (?!tries|---)(.+?) \| (.+?) \| (.+) \|$/gm)]
    const lines = part.match(/^\|/gm) ?? []
    assert.equal(rows.length, lines.length - 2, part.split('\n')[0])
    for (const [row, , , tests = ''] of rows) assert.ok(shownBy(tests) > 0, row)
    threats += rows.length
  }
  assert.ok(threats > 25, `${threats} threats`)
})

test('a decision has its row, its parts and at most 60 lines', () => {
  const index = read('docs/decisions/README.md')
  const pages = readdirSync(join(CHECKOUT, 'docs/decisions')).filter(name => name !== 'README.md')
  assert.deepEqual(
    pages.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
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

/** Commands in the shell blocks of a document, indented ones too. */
function commands(path: string): string[] {
  const fences = read(path).matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)
  return [...fences].flatMap(([, block = '']) => block.split('\n').map(line => line.trim()))
}

test('scripts and tests that the documents of contributors name are there', () => {
  const { scripts } = JSON.parse(read('package.json'))
  const files = texts('test', /\.test\.ts$/).map(({ path }) => path)
  for (const path of ['CONTRIBUTING.md', 'test/README.md', 'docs/releasing.md']) {
    const said = [...commands(path), ...(read(path).match(/`[^`\n]+`/g) ?? [])]
    for (const text of said) {
      for (const [, name = ''] of text.matchAll(/npm run (?:-s )?([\w:]+)/g))
        assert.ok(name in scripts, `${path}: ${text}`)
      for (const [, file = ''] of text.matchAll(/\.\/(scripts\/[\w-]+)/g))
        assert.ok(read(file) !== '')
      const words = /(?:scripts\/test (?:unit|lab)|npm test --) ([a-z]\w*)/.exec(text)?.[1]
      if (words !== undefined)
        assert.ok(
          files.some(file => file.includes(words)),
          `${path}: ${text}`,
        )
    }
  }
})

test('test/README.md has a row for each file of the kit', () => {
  const text = read('test/README.md')
  const rows = text
    .slice(text.indexOf('## The kit'))
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .flatMap(line => line.split(' | ')[0]?.match(/[\w-]+\.[tc]s?\b/g) ?? [])
  assert.deepEqual(rows.sort(), readdirSync(join(CHECKOUT, 'test/kit')).sort())
})

test('what npm test leaves out by name is there', async () => {
  const { NOT_QUICK, isNamed } = await import(join(CHECKOUT, 'scripts/npm-test.mjs'))
  const files = texts('test', /\.test\.ts$/).map(({ path }) => path)
  const gone = Object.keys(NOT_QUICK).filter(name => !files.some(path => isNamed(path, name)))
  assert.deepEqual(gone, [])
})

test('both forges run .ci/run on the versions of Node that scripts/test-nodes has', () => {
  const versions = /^versions=.*\n.*versions=\(([\d ]+)\)$/m.exec(read('scripts/test-nodes'))?.[1]
  const wanted = (versions ?? '').split(' ').map(Number)
  assert.ok(wanted.length > 1)
  const github = parse(read('.github/workflows/ci.yml'))
  for (const name of ['quick', 'all'])
    assert.deepEqual(github.jobs[name].strategy.matrix.node, wanted, name)
  const runs = (github.jobs.all.steps as { run?: string }[]).map(({ run }) => run)
  assert.ok(runs.includes('./.ci/run'))
  const gitlab = parse(read('.gitlab-ci.yml'))
  assert.deepEqual(gitlab['.node'].parallel.matrix, [{ NODE: wanted.map(String) }])
  assert.deepEqual(gitlab.all.script, ['./.ci/run'])
  assert.ok(wanted.includes(Number(read('.nvmrc'))))
  const [lowest] = wanted
  assert.match(JSON.parse(read('package.json')).engines.node, new RegExp(`^>=${lowest}\\.`))
})

test('forms for issues are forms, and the one for bugs asks for a journal', () => {
  const folder = '.github/ISSUE_TEMPLATE'
  for (const name of readdirSync(join(CHECKOUT, folder))) {
    const form = parse(read(`${folder}/${name}`))
    if (name === 'config.yml') continue
    assert.ok(form.name && form.description, name)
    for (const { type, id, attributes } of form.body) {
      assert.match(type, /^(markdown|textarea|input|dropdown|checkboxes)$/)
      assert.ok(type === 'markdown' ? attributes.value : id && attributes.label, name)
    }
  }
  assert.match(read(`${folder}/bug.yml`), /tapvs record -w/)
})

/** Documents for people, by path. */
function documents(): string[] {
  const below = readdirSync(join(CHECKOUT, 'docs'), { recursive: true, encoding: 'utf8' })
  const top = readdirSync(CHECKOUT).filter(name => name.endsWith('.md'))
  const others = ['src/README.md', 'netns/README.md', 'test/README.md', 'examples/README.md']
  return [...top, ...others, ...below.filter(name => name.endsWith('.md')).map(n => `docs/${n}`)]
}

/** A heading's anchor, as forges make it. */
function anchor(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '')
  return plain.trim().replaceAll(' ', '-')
}

test('every link from one document to another leads somewhere', () => {
  for (const path of documents()) {
    const text = read(path).replaceAll(/^```[\s\S]*?^```$/gm, '')
    for (const [, to = '', hash] of text.matchAll(/\]\(([^)#:\s]*)(?:#([^)\s]+))?\)/g)) {
      const target = to === '' ? path : join(dirname(path), to)
      assert.ok(existsSync(join(CHECKOUT, target)), `${path}: ${to}`)
      if (hash === undefined) continue
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, h = '']) => anchor(h))
      assert.ok(headings.includes(hash), `${path}: ${to}#${hash}`)
    }
  }
})

const SOURCE = /\.(tsx?|c|h|mjs)$/
const SOURCES = ['src', 'test', 'netns', 'bench', 'ui', 'scripts', 'examples'].flatMap(folder =>
  readdirSync(join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => SOURCE.test(name) && !name.includes('node_modules'))
    .map(name => `${folder}/${name}`),
)

/** The name of a source, with as much of its path as is said. */
const FILE =
  /(?<![\w/.*<{$-])(?:\.{1,2}\/)*((?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.(?:tsx?|c|h|mjs))\b(?!\()/g
const isSource = (said: string) => SOURCES.some(path => `/${path}`.endsWith(`/${said}`))

/** Paths in backquotes, of all that begins at the top. */
const PATH = /`((?:src|test|netns|bench|docs|scripts|config|bin|examples|ui|\.github)\/[\w./-]+)`/g

test('the files that documents name are there', () => {
  for (const path of documents()) {
    const text = read(path)
    for (const [, file = ''] of text.matchAll(PATH)) {
      const found = ['.', 'src', 'test'].some(way => existsSync(join(CHECKOUT, way, file)))
      assert.ok(found, `${path}: ${file}`)
    }
    for (const [said] of text.matchAll(/`[^`\n]+`/g)) {
      for (const [, file = ''] of said.matchAll(FILE)) {
        const found = ['.', 'src', 'test'].some(way => existsSync(join(CHECKOUT, way, file)))
        assert.ok(file.includes('/') ? found : isSource(file), `${path}: ${file}`)
      }
    }
  }
})

test('the files that comments name are there', () => {
  const wrong = code
    .filter(({ path }) => /\.tsx?$/.test(path))
    .flatMap(({ path }) =>
      [...read(path).matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm)]
        .flatMap(([comment]) => [...comment.matchAll(FILE)])
        // Those in C are the kernel's.
        .filter(([, file = '']) => !/\.[ch]$/.test(file) && !isSource(file))
        .map(([, file]) => `${path}: ${file}`),
    )
  assert.deepEqual(wrong, [])
})
