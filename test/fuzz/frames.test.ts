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
import { isLong } from '../kit/long.ts'
import { parseCase, play } from './frames/case.ts'
import { fuzzFrames, type Plan } from './frames/frames.ts'
import { mendL4 } from './frames/sums.ts'
import { VARIANTS, type Variant } from './frames/variants.ts'
import type { World } from './frames/world.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_180_601)
const FRAMES = Number(process.env.FUZZ_FRAMES ?? (isLong ? 15_000 : 6000))
const CORPUS = join(CHECKOUT, 'test/fuzz/corpus/frames')

/**
 * What no frame brings about here: devices that fail, rings that overflow, an appliance that stops, a table that is too large; and what
 * takes more of them, as a client does that comes from one port to one RS by two services.
 */
const OUT_OF_REACH = [
  ...['TX_QUEUE_FULL', 'TX_ARM_DOWN', 'TX_ERROR', 'IMPAIRED', 'HAND_OVER_FULL', 'STOPPING'],
  ...['TCP_NO_LIP', 'UDP_NO_LIP', 'UDP_NO_RS', 'ICMP_NO_RS', 'NEIGH_TABLE_FULL', 'LPORT_EXHAUSTED'],
  ...['NO_BUFFER', 'IP_TOO_BIG', 'ENGINE_ERROR', 'WORKER_LOST', 'NEIGH_SHARE', 'NAT_TAKEN'],
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

/** What a plan is told of when the engine has this fault; with `twins` there are two of it. */
function found(spoil: Plan['spoil'], twins = false): string {
  const variant = VARIANTS[0] as Variant
  const plan = { variant, seed: SEED, frames: 10_000, twins, shrinkMs: 0 }
  try {
    fuzzFrames({ ...plan, spoil })
  } catch (error) {
    return (error as Error).message.split('\n')[0] ?? ''
  }
  return 'nothing'
}

/** Behind each frame something is done with its slot. => the verdict in place of the engine's */
function instead(work: (world: World, verdict: number, slot: number) => number): Plan['spoil'] {
  return world => {
    for (const { engine } of world.stands) {
      const { input } = engine
      engine.input = (arm, slot, now) => work(world, input.call(engine, arm, slot, now), slot)
    }
  }
}

/** The same of those that go on. */
function behind(work: (world: World, slot: number, start: number) => void): Plan['spoil'] {
  return instead((world, verdict, slot) => {
    if (verdict >= 0) work(world, slot, engineOf(world).frames.start[slot] as number)
    return verdict
  })
}

const engineOf = ({ stands }: World) => (stands[0] as World['stands'][0]).engine
const flip = ({ arena }: World, at: number) => {
  arena[at] = (arena[at] as number) ^ 1
}
const isIpv6 = ({ pkt, stands: [stand] }: World, slot: number) =>
  pkt.getUint16((stand?.engine.frames.start[slot] as number) + 22) === 0x86dd

/** What an engine may do wrong, and the words in which that is told. */
const FAULTS: [what: string, spoil: Plan['spoil'], words: RegExp][] = [
  ['sums wrongly', behind((world, _, at) => flip(world, at + 24 + 20 + 14)), /sent a wrong checks/],
  [
    'hides a wrong checksum',
    behind((world, slot, at) => mendL4(world.pkt, at, engineOf(world).frames.length[slot] ?? 0)),
    /a wrong checksum became right/,
  ],
  ['writes in front', behind((world, slot) => flip(world, slot * STRIDE)), /headroom was written/],
  [
    'writes behind',
    behind((world, slot, at) => flip(world, at + (engineOf(world).frames.length[slot] ?? 0) + 64)),
    /behind a frame was written/,
  ],
  [
    'writes elsewhere',
    behind((world, slot) => flip(world, (511 - (slot & 7)) * STRIDE - 1)),
    /which nobody has/,
  ],
  [
    'loses a slot',
    world => {
      const { frames } = engineOf(world)
      const { release } = frames
      let released = 0
      frames.release = slot => (++released === 500 ? undefined : release.call(frames, slot))
    },
    /slots are lost/,
  ],
  [
    'gives a slot back twice',
    instead((world, verdict, slot) => {
      if (verdict === -Drop.IP_CHECKSUM) engineOf(world).frames.release(slot)
      return verdict
    }),
    /is given back twice/,
  ],
  [
    'says a wrong length',
    behind((world, slot) => {
      const { length } = engineOf(world).frames
      length[slot] = (length[slot] as number) - 1
    }),
    /bytes in a frame of/,
  ],
  [
    'says what nobody knows',
    instead((_, verdict) => (verdict < -50 ? -999 : verdict)),
    /verdict -999/,
  ],
  [
    'throws',
    instead((_, verdict) => {
      if (verdict === -Drop.TCP_NO_CONN) throw new RangeError('out of bounds')
      return verdict
    }),
    /out of bounds/,
  ],
  [
    'lets IPv6 in',
    instead((world, verdict, slot) => (isIpv6(world, slot) ? DONE : verdict)),
    /of IPv6/,
  ],
  [
    'ends nothing',
    world => {
      engineOf(world).tick = () => 100
    },
    /connections stay/,
  ],
]

for (const [what, spoil, words] of FAULTS)
  test(`an engine that ${what} is found out`, () => assert.match(found(spoil), words))

test('and one that reads where it should not', () => {
  const reads = instead(({ arena }, verdict, slot) =>
    arena[slot * STRIDE] === 0 && verdict >= 0 ? -Drop.IP_PROTOCOL : verdict,
  )
  assert.match(found(reads, true), /a byte outside of a frame made the difference/)
})

test('while one that is right is not', () => assert.equal(found(undefined, true), 'nothing'))
