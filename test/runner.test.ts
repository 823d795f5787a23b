/**
 * A test that fails is reported, whatever it leaves behind: the run ends, and nothing of it goes on. `npm test` runs what is
 * asked for, and says what is not to be had.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { until } from '../netns/processes.ts'

const ROOT = resolve(import.meta.dirname, '../..')

function npmTest(...words: string[]) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const argv = [join(ROOT, 'scripts/npm-test.mjs'), ...words]
  return spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 120_000, env })
}

test('npm test -- WORD runs the unit tests of that name, and knows where others are', () => {
  const one = npmTest('wire/address')
  assert.equal(one.status, 0, one.stdout + one.stderr)
  assert.match(one.stdout, /^ℹ fail 0$/m)
  const none = npmTest('partition')
  assert.equal(none.status, 1)
  assert.match(none.stderr, /^npm test: no unit test has partition .*scripts\/test lab WORD\n$/)
})

test('a failed test that leaves a thread and a program ends its run', async () => {
  const { NODE_TEST_CONTEXT: _, ...own } = process.env // of this very run
  const env = { ...own, TAPVS_TEST_PATIENCE_MS: '1000' }
  const file = 'dist/test/kit/unfinished.js'
  const run = spawnSync(join(ROOT, 'scripts/node-test'), [file], {
    encoding: 'utf8',
    timeout: 120_000,
    env,
  })
  assert.equal(run.status, 1, run.stderr)
  assert.match(run.stdout, /^ℹ fail 1$/m)
  const pid = /^left behind: (\d+)$/m.exec(run.stdout)?.[1]
  assert.ok(pid !== undefined, run.stdout)
  await until(`process ${pid} to be gone`, { limitMs: 10_000, everyMs: 20 }, async () => {
    return !existsSync(`/proc/${pid}`) || undefined
  })
})
