/** A neighbour whose MAC flaps is told once, by whichever worker finds it out, and no flood of them fills what is remembered. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventData } from '../../../src/api/events.ts'
import { FlappingNeighbours } from '../../../src/control/log/flapping-neighbours.ts'
import { ipv4Int, macInts } from '../../../src/wire/address.ts'
import { traceRecord } from '../../kit/trace-record.ts'

const RS = '192.168.168.2'
const FROM = '02:00:00:00:00:02'
const TO = '02:00:00:00:00:99'

const flaps = (address: string | number, arm = 1) =>
  traceRecord('NEIGH_FLAPS', {
    address: typeof address === 'number' ? address : ipv4Int(address),
    arm,
    from: macInts(FROM),
    to: macInts(TO),
  })

test('one line and one event, whichever worker finds it out, and again when it goes on', () => {
  let now = 0
  const told: EventData['neighbour'][] = []
  const judge = new FlappingNeighbours(
    ['ext0', 'int0'],
    event => void told.push(event),
    () => now,
  )
  const level = (record: Int32Array) => judge.level(record, 'warn')
  assert.deepEqual([flaps(RS), flaps(RS), flaps(RS, 0)].map(level), ['warn', 'debug', 'warn'])
  assert.deepEqual(told, [
    { address: RS, arm: 'int0', from: FROM, to: TO },
    { address: RS, arm: 'ext0', from: FROM, to: TO },
  ])
  // Another kind of record is as it was.
  const moved = traceRecord('NEIGH_MOVED', { address: ipv4Int(RS), arm: 1 })
  assert.equal(judge.level(moved, 'info'), 'info')
  now += 10_000
  assert.equal(level(flaps(RS)), 'warn')
  assert.equal(told.length, 3)
})

test('of thousands only some are told at a time', () => {
  let now = 0
  let told = 0
  const judge = new FlappingNeighbours(
    ['ext0'],
    () => void told++,
    () => now,
  )
  for (let i = 0; i < 4096; i++) judge.level(flaps(i, 0), 'warn')
  assert.equal(told, 64)
  now += 5000
  for (let i = 0; i < 4096; i++) judge.level(flaps(i, 0), 'warn')
  assert.equal(told, 128)
})
