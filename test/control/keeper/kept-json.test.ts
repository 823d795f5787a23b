/** Memory of a value that outlives its writer: whatever is held in its place, there is one that can be written. */

import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { KEPT_JSON_BYTES, KeptJson, openKeptJson } from '../../../src/control/keeper/kept-json.ts'
import { createMemory } from '../../../src/io/hold.ts'
import { PaperKeeper } from '../../kit/paper-keeper.ts'

for (const [what, open, lost] of [
  ['nothing', () => [], ''],
  ['a device', () => [openSync('/dev/null', 'r')], 'it is no memory of ours'],
  ['memory of another size', () => [createMemory('x', 4096)], 'its memory has another size'],
  ['that and more', () => [createMemory('x', KEPT_JSON_BYTES), openSync('/dev/null', 'r')], ''],
] as [string, () => number[], string][])
  test(`${what} in its place`, t => {
    const keeper = new PaperKeeper()
    const given = open()
    if (given.length > 0) keeper.hold('x', { fds: given, about: null })
    const first = openKeptJson(keeper, 'x')
    assert.equal(first.lost, lost)
    const fds: readonly number[] = keeper.held.get('x')?.fds ?? []
    t.after(() => fds.forEach(fd => void closeSync(fd)))
    assert.equal(fds.length, 1)
    assert.equal(new KeptJson(first.memory).read(), undefined)
    assert.ok(new KeptJson(first.memory).write({ a: 1 }))
    assert.deepEqual(new KeptJson(openKeptJson(keeper, 'x').memory).read(), { a: 1 })
    // What is not held is closed.
    for (const fd of given)
      if (!fds.includes(fd)) assert.throws(() => closeSync(fd), { code: 'EBADF' })
  })

test('whether it is still what it was is seen by its heads, and a half that was begun does not count', () => {
  const memory = new ArrayBuffer(KEPT_JSON_BYTES)
  const json = new KeptJson(memory)
  assert.ok(json.write({ a: 1 }))
  const reader = new KeptJson(memory)
  assert.deepEqual(
    [0, 1, 2].map(at => reader.isStill(at)),
    [false, true, false],
  )
  assert.ok(json.write({ a: 2 }))
  assert.deepEqual(
    [1, 2, 3].map(at => reader.isStill(at)),
    [false, true, false],
  )
  // The third one, broken off: its sequence is written last.
  const head = new Int32Array(memory, KEPT_JSON_BYTES / 2, 16)
  head[0] = 0
  head[20] = 7
  assert.ok(reader.isStill(2))
  // It says that it is, and is not.
  head[0] = 3
  assert.ok(reader.isStill(2))
})
