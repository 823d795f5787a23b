/** What `npm publish` refuses. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'

const { missing } = await import(join(CHECKOUT, 'scripts/fit.mjs'))

test('a release has addresses, binaries for both machines, and a commit', t => {
  const root = mkdtempSync(join(tmpdir(), 'tapvs-fit-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const about = { repository: 'a', homepage: 'b', bugs: 'c' }
  for (const arch of ['x64', 'arm64']) {
    mkdirSync(join(root, `prebuilds/linux-${arch}`), { recursive: true })
    for (const name of ['arm.node', 'unprivileged'])
      writeFileSync(join(root, `prebuilds/linux-${arch}/${name}`), '')
  }
  assert.deepEqual(missing(about, 'c47179de1234', root), [])

  const dirty = ['commit without changes since']
  assert.deepEqual(missing(about, 'c47179de1234.dirty', root), dirty)
  assert.deepEqual(missing(about, '', root), dirty)
  rmSync(join(root, 'prebuilds/linux-arm64/arm.node'))
  assert.deepEqual(missing({ ...about, homepage: undefined }, 'c47179de1234', root), [
    '"homepage" in package.json',
    'prebuilds/linux-arm64/arm.node',
  ])
})
