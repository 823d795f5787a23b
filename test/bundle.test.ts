/** The bundles (scripts/bundle.mjs) are what is compiled, and hold our own code only. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../netns/processes.ts'
import { CHECKOUT } from '../netns/topology.ts'
import { otherVersion } from './kit/other-version.ts'

test('each is what would be made of the compiled sources now', async () => {
  const { bundles } = await import(join(CHECKOUT, 'scripts/bundle.mjs'))
  const made: [string, string][] = await bundles()
  assert.deepEqual(made.map(([name]) => name).sort(), ['kept.cjs', 'worker.cjs'])
  for (const [name, code] of made) {
    const there = readFileSync(join(CHECKOUT, 'dist', 'bundle', name), 'utf8')
    assert.ok(there === code, `${name} is old: npm run build`)
    // Whatever it needs is Node's.
    const needed = [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, from]) => from as string)
    assert.ok(needed.length > 3)
    for (const from of needed) assert.match(from, /^(node:.*|url)$/)
  }
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
