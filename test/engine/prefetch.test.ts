/** Reading ahead is an aid: whatever lies in the slots, it changes nothing and stays inside of its tables. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clients } from '../../bench/engine/clients.ts'
import { Rig } from '../../bench/engine/rig.ts'

/** More than the number from which on it reads ahead at all. */
const CONNS = 1 << 14

test('a burst of noise is read ahead without harm, and judged as without', () => {
  const rig = new Rig({ conns: CONNS })
  const clients = new Clients(rig, CONNS)
  clients.open()
  const { engine } = rig
  const { frames, counters, conns } = engine
  const records = conns.table.cells.slice()
  const slots = rig.take()
  const arena = new Uint8Array(frames.pkt.buffer)
  for (const [i, slot] of slots.entries()) {
    for (let at = 0; at < 100; at++)
      arena[frames.start[slot] + at] = Math.imul(at + i, 0x9e3779b1) >>> 24
    frames.length[slot] = 100
  }
  engine.expect(slots, slots.length)
  engine.expect(slots, 0)
  assert.deepEqual(conns.table.cells, records)
  for (const slot of slots) assert.ok(engine.input(rig.ext, slot, rig.now) < 0)
  assert.equal(
    counters.events.subarray(0, 64).reduce((sum, n) => sum + n),
    0,
  )
})
