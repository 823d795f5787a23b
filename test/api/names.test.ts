/** A state has one key wherever the API has something by state. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ALL_STATES,
  COUNTED_STATES,
  stateKey,
  stateName,
  stateNamed,
  TIMEOUT_KEYS,
} from '../../src/api/names.ts'

test('a state is counted by the key that its timeout has', () => {
  const counted = COUNTED_STATES.map(({ key }) => key)
  assert.deepEqual(ALL_STATES.map(stateKey), counted)
  assert.equal(new Set(counted).size, counted.length)
  // A connection that a single datagram makes is in its state for no time, and pings have the time of their service.
  const bare = ['udp_none', 'icmp_none', 'icmp_oneway', 'icmp_normal']
  assert.deepEqual(counted.toSorted(), [...TIMEOUT_KEYS, ...bare].toSorted())
})

test('the listing has its own word for a state, and one only', () => {
  assert.equal(stateKey('UDP_NORM'), 'udp_normal')
  for (const name of ALL_STATES) {
    const known = stateNamed(name)
    assert.equal(known && stateName(known.state, known.code), name)
  }
})
