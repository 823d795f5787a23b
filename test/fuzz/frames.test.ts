/**
 * Frames thrown at the engine as its loop feeds it, made by somebody who knows what is in its tables: no throw, no byte written
 * outside of what was given, no wrong checksum out for a right one in and none mended, every frame that leaves valid, every verdict
 * one that there is, all books in order, and nothing left when all is over. The long form is main.ts.
 *
 * The seed is fixed; FUZZ_SEED and FUZZ_FRAMES in the environment choose others. Holds invariant I3, invariant I4, invariant I11.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { DONE, Drop, PARKED } from '../../src/engine/counters.ts'
import { STRIDE } from '../../src/engine/frames.ts'
import { parseCase, play } from './frames/case.ts'
import { fuzzFrames, type Plan } from './frames/frames.ts'
import { VARIANTS, type Variant } from './frames/variants.ts'
import type { World } from './frames/world.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_180_601)
const FRAMES = Number(process.env.FUZZ_FRAMES ?? 15_000)
const CORPUS = join(CHECKOUT, 'test/fuzz/corpus/frames')

/**
 * What no frame brings about here: devices that fail, rings that overflow, an appliance that stops, a table that is too large; and what
 * takes more of them.
 */
const OUT_OF_REACH = [
  ...['TX_QUEUE_FULL', 'TX_ARM_DOWN', 'TX_ERROR', 'IMPAIRED', 'HAND_OVER_FULL', 'STOPPING'],
  ...['TCP_NO_LIP', 'UDP_NO_LIP', 'UDP_NO_RS', 'NEIGH_TABLE_FULL', 'LPORT_EXHAUSTED'],
  ...['NO_BUFFER', 'IP_TOO_BIG', 'ENGINE_ERROR', 'WORKER_LOST'],
]

const seen = new Set<number>()

for (const variant of VARIANTS) {
  test(`${FRAMES} frames of seed ${SEED}: ${variant.name}`, () => {
    const result = fuzzFrames({ variant, seed: SEED, frames: FRAMES, twins: true })
    for (const verdict of result.verdicts.keys()) seen.add(verdict)
    for (const [number, count] of result.counted.entries()) if (count > 0) seen.add(-number)
    // Who is always turned away at the door tests nothing.
    assert.ok(result.sent > FRAMES / 10, `${result.sent} frames left`)
    assert.ok(result.signatures > FRAMES / 100, `${result.signatures} ways`)
  })
}

test('together they reach every reason for which a frame can be dropped', () => {
  const missed = Object.entries(Drop).filter(([, reason]) => !seen.has(-reason))
  const names = missed.map(([name]) => name).filter(name => !OUT_OF_REACH.includes(name))
  assert.deepEqual(names, [])
  assert.ok(seen.has(PARKED) && seen.has(DONE) && seen.has(0) && seen.has(1))
})

for (const name of readdirSync(CORPUS)) {
  test(`the corpus: ${name}`, () => {
    const text = readFileSync(join(CORPUS, name), 'utf8')
    const { words, variant, steps } = parseCase(text)
    assert.equal(play({ variant, steps }).digest, play({ variant, steps }, 0).digest, words)
  })
}

/** What a plan is told of when the engine has this fault. */
function found(spoil: Plan['spoil'], variant = VARIANTS[0] as Variant): string {
  const plan = { variant, seed: SEED, frames: 20_000, twins: false, shrinkMs: 0 }
  try {
    fuzzFrames({ ...plan, spoil })
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? ''
  }
  return 'nothing'
}

/** Behind each frame that goes on something is done with its slot. */
function behind(work: (world: World, slot: number, start: number) => void): Plan['spoil'] {
  return world => {
    for (const { engine } of world.stands) {
      const { input } = engine
      engine.input = (arm, slot, now) => {
        const verdict = input.call(engine, arm, slot, now)
        if (verdict >= 0) work(world, slot, engine.frames.start[slot] as number)
        return verdict
      }
    }
  }
}

test('an engine that is wrong is found out', () => {
  const flip = ({ arena }: World, at: number) => {
    arena[at] = (arena[at] as number) ^ 1
  }
  assert.equal(found(undefined), 'nothing')
  assert.match(
    found(behind((world, _slot, start) => flip(world, start + 24 + 20 + 14))),
    /sent a wrong checksum/,
  )
  assert.match(found(behind((world, slot) => flip(world, slot * STRIDE))), /headroom was written/)
  assert.match(
    found(behind((world, slot) => flip(world, (511 - (slot & 7)) * STRIDE - 1))),
    /which nobody has/,
  )
  const leak: Plan['spoil'] = ({ stands: [stand] }) => {
    const { frames } = (stand as World['stands'][0]).engine
    const { release } = frames
    let released = 0
    frames.release = slot => (++released === 500 ? undefined : release.call(frames, slot))
  }
  assert.match(found(leak), /slots are lost/)
  const sum: Plan['spoil'] = behind((world, slot) => {
    const { frames } = (world.stands[0] as World['stands'][0]).engine
    frames.length[slot] = (frames.length[slot] as number) - 1
  })
  assert.match(found(sum), /bytes in a frame of/)
})
