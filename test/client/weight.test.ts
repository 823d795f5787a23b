/** Listings and the client start fast, because they load next to nothing. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'

/** Libraries that `file`, as it was compiled, loads before it does anything; of Node, all but its own. */
function libraries(file: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>()
  if (seen.has(file)) return found
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  const imports = text.matchAll(/^(?:import|export)\b[^;'"=]*?(?:\bfrom )?['"]([^'"]+)['"];$/gm)
  for (const [, name = ''] of imports) {
    if (name.startsWith('.'))
      for (const each of libraries(join(dirname(file), name), seen)) found.add(each)
    else if (!name.startsWith('node:')) found.add(name)
  }
  return found
}

test('the client needs nothing but Node, and listings none of the libraries of the daemon', () => {
  assert.deepEqual([...libraries(join(CHECKOUT, 'dist/src/client/index.js'))], [])
  const cli = libraries(join(CHECKOUT, 'dist/src/cli/main.js'))
  const daemon = libraries(join(CHECKOUT, 'dist/src/control/daemon.js'))
  for (const heavy of ['zod', 'yaml', 'fastify', 'winston']) {
    assert.ok(daemon.has(heavy), heavy)
    assert.ok(!cli.has(heavy), heavy)
  }
})
