/** Events of the SYN proxy, made of what workers say. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventData } from '../../../src/api/events.ts'
import { SynProxyTurns } from '../../../src/control/log/syn-proxy-turns.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { traceRecord } from '../../kit/trace-record.ts'

test('a worker that begins and ends is an event each, of either family, and its line stays', () => {
  const told: EventData['syn_proxy'][] = []
  const judge = new SynProxyTurns(3, turn => void told.push(turn))
  const four = [ipv4Int('202.108.10.1'), 6379]
  const begun = traceRecord('SYN_PROXY', { service: four, active: 1, syns: 501 })
  const six = [1, 443, 0x2001_0db8, 0, 0]
  const over = traceRecord('SYN_PROXY', { service: six, active: 0, syns: 7 })
  assert.deepEqual(
    [begun, over].map(record => judge.level(record, 'warn')),
    ['warn', 'warn'],
  )
  assert.deepEqual(told, [
    {
      service: { protocol: 'tcp', address: '202.108.10.1', port: 6379 },
      worker: 3,
      active: true,
      syns: 501,
    },
    {
      service: { protocol: 'tcp', address: '2001:db8::1', port: 443 },
      worker: 3,
      active: false,
      syns: 7,
    },
  ])
  assert.equal(judge.level(traceRecord('NEIGH_MOVED', {}), 'info'), 'info')
  assert.equal(told.length, 2)
})
