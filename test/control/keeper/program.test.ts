/** Which programs a keeper believes. */

import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  cannotFollow,
  FACTS,
  factsOf,
  factsText,
  lostBetween,
} from '../../../src/control/keeper/facts.ts'
import { programAt } from '../../../src/control/keeper/program.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-program-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function script(folder: string, name: string, says: string, mode = 0o755): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${says}\n`)
  chmodSync(path, mode)
  return path
}

const SAYS = `echo '${factsText()}'`

test('a tapvs of root or of this user, by whatever link', async t => {
  const folder = folderFor(t)
  const real = script(folder, 'tapvs', SAYS)
  const path = join(folder, 'link')
  symlinkSync(real, path)
  assert.deepEqual(await programAt(path), { path, real, facts: FACTS })
})

test('what somebody else could have put there, or that does not say what it is, is refused in a line', async t => {
  const folder = folderFor(t)
  const open = join(folder, 'open')
  mkdirSync(open)
  const inOpen = script(open, 'tapvs', SAYS)
  chmodSync(open, 0o777)
  const others = script(folder, 'others', SAYS)
  chownSync(others, 65_534, 65_534)
  const loud = `head -c 100000 /dev/zero | tr '\\0' x`
  for (const [path, why] of [
    ['tapvs', /^tapvs is no absolute path$/],
    ['/a\0b', /is no absolute path$/],
    [`/${'x'.repeat(5000)}`, /is no absolute path$/],
    [join(folder, 'nothing'), /cannot be found \(ENOENT\)$/],
    [folder, /is no regular file$/],
    ['/dev/null', /is no regular file$/],
    [script(folder, 'not-executable', SAYS, 0o644), /cannot be executed by this user$/],
    [
      script(folder, 'group', SAYS, 0o775),
      /can be written by, somebody else than root and this user$/,
    ],
    [others, /can be written by, somebody else than root and this user$/],
    [inOpen, /is in .*\/open, which belongs to, or can be written by/],
    [script(folder, 'fails', 'exit 3'), /is no tapvs that can be asked/],
    [script(folder, 'loud', loud), /is no tapvs that can be asked \(stdout maxBuffer/],
    [script(folder, 'other', 'echo 1.2.3'), /does not say what it is$/],
  ] as [string, RegExp][])
    await assert.rejects(programAt(path), ({ message }: Error) => {
      assert.match(message, why)
      assert.doesNotMatch(message, /\n/)
      return true
    })
})

test('what a program says of itself is read strictly', () => {
  assert.deepEqual(factsOf(factsText()), FACTS)
  const said = JSON.parse(factsText())
  for (const spoilt of [
    { program: 'other' },
    { version: '1.0\n2' },
    { version: 'x'.repeat(65) },
    { keeping: '1' },
    { keeping: 0.5 },
    { layouts: null },
    { layouts: { state: 1 } },
  ])
    assert.equal(factsOf(JSON.stringify({ ...said, ...spoilt })), undefined)
  for (const text of ['', 'null', '[]', '{', '"tapvs"']) assert.equal(factsOf(text), undefined)
})

test('what stands between two versions is said in words', () => {
  const other = (change: object) => ({ ...FACTS, ...change })
  assert.equal(cannotFollow(FACTS, FACTS), undefined)
  assert.match(
    cannotFollow(other({ keeping: 99 }), FACTS) ?? '',
    /another language \(99, this is \d+\)/,
  )
  assert.equal(lostBetween(other({ version: '9' }), FACTS), undefined)
  const { layouts } = FACTS
  assert.match(
    lostBetween(other({ layouts: { ...layouts, state: 99 } }), FACTS) ?? '',
    /^state of another layout \(99, this is \d+\): all connections would be lost$/,
  )
  assert.match(
    lostBetween(other({ layouts: { ...layouts, config: 99 } }), FACTS) ?? '',
    /^config of another layout/,
  )
})
