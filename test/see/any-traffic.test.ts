/** Whatever passes: stories and ladder know as many connections as the engine has opened, each with its end, and a file tells the same. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { CaptureFile } from '../../src/see/capture/capture-file.ts'
import { momentsOfCapture } from '../../src/see/capture/capture-moments.ts'
import { readCapture } from '../../src/see/capture/pcap.ts'
import { factsOf, livesOf } from '../../src/see/explain/story.ts'
import { ladderRows } from '../../src/see/ladder/ladder.ts'
import type { Moment } from '../../src/see/moments/moment.ts'
import { concat } from '../kit/frame.ts'
import { runs } from '../kit/long.ts'
import { Stand } from '../kit/stand.ts'
import { give, inputOf, LIVES, type Step } from '../kit/traffic.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))
const arms = ['dpdk0', 'dpdk1'].map(name => ({ name, description: name }))
const HEAD = { application: '', os: '', comment: '', arms, snaplen: 160, otherArm: '' }

/** Until nothing is left of it. */
function lived(all: readonly Step[], whole: string): Stand {
  const stand = new Stand(whole, undefined, { arena }).resolveRss().record()
  for (const step of all) {
    const input = step.step === 'drain' ? undefined : inputOf(step, stand)
    if (input) give(input, stand)
  }
  stand.pass(200_000, 1000)
  assert.equal(stand.engine.conns.table.used, 0)
  return stand
}

function inFile(moments: readonly Moment[]): Moment[] {
  const file = new CaptureFile(HEAD)
  const parts = [...file.begin(), ...moments.flatMap(one => file.moment(one)), ...file.end()]
  return momentsOfCapture(readCapture(concat(...parts)))
}

function told(moments: readonly Moment[]) {
  const { lives } = livesOf(moments)
  const ends = lives.map(life => {
    const { cut, end, kept, state } = factsOf(life)
    const how = end && { state: end.state, replaced: end.replaced, rsts: end.rsts.length }
    return { began: life.began, ended: life.ended, cut, how, kept, state }
  })
  return { ends, drawn: ladderRows(moments).filter(({ kind }) => kind === 'conn').length }
}

const [fullnat, ways] = LIVES
for (const [name, whole, steps, part] of [
  ['reuse new', fullnat.config, fullnat.steps, fullnat.part],
  ['reuse keep', `${fullnat.config}tcp: { reuse: keep }\n`, fullnat.steps, fullnat.part],
  [ways.name, ways.config, ways.steps, 2 * ways.part],
] as const) {
  test(`any traffic, ${name}: stories, ladder and file agree with the engine`, () => {
    const lives = fc.array(steps(40), { minLength: 3, maxLength: 3 }).map(all => all.flat())
    const agree = (all: readonly Step[]) => {
      const stand = lived(all, whole)
      const moments = stand.moments()
      const { ends, drawn } = told(moments)
      const opened = stand.events('CONNS_OPENED')
      assert.deepEqual([ends.length, drawn], [opened, opened])
      for (const { began, ended, how } of ends) assert.ok(began && ended && how)
      assert.deepEqual(told(inFile(moments)), { ends, drawn })
    }
    fc.assert(fc.property(lives, agree), {
      numRuns: runs(15 * part),
      endOnFailure: true,
      includeErrorInReport: true,
    })
  })
}
