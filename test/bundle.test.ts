/** The bundles (scripts/bundle.mjs) are what is compiled, and have what they need. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../netns/processes.ts'
import { CHECKOUT } from '../netns/topology.ts'
import { otherVersion } from './kit/other-version.ts'

const BUNDLES = join(CHECKOUT, 'dist', 'bundle')

test('they are made of what is compiled now', async () => {
  const { stamp } = await import(join(CHECKOUT, 'scripts/bundle.mjs'))
  assert.equal(readFileSync(join(BUNDLES, 'made-of'), 'utf8'), stamp(), 'old: npm run build')
})

test('what a daemon starts with needs nothing but Node', () => {
  for (const name of ['kept.cjs', 'worker.cjs']) {
    const code = readFileSync(join(BUNDLES, name), 'utf8')
    const needed = [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, from]) => from as string)
    assert.ok(needed.length > 3)
    for (const from of needed) assert.match(from, /^(node:.*|url)$/)
  }
})

test('the program brings its packages, with their notices, but for those with addons', () => {
  const program = join(BUNDLES, 'program')
  const left = new Set<string>()
  for (const file of readdirSync(program, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue
    const code = readFileSync(join(program, file), 'utf8')
    for (const [, from = ''] of code.matchAll(/(?:^import\b.*\bfrom|\bimport\() ?"([^".][^"]*)"/gm))
      if (!isBuiltin(from)) left.add(from)
  }
  // The last one is asked for by ink alone, with DEV=true.
  assert.deepEqual([...left].sort(), ['libsql', 'netlink', 'react-devtools-core'])
  const notices = readFileSync(join(program, 'licenses.md'), 'utf8')
  for (const name of ['fastify', 'winston', 'yaml', 'yargs', 'zod'])
    assert.match(notices, new RegExp(`^## ${name} - `, 'm'))
})

test('without one of them no daemon starts, and a line says what to do', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-bundle-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const tapvs = otherVersion(folder, '9.9.9')
  const bundle = join(tapvs, '..', '..', 'dist', 'bundle')
  for (const missing of ['worker.cjs', 'kept.cjs']) {
    rmSync(join(bundle, missing))
    const stderr = `tapvs: the daemon is not built (no ${join(bundle, missing)}); run: npm run build\n`
    for (const words of [['run'], ['run', '--no-keeper'], ['--utc', 'run']]) {
      const finished = await run([tapvs, ...words, '--config', join(folder, 'none.yaml')])
      assert.deepEqual(finished, { code: 1, stdout: '', stderr }, words.join(' '))
    }
  }
  assert.equal((await run([tapvs, 'run', '--help'])).code, 0)
})
