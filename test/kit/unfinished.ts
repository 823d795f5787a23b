/** A test file that fails and leaves a thread and a program; test/runner.test.ts looks whether its run ends. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

test('fails half-way', () => {
  new Worker('setInterval(() => {}, 1000)', { eval: true })
  const { pid } = spawn('sleep', ['600'], { stdio: 'inherit' })
  console.log(`left behind: ${pid}`)
  assert.fail('on purpose')
})
