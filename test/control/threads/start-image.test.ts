/** The start image: used for the config and the layout that it was written for, and refused by a word otherwise. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { compare } from '../../../src/config/changes.ts'
import { parseConfig, readConfig } from '../../../src/config/config.ts'
import { PlaceList } from '../../../src/config/places.ts'
import {
  CONFIG,
  type Held,
  type Keeping,
  NO_KEEPER,
  START,
} from '../../../src/control/keeper/keeping.ts'
import { KeptJson } from '../../../src/control/keeper/kept-json.ts'
import { KeptConfig, openKeptConfig } from '../../../src/control/model/kept-config.ts'
import { START_LAYOUT } from '../../../src/control/system/layouts.ts'
import { bareOf } from '../../../src/control/threads/memories.ts'
import { isSame, leftImage, StartImage } from '../../../src/control/threads/start-image.ts'
import { createMemory, mapMemory } from '../../../src/io/hold.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

const BYTES = 64 * 1024 * 1024
const config = parseConfig(SEED_CONFIG, 'x.yaml')
const places = () => ({ dests: new PlaceList(64, () => true), lips: new PlaceList(64, () => true) })
const setUp = () => ({ config: bareOf(config), changes: compare(null, config).changes(places()) })

/** A keeper without a process, which counts how often it was given what. */
function paperKeeper(t: TestContext) {
  const held = new Map<string, Held>()
  const given: string[] = []
  const keeping: Keeping = {
    ...NO_KEEPER,
    kept: true,
    has: name => held.has(name),
    look: name => held.get(name),
    take: name => held.get(name),
    hold: (name, what) => {
      held.set(name, what)
      given.push(name)
    },
    drop: name => void held.delete(name),
    ready: () => {},
    notify: () => {},
  }
  t.after(() => {
    for (const { fds } of held.values()) for (const fd of fds) closeSync(fd)
  })
  return { keeping, held, given }
}

/** What a daemon leaves that has written its config and the image. */
function left(t: TestContext) {
  const keeper = paperKeeper(t)
  const kept = openKeptConfig(keeper.keeping)
  const image = StartImage.open(keeper.keeping)
  assert.ok(kept && image)
  kept.write(config, places())
  assert.equal(leftImage(keeper.keeping), undefined)
  assert.ok(image.write(setUp(), kept.generation))
  return { ...keeper, kept, image }
}

test('the next daemon reads what was written, as it would work it out itself', t => {
  const { keeping, given, kept } = left(t)
  const found = leftImage(keeping)
  assert.ok(found)
  assert.equal(found.generation, kept.generation)
  assert.ok(isSame([found.config, found.changes], Object.values(setUp())))
  assert.deepEqual(given, [CONFIG, START])
})

test('when the config was written anew there is none until the image was, too', t => {
  const { keeping, given, kept, image } = left(t)
  kept.write(config, places())
  assert.equal(leftImage(keeping), undefined)
  image.write(setUp(), kept.generation)
  assert.ok(leftImage(keeping))
  assert.deepEqual(given, [CONFIG, START, START])
})

test('one of another layout, one that is torn, and other memory are refused', t => {
  const { keeping, held, kept } = left(t)
  const memory = mapMemory(held.get(START)?.fds[0] as number, 0, BYTES)
  const json = new KeptJson(memory)
  const written = json.read() as object
  json.write({ ...written, layout: 0 })
  assert.throws(() => leftImage(keeping), /^Error: it is of /)
  json.write(written)
  assert.ok(leftImage(keeping))
  new Uint8Array(memory).fill(7)
  assert.throws(() => leftImage(keeping), /spoilt/)
  const small = createMemory('small', 4096)
  held.set(START, { fds: [small], about: null })
  assert.throws(() => leftImage(keeping), /another size/)
  assert.ok(kept.generation > 0)
})

test('a generation is another one after each writing, by whoever has the memory', () => {
  const memory = new ArrayBuffer(BYTES)
  const seen = new Set<number>()
  for (let i = 0; i < 4; i++) {
    const kept = new KeptConfig(memory)
    seen.add(kept.generation)
    kept.write(config, places())
  }
  assert.equal(seen.size, 4)
})

/** `path: type` of all that a value of what JSON has holds, items of lists as one. */
function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap(item => shapeOf(item, `${path}[]`))
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`]
  return Object.entries(value).flatMap(([key, its]) => shapeOf(its, `${path}.${key}`))
}

test('START_LAYOUT is raised when packet threads are started with something else', () => {
  const file = join(CHECKOUT, 'config/lab.yaml')
  const every = readConfig(file)
  const changes = compare(null, every).changes(places())
  const shape = new Set(shapeOf({ config: bareOf(every), changes }))
  const text = [...shape].sort().join('\n')
  const sum = createHash('sha256').update(text).digest('hex').slice(0, 8)
  // Another sum: raise START_LAYOUT of control/system/layouts.ts, and write down both.
  assert.deepEqual([START_LAYOUT, sum], [6, '4a2599e3'], text)
})
