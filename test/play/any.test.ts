/** Whatever is chosen is played to its end, and what came of it is a transcript that a stand of the tests plays to the same packets. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { captureOf } from '../../src/play/capture.ts'
import { FIELDS, KEYS } from '../../src/play/fields.ts'
import { rowsOf } from '../../src/play/rows.ts'
import { linkOf, type Scenario } from '../../src/play/scenario.ts'
import { transcriptOf } from '../../src/play/transcript.ts'
import { play } from '../../src/play/world.ts'
import { readCapture } from '../../src/see/capture/pcap.ts'
import { runs } from '../kit/long.ts'
import { play as playTranscript } from '../kit/transcript.ts'
import { anyValue } from './any-scenario.ts'

/** Small enough to be played in a moment. */
const MOST: Readonly<Record<string, number>> = {
  ...{ connections: 5, gap: 300, requests: 4, flood: 30, seconds: 5, workers: 4, worker: 4 },
}

const scenarios = fc
  .record(
    Object.fromEntries(
      KEYS.map(key => [
        key,
        anyValue(key, { ...FIELDS[key], ...(MOST[key] && { max: MOST[key] }) }),
      ]),
    ),
  )
  .map(made => ({ ...made, worker: Math.min(Number(made.worker), Number(made.workers)) }))
  .map(made => made as unknown as Scenario)

test('any scenario is played, and its transcript is what the engine does', () => {
  fc.assert(
    fc.property(scenarios, scenario => {
      const played = play(scenario)
      const link = linkOf(scenario)
      assert.equal(played.cut, false, link)
      const stand = playTranscript(transcriptOf(played))
      assert.equal(stand.engine.conns.table.used, played.used, link)
      const packets = played.steps.flatMap(step =>
        step.moments.filter(({ kind }) => kind !== 'event'),
      )
      assert.equal(readCapture(captureOf(played)).packets.length, packets.length, link)
      const { rows } = rowsOf(played)
      assert.ok(
        rows.every(({ behind }) => behind <= played.steps.length),
        link,
      )
    }),
    { numRuns: runs(6) },
  )
})
