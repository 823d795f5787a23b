/** Journals whose images have lists that never end, or end where they should not: they are refused in a line, at once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJournal } from '../../../src/control/journal/format.ts'
import { replay } from '../../../src/control/replay/replay.ts'
import { CELL, RECORD } from '../../../src/engine/conn-layout.ts'
import { arenaSlots, Frames } from '../../../src/engine/frames.ts'
import type { EngineImage } from '../../../src/engine/image.ts'
import { openMany, SYN, WAN } from '../../kit/connection.ts'
import { journaled } from '../../kit/journaled.ts'
import { Stand } from '../../kit/stand.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))

/** Three connections that wait for their RS's answer, one that is closed and gone, and a fourth that stays. */
async function journal() {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  openMany(1)(stand)
  stand.pass(40_000, 100)
  for (let i = 0; i < 6; i++) stand.segment(WAN, { ...SYN, sport: 30_000 + i })
  stand.pass(200)
  stand.engine.conns.cut(2, stand.now | 0)
  stand.engine.conns.cut(4, stand.now | 0)
  return readJournal(await journaled([stand], () => stand.pass(1000, 100)))
}

const next = (conn: number) => RECORD.at(conn) | CELL.IN_NEXT

const DAMAGES: Record<string, [damage: (image: EngineImage) => void, says: string]> = {
  'a timer list that comes back to its middle': [
    ({ wheel }) => wheel.next.fill(0),
    'a timer list that is none',
  ],
  'one that leads to nowhere': [({ wheel }) => wheel.next.fill(-9), 'a timer list that is none'],
  'one behind the last record': [
    ({ wheel }) => wheel.next.fill(2 ** 30),
    'a timer list that is none',
  ],
  'heads that lead into one another': [
    ({ wheel }) => wheel.nextOfHeads.fill(1),
    'a timer list that is none',
  ],
  'fewer timers than are filed': [
    ({ wheel }) => {
      wheel.filed++
    },
    'timers, of which',
  ],
  'a free list that goes round': [
    ({ table }) => {
      table.cells[next(table.free)] = table.free
    },
    'a free list that is none',
  ],
  'one with a record that is in use': [
    ({ table }) => {
      table.cells[next(table.free)] = 0
    },
    'a free list that is none',
  ],
  'one that begins behind the last record': [
    ({ table }) => {
      table.free = 2 ** 30
    },
    'a free list that is none',
  ],
  'one that ends too early': [
    ({ table }) => {
      table.cells[next(table.free)] = -1
    },
    'records that are neither in use nor free',
  ],
  'one connection that waits twice': [
    ({ waiting }) => waiting.fill(waiting[0] ?? 0),
    'connections that wait twice',
  ],
  'one that waits and is not there': [({ waiting }) => waiting.fill(4), 'does not wait'],
  'one that waits behind the last record': [
    ({ waiting }) => waiting.fill(2 ** 30),
    'does not wait',
  ],
}

for (const [name, [damage, says]] of Object.entries(DAMAGES)) {
  test(`${name}: refused`, async () => {
    const whole = await journal()
    const [image] = whole.images
    assert.ok(image)
    assert.equal(replay(whole).difference, undefined)
    damage(image)
    const begun = performance.now()
    assert.throws(
      () => replay(whole),
      ({ message }) => message.startsWith('is damaged: ') && message.includes(says),
    )
    assert.ok(performance.now() - begun < 5000)
  })
}
