/**
 * The engine allocates nothing per packet: a million frames of steady state, in a process of their own with a young
 * generation of one MiB, see no garbage collection. One boxed number per frame would make sixteen.
 * Holds invariant I2.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Drop, Event } from '../../src/engine/counters.ts'

const PROGRAM = fileURLToPath(new URL('../kit/million-frames.js', import.meta.url))

test('a million frames without a garbage collection', () => {
  const args = ['--expose-gc', '--max-semi-space-size=1', PROGRAM]
  const seen = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
  assert.deepEqual(seen.collections, [])
  assert.ok(seen.observed > 0, 'the observer did not even see our own gc()')
  // What the compiler makes of its own while it runs is half a MB of it.
  assert.ok(seen.heapGrown < 700_000, `the heap grew by ${seen.heapGrown} bytes`)
  // It was the steady state that ran: lives from SYN to expiry, TOA, and no drops.
  for (const event of [Event.CONNS_OPENED, Event.CONNS_EXPIRED, Event.TOA_FORGED]) {
    assert.ok(seen.counts[event] > 5000, `event ${event}: ${seen.counts[event]}`)
  }
  assert.ok(seen.counts[Event.TOA_ADDED] > 100_000)
  assert.ok(seen.counts[Event.UOA_ADDED] > 5000)
  assert.ok(seen.counts[Event.UOA_ALONE] > 2000)
  for (const [name, reason] of Object.entries(Drop)) assert.equal(seen.counts[reason], 0, name)
  assert.equal(seen.freeSlots, 0)
  assert.ok(seen.conns > 2000)
})
