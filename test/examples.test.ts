/** Every config that a stranger may begin with is right, has nothing to warn of, and is named where he looks. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { readConfig } from '../src/control/config.ts'

const folder = join(CHECKOUT, 'examples')
const names = readdirSync(folder).filter(name => name !== 'README.md')

for (const name of names) {
  test(`${name} is a config without mistakes and warnings`, () => {
    assert.deepEqual(readConfig(join(folder, name)).warnings, [])
    assert.match(readFileSync(join(folder, name), 'utf8'), /^# \S/, 'what it shows')
  })
}

test('examples/README.md has a row for each', () => {
  const text = readFileSync(join(folder, 'README.md'), 'utf8')
  const rows = [...text.matchAll(/^\| \[([\w-]+\.yaml)\]/gm)].map(([, name]) => name)
  assert.deepEqual(rows.sort(), names.sort())
})
