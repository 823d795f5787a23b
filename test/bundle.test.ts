/** The bundles (scripts/bundle.mjs) are what is compiled, and hold our own code only. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'

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
