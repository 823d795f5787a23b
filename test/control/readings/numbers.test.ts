/** The process as `tapvs top`, the metrics and the page see it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { processInfo } from '../../../src/control/readings/numbers.ts'

test('a daemon has started once: who compares two samples must not take it for another one', async () => {
  const seen = new Set<number>()
  for (let i = 0; i < 50; i++) {
    seen.add(processInfo().started_ms)
    await sleep(0.5)
  }
  assert.equal(seen.size, 1)
  const [startedMs = 0] = seen
  assert.ok(Math.abs(Date.now() - process.uptime() * 1000 - startedMs) < 1000)
})
