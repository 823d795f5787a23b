/** A neighbour that does not answer is told once, whoever finds out how often. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import type { NeighbourInfo } from '../../../src/api/commands.ts'
import { SilentNeighbours } from '../../../src/control/log/silent-neighbours.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { traceRecord } from '../../kit/trace-record.ts'

const RS = '192.168.168.2'

function failed(address: string, arm = 1): Int32Array {
  return traceRecord('NEIGH_FAILED', { address: ipv4Int(address), arm, dropped: 3 })
}

test('once, and again after it has answered or another config runs', async t => {
  const said: string[] = []
  let known: NeighbourInfo[] = []
  let asked = 0
  const say = (text: string) => void said.push(text)
  const ask = async () => {
    asked++
    return known
  }
  const log = { error: say, warn: say, info: say }
  const silent = new SilentNeighbours(['ext0', 'int0'], ask, log, 5)
  t.after(() => silent.stop())
  const level = (record: Int32Array) => silent.level(record, 'warn')
  assert.deepEqual([failed(RS), failed(RS), failed(RS)].map(level), ['warn', 'debug', 'debug'])
  assert.deepEqual([failed(RS, 0), failed('192.168.168.3')].map(level), ['warn', 'warn'])
  // Records of any other kind are as they were.
  assert.equal(
    silent.level(traceRecord('NEIGH_MOVED', { address: ipv4Int(RS), arm: 1 }), 'info'),
    'info',
  )

  const one = { address: RS, arm: 'int0', worker: 2, static: false, flaps: false }
  known = [{ ...one, mac: null, state: 'SEND' }]
  const before = asked
  await until('two looks', { limitMs: 3000 }, () => asked > before + 1 || undefined)
  assert.deepEqual(said, [])
  known = [{ ...one, mac: '02:00:00:00:00:02', state: 'REACHABLE' }]
  await until('its return', { limitMs: 3000 }, () => said.length > 0 || undefined)
  assert.deepEqual(said, [`NEIGHBOUR: ${RS} on int0 answers again`])
  assert.deepEqual([failed(RS), failed(RS)].map(level), ['warn', 'debug'])
  silent.clear()
  assert.deepEqual([failed(RS), failed(RS)].map(level), ['warn', 'debug'])
})
