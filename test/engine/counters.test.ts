/** What counts where: an arm of the appliance's own is in no total. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArmCell, Counters, Drop, Event } from '../../src/engine/counters.ts'
import { DropBook } from '../../src/engine/drop-book.ts'
import { Frames } from '../../src/engine/frames.ts'
import { Neigh } from '../../src/engine/neigh-state.ts'

test('drops, events and neighbours of an arm behind those of the operator are in no total', () => {
  const counters = new Counters(new ArrayBuffer(Counters.bytesFor(3)), 3, 2)
  const frames = new Frames(new ArrayBuffer(Frames.bytesFor(64)), 64)
  const memory = new SharedArrayBuffer(DropBook.bytes)
  counters.book = new DropBook(memory, frames)
  const empty = new Int32Array(memory).slice()
  const slot = frames.take()
  const { REACHABLE, SEND } = Neigh
  const happen = (arm: number) => {
    counters.txDrop(arm, Drop.TX_ARM_DOWN, slot)
    counters.rxDrop(arm, Drop.ETH_TYPE, slot)
    counters.countOn(arm, Event.ARP_REPLIES)
    counters.neigh(arm, SEND, 1)
    counters.neighMoved(arm, SEND, REACHABLE)
  }
  const totals = () => [
    ...[Drop.TX_ARM_DOWN, Drop.ETH_TYPE, Event.ARP_REPLIES].map(which => counters.events[which]),
    ...[SEND, REACHABLE].map(state => counters.neighbours[state]),
  ]
  happen(2)
  assert.deepEqual(totals(), [0, 0, 0, 0, 0])
  assert.deepEqual(new Int32Array(memory), empty)
  // It still has its own numbers, so that no frame goes without.
  assert.equal(counters.armCell(2, ArmCell.RX_DROPS), 1)
  assert.equal(counters.armCell(2, ArmCell.TX_DROPS), 1)
  happen(1)
  assert.deepEqual(totals(), [1, 1, 1, 0, 1])
  assert.notDeepEqual(new Int32Array(memory), empty)
})
