/** Of which commit a build is: from git, or from the archive that git made. */

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { mustRun } from '../netns/processes.ts'
import { CHECKOUT } from '../netns/topology.ts'

test('a build names its commit, what was changed since, and that of its archive', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-commit-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const git = (...words: string[]) =>
    mustRun(['git', '-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@t', ...words])
  const place = (name: string) => join(folder, name)
  const said = async (where: string) => {
    const script = join(where, 'scripts/commit.mjs')
    const program = `import(${JSON.stringify(script)}).then(it => console.log(it.commitOf()))`
    return (await mustRun(['node', '-e', program])).trim()
  }
  mkdirSync(place('scripts'))
  mkdirSync(place('archive'))
  cpSync(join(CHECKOUT, '.gitattributes'), place('.gitattributes'))
  // As it is committed, should this be an archive.
  const script = readFileSync(join(CHECKOUT, 'scripts/commit.mjs'), 'utf8')
  const committed = script.replace(/ARCHIVED = '.*'/, "ARCHIVED = '$$Format:%H$$'")
  writeFileSync(place('scripts/commit.mjs'), committed)
  // One that was unpacked without any of it.
  assert.equal(await said(folder), '')

  await git('init', '-q')
  await git('add', '.gitattributes', 'scripts')
  await git('commit', '-q', '-m', 'first')
  const commit = (await git('rev-parse', 'HEAD')).slice(0, 12)
  assert.equal(await said(folder), commit)

  await git('archive', '-o', place('archive.tar'), 'HEAD')
  await mustRun(['tar', 'xf', place('archive.tar'), '-C', place('archive')])
  assert.equal(await said(place('archive')), commit)
  // Somebody else's repository is around it.
  cpSync(place('scripts'), place('archive/other/scripts'), { recursive: true })
  assert.equal(await said(place('archive/other')), '')

  writeFileSync(place('.gitattributes'), '# changed\n', { flag: 'a' })
  assert.equal(await said(folder), `${commit}.dirty`)
})
