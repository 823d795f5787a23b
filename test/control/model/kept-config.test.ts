/** The config that ran, and the places: what the next daemon reads, whenever the last one has died. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/config.ts'
import { PlaceList, type Places } from '../../../src/config/places.ts'
import { KeptConfig } from '../../../src/control/model/kept-config.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

const BYTES = 64 * 1024 * 1024
const HALF = BYTES / 2
const config = parseConfig(SEED_CONFIG, 'x.yaml')
const places = (quiet = () => true): Places => ({
  dests: new PlaceList(4, quiet),
  lips: new PlaceList(4, quiet),
})

test('what was written last is read, and the places are given out as they were', () => {
  const memory = new ArrayBuffer(BYTES)
  const first = new KeptConfig(memory)
  assert.equal(first.read(), undefined)
  const before = places(() => false)
  for (const name of ['a', 'b', 'c']) before.dests.take(name)
  before.dests.leave('b')
  before.dests.leave('a')
  before.dests.take('a')
  before.lips.take('192.0.2.1')
  for (let i = 0; i < 3; i++) assert.ok(first.write(config, before))

  const ran = new KeptConfig(memory).read()
  assert.ok(ran)
  assert.deepEqual(ran.config.services, config.services)
  const after = places(() => false)
  after.dests.restore(ran.places.dests)
  after.lips.restore(ran.places.lips)
  // One that is new gets none that is held; one that was left gets its own back.
  assert.equal(after.dests.take('new'), 3)
  for (const [name, place] of [
    ['c', 2],
    ['a', 0],
    ['b', 1],
  ] as const)
    assert.equal(after.dests.take(name), place)
  assert.throws(() => after.dests.take('one more'), RangeError)
  assert.equal(after.lips.take('192.0.2.1'), 0)
})

test('a daemon that dies while it writes leaves what it had written before', () => {
  const memory = new ArrayBuffer(BYTES)
  const kept = new KeptConfig(memory)
  const mine = places()
  kept.write(config, mine)
  mine.dests.take('later')
  kept.write(config, mine)
  // The second is in the first half: as if it had been on its way.
  const bytes = new Uint8Array(memory)
  for (const spoil of [
    () => (bytes[100] = (bytes[100] as number) ^ 1),
    () => (new Int32Array(memory, 0, 3)[1] = HALF),
    () => (new Int32Array(memory, 0, 3)[1] = -1),
    () => (new Int32Array(memory, 0, 3)[0] = 0),
  ]) {
    const whole = bytes.slice(0, 4096)
    spoil()
    assert.deepEqual(new KeptConfig(memory).read()?.places.dests?.names, [])
    bytes.set(whole)
    assert.deepEqual(new KeptConfig(memory).read()?.places.dests?.names, [['later', 0]])
  }
  // A half that only says to be the later one is none.
  new Int32Array(memory, HALF, 1)[0] = 99
  assert.deepEqual(new KeptConfig(memory).read()?.places.dests?.names, [['later', 0]])
  bytes.fill(7)
  assert.throws(() => new KeptConfig(memory).read(), /spoilt/)
})

test('what is kept is checked as any config is', () => {
  const memory = new ArrayBuffer(BYTES)
  const kept = new KeptConfig(memory)
  const wrong = { ...config, file: { ...config.file, workers: { count: -1 } } } as never
  kept.write(wrong, places())
  assert.throws(() => new KeptConfig(memory).read(), /workers/)
})

test('places that make no sense are refused, and change nothing', () => {
  const list = new PlaceList(4, () => true)
  for (const saved of [
    { names: [['a', 4]], fresh: 4 },
    { names: [['a', 1]], fresh: 1 },
    { names: [['a', 0.5]], fresh: 4 },
    {
      names: [
        ['a', 0],
        ['b', 0],
      ],
      fresh: 4,
    },
    {
      names: [
        ['a', 0],
        ['a', 1],
      ],
      fresh: 4,
    },
    { names: [[0, 0]], fresh: 4 },
    { names: [], fresh: 5 },
    { names: 'x', fresh: 0 },
    null,
  ])
    assert.throws(() => list.restore(saved as never), RangeError)
  assert.equal(list.take('a'), 0)
})
