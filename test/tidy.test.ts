/**
 * The rules of the house that a compiler or a linter cannot see.
 * Holds invariant I1, invariant I23.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { code, imports, sources } from './kit/sources.ts'

/** Lint wants 300 lines at most; of the files that it excuses none has more than these. */
const LINES = 350

/** A heap number each; captures need 64 bits, packets do not. */
const BIG = /\bBigInt\b/

/** What belongs to Node or to a machine and has no place in a pure library; a field may have such a name. */
const IMPURE =
  /(?<!(?<!globalThis)\.)\b(Buffer|process|console|setTimeout|setInterval|setImmediate|queueMicrotask|performance|Date|Promise|async|await|require|TextDecoder|TextEncoder)\b|\bMath\.random\b|node:/

const all = ['src', 'ui', 'netns', 'bench', 'test'].flatMap(sources)
const tests = all.filter(({ path }) => path.startsWith('test/'))

test('this test sees the files', () => {
  for (const path of [
    'src/engine/engine.ts',
    'src/wire/tcp.ts',
    'netns/lab.ts',
    'test/tidy.test.ts',
  ]) {
    assert.ok(
      all.some(source => source.path === path),
      path,
    )
  }
  assert.deepEqual(
    imports("import {\n  a,\n} from './a.ts'\nexport * from '../b/c.ts'\n// from 'x'\n"),
    ['./a.ts', '../b/c.ts'],
  )
})

test(`no file has more than ${LINES} lines`, () => {
  const long = all.filter(({ lines }) => lines.length > LINES + 1).map(({ path }) => path)
  assert.deepEqual(long, [])
})

test('see, engine and wire import no package, and name nothing of Node or of the machine', () => {
  for (const { path, text } of all.filter(source =>
    /^src\/(see|engine|wire)\//.test(source.path),
  )) {
    for (const from of imports(text)) assert.ok(from.startsWith('.'), `${path} imports ${from}`)
    // Whoever prints a time has to know the zone; what time it is he is told all the same.
    const isTimes = path === 'src/see/text/times.ts'
    if (isTimes) assert.doesNotMatch(code(text), /Date\.now|new Date\(\)/, path)
    const found = IMPURE.exec(isTimes ? code(text).replaceAll(/\bDate\b/g, '') : code(text))
    assert.equal(found?.[0], undefined, path)
    if (!path.startsWith('src/see/')) assert.doesNotMatch(code(text), BIG, path)
  }
})

test('the addon includes no header of a protocol', () => {
  const folder = join(CHECKOUT, 'src/io/native')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.[ch]$/.test(name)) continue
    const found = /#include <(netinet|linux\/(ip|tcp|udp|icmp|if_ether|if_arp))\b.*/.exec(
      readFileSync(join(folder, name), 'utf8'),
    )
    assert.equal(found?.[0], undefined, name)
  }
})

test('what the page computes and draws names nothing of Node', () => {
  const page = all.filter(({ path }) => /^(src\/page|ui\/src)\//.test(path))
  for (const { path, text } of page)
    assert.doesNotMatch(code(text), /\b(Buffer|process|require)\b|'node:/, path)
  for (const { path, text } of page.filter(source => source.path.startsWith('src/')))
    assert.doesNotMatch(code(text), /\b(document|fetch|setTimeout|Date|performance)\b/, path)
})

test('nothing in src or netns imports from the tests', () => {
  for (const { path, text } of all) {
    if (path.startsWith('test/')) continue
    for (const from of imports(text))
      assert.ok(!/(^|\/)test\//.test(from), `${path} imports ${from}`)
  }
})

test('no test is skipped, alone or still to be written', () => {
  for (const { path, lines } of tests) {
    if (path === 'test/tidy.test.ts') continue
    lines.forEach((line, i) => {
      const found =
        /\b(?:test|it|describe|suite|t)\.(?:skip|only|todo)\b|\{ *(?:skip|only|todo):/.exec(line)
      assert.equal(found?.[0], undefined, `${path}:${i + 1}`)
    })
  }
})

test('every transcript says in its first line what it shows', () => {
  const folder = join(CHECKOUT, 'test', 'transcripts')
  for (const name of readdirSync(folder)) {
    assert.match(name, /^[a-z0-9-]+\.txt$/)
    assert.match(readFileSync(join(folder, name), 'utf8'), /^# \S/, name)
  }
})
