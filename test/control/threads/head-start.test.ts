/** Threads that were started before all else are taken over when they are what would be started now; weights are made good. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Change, compare } from '../../../src/config/changes.ts'
import { type Config, parseConfig } from '../../../src/config/config.ts'
import { PlaceList } from '../../../src/config/places.ts'
import { type HeadStart, isAsWanted, lateFor } from '../../../src/control/threads/head-start.ts'
import { bareOf } from '../../../src/control/threads/memories.ts'
import { PaperKeeper } from '../../kit/paper-keeper.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

const seed = parseConfig(SEED_CONFIG, 'x.yaml')

function setUp(config: Config) {
  const list = () => new PlaceList(16, () => true)
  const changes: Change[] = compare(null, config).changes({ dests: list(), lips: list() })
  return { config: bareOf(config), changes, generation: 7 }
}

/** As if it had been started with the seed's config; its arms are held by nobody. */
const head = { ...setUp(seed), queues: undefined } as unknown as HeadStart
const weighted = (changes: Change[], weight: number) =>
  changes.map(change =>
    change.put === 'rs' ? { ...change, rs: { ...change.rs, weight } } : change,
  )

test('what is the same is taken over, and is told nothing', () => {
  const wanted = setUp(seed)
  assert.ok(isAsWanted(head, wanted, new PaperKeeper()))
  assert.deepEqual(lateFor(head, wanted.changes), [])
})

test('another generation, another config and other changes are not', () => {
  const wanted = setUp(seed)
  const keeper = new PaperKeeper()
  assert.ok(!isAsWanted(head, { ...wanted, generation: 8 }, keeper))
  const config = { ...wanted.config, neighbours: { timeout: 61, unresQueueLength: 128 } }
  assert.ok(!isAsWanted(head, { ...wanted, config }, keeper))
  assert.ok(!isAsWanted(head, { ...wanted, changes: wanted.changes.slice(1) }, keeper))
})

test('weights that health checks have changed since are told', () => {
  const wanted = setUp(seed)
  const changes = weighted(wanted.changes, 0)
  assert.ok(isAsWanted(head, { ...wanted, changes }, new PaperKeeper()))
  const late = lateFor(head, changes)
  assert.ok(late.length > 0)
  for (const change of late) assert.ok(change.put === 'rs' && change.rs.weight === 0)
})
