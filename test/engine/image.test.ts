/**
 * An engine that is restored from an image goes on exactly like the one that the image was taken of.
 * Holds invariant I12.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import type { EngineImage } from '../../src/engine/image.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { CLIENT, LAN, openMany, RS, SYN, WAN } from '../kit/connection.ts'
import { runs } from '../kit/long.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'
import { tcp } from '../kit/talk.ts'
import { give, inputOf, LIVES, type Step, TRAFFIC_CONFIG } from '../kit/traffic.ts'

/** Frames of all originals, and of all their twins: an arena is 35 MB. */
const arena = [0, 1].map(() => new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2))))
/** 63 of a LIP: rings that go round. */
const lports = { mask: 1023, residue: 5 }

/** On a stand whose own key and seed are others. */
function restored(image: EngineImage, yaml: string, now: number): Stand {
  const isn = new KeyedIsn(Int32Array.of(9, 9, 9, 9))
  const stand = new Stand(
    yaml,
    isn,
    { seed: 99, lports, arena: arena[1] as SharedArrayBuffer },
    structuredClone(image),
  )
  stand.now = now
  return stand
}

/** Cells of chains through the index, whose order is the table's own business. */
function comparable(image: EngineImage): EngineImage {
  const { cells } = image.table
  for (let at = 0; at < cells.length; at += 16) {
    cells[at + CELL.OUT_NEXT] = 0
    // Of a free record the first link is that of the free list.
    if (RECORD.inUse(cells[at + CELL.BINDING])) cells[at + CELL.IN_NEXT] = 0
  }
  return image
}

function play(config: string, before: readonly Step[], after: readonly Step[]): void {
  const around = { lports, arena: arena[0] as SharedArrayBuffer }
  const stand = new Stand(config, undefined, around)
  for (const step of before) {
    const input = inputOf(step, stand)
    if (input) give(input, stand)
  }
  // Of its beginning, if no step has asked for it yet.
  stand.log()
  const image = stand.image()
  const twin = restored(image, config, stand.now)
  assert.deepEqual(comparable(twin.image()), comparable(image))
  for (const step of after) {
    const input = inputOf(step, stand)
    if (input) assert.deepEqual(give(input, twin), give(input, stand))
  }
  assert.deepEqual(comparable(twin.image()), comparable(stand.image()))
  assert.deepEqual(twin.engine.frames.free, stand.engine.frames.free)
}

for (const { name, config, steps, part } of LIVES) {
  test(`any traffic, ${name}: the original and the restored engine say, send and count the same`, () => {
    const same = (before: readonly Step[], after: readonly Step[]) => play(config, before, after)
    fc.assert(fc.property(steps(60), steps(60), same), {
      numRuns: runs(40 * part),
      endOnFailure: true,
      includeErrorInReport: true,
    })
  })
}

test('an image holds what has been in use, not the tables', () => {
  const stand = new Stand(`${TRAFFIC_CONFIG.replace('size: 16', 'size: 262144')}`).resolveRss()
  openMany(10)(stand)
  const { table, wheel, pools, neighs } = stand.image()
  assert.equal(table.cells.length, 160)
  assert.equal(wheel.next.length, 10)
  assert.equal(
    pools.flatMap(pool => pool?.ports ?? []).reduce((sum, { length }) => sum + length, 0),
    10,
  )
  assert.equal(neighs.columns[0]?.length, 3)
})

test('an image that is larger than the table is refused', () => {
  const stand = new Stand(TRAFFIC_CONFIG.replace('size: 16', 'size: 64')).resolveRss()
  openMany(17)(stand)
  assert.throws(() => restored(stand.image(), TRAFFIC_CONFIG, stand.now), {
    message: "more connections than the table's 16",
  })
})

test('a client whose cookie opened a connection is answered by either, and so is one whose cookie is on its way', () => {
  const yaml = `${SEED_CONFIG}    syn_proxy: on\n`
  const stand = new Stand(yaml, undefined, { lports, arena: arena[0] as SharedArrayBuffer })
  stand.resolveRss()
  const cookie = (src: string) => {
    const [answer] = tcp(stand.segment(WAN, { ...SYN, src }))
    return { ...CLIENT, src, ack: ((answer?.seq as number) + 1) >>> 0 }
  }
  const [ack, later] = [cookie('202.108.10.2'), cookie('202.108.10.3')]
  const [syn] = tcp(stand.segment(WAN, ack))
  stand.segment(WAN, { ...ack, flags: 'P.', payload: new Uint8Array(100).fill(7) })
  stand.log()
  const image = stand.image()
  assert.deepEqual(
    image.early.map(({ conn }) => conn),
    [0, 0],
  )
  const twin = restored(image, yaml, stand.now)
  assert.deepEqual(comparable(twin.image()), comparable(image))
  const back = { ...RS, dport: syn?.sport as number, ack: ((syn?.seq as number) + 1) >>> 0 }
  const lives = [stand, twin].map(each => [
    // Nobody answers, and it asks again.
    ...each.pass(4000),
    ...each.segment(LAN, { ...back, flags: 'S.', seq: 9000 }),
    ...each.segment(LAN, { ...back, flags: 'P.', ack: back.ack + 100, payload: new Uint8Array(9) }),
    ...each.segment(WAN, { ...ack, seq: ack.seq + 100, ack: ack.ack + 9 }),
    ...each.segment(WAN, later),
    ...each.log(),
  ])
  assert.deepEqual(lives[1], lives[0])
  const sent = tcp(lives[1]?.filter(each => typeof each !== 'string') ?? [])
  assert.deepEqual(
    sent.map(({ flags, payload }) => `${flags} ${payload.length}`),
    ['S 0', '. 0', 'P. 100', 'P. 9', '. 0', 'S 0'],
  )
  assert.deepEqual(comparable(twin.image()), comparable(stand.image()))
})
