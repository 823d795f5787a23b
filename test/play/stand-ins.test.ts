/** What the playground's code asks of Node, and what stands in for it on the site. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'

/** Modules of Node that compiled files bring as they are loaded; types are gone from these. */
function asked(path: string, seen = new Set<string>(), found = new Set<string>()): Set<string> {
  if (seen.has(path)) return found
  seen.add(path)
  const text = readFileSync(join(CHECKOUT, path), 'utf8')
  for (const [, from = ''] of text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gm)) {
    if (from.startsWith('node:')) found.add(from)
    else if (from.startsWith('.')) asked(join(dirname(path), from), seen, found)
  }
  return found
}

test('each module of Node that is asked for has its stand-in, and no other', () => {
  const stands = readFileSync(join(CHECKOUT, 'site/src/node.ts'), 'utf8')
  const named = stands.match(/node:\w+/g) ?? []
  const wanted = ['world', 'capture', 'transcript', 'lessons', 'rows'].flatMap(name => [
    ...asked(`dist/src/play/${name}.js`),
  ])
  assert.ok(wanted.includes('node:crypto'))
  assert.deepEqual([...new Set(named)].sort(), [...new Set(wanted)].sort())
})
