/** What a journal has recorded is played again to the same verdicts, frames and counters. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJournal } from '../../../src/control/journal/format.ts'
import { replay } from '../../../src/control/replay/replay.ts'
import { arenaSlots, Frames } from '../../../src/engine/frames.ts'
import { journaled } from '../../kit/journaled.ts'
import { Stand } from '../../kit/stand.ts'
import { give, inputOf, type Step, steps, TRAFFIC_CONFIG } from '../../kit/traffic.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))

function act(stand: Stand, list: readonly Step[]): void {
  for (const step of list) {
    const input = inputOf(step, stand)
    if (input) give(input, stand)
  }
}

test('any traffic, from the middle on: the same verdicts, frames and counters', async () => {
  await fc.assert(
    fc.asyncProperty(steps(40), steps(60), async (before, after) => {
      const stand = new Stand(TRAFFIC_CONFIG, undefined, { arena })
      act(stand, before)
      const journal = readJournal(await journaled([stand], () => act(stand, after)))
      const { difference, checks } = replay(journal)
      assert.deepEqual(difference, undefined)
      assert.equal(checks, 1)
    }),
    { numRuns: 60, endOnFailure: true, includeErrorInReport: true },
  )
})
