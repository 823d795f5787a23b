/** The states of UDP against semantics 4.1, cell by cell. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextState, TABLE } from '../../src/engine/states.ts'
import { IN, OUT } from '../../src/engine/tcp-state.ts'
import { UDP_STATES, UDP_TIMEOUTS, UdpState } from '../../src/engine/udp-state.ts'

const DATAGRAM = 0
const { NONE, ONEWAY, NORMAL } = UdpState

test('the client alone is one way, and once the RS has answered it stays normal', () => {
  const cells = [
    [IN, NONE, ONEWAY],
    [IN, ONEWAY, ONEWAY],
    [IN, NORMAL, NORMAL],
    [OUT, NONE, NORMAL],
    [OUT, ONEWAY, NORMAL],
    [OUT, NORMAL, NORMAL],
  ] as const
  assert.equal(cells.length, 2 * UDP_STATES)
  for (const [dir, before, after] of cells)
    assert.equal(nextState(TABLE.UDP | dir, before, DATAGRAM), after, `${dir} ${before}`)
})

test('default timeouts in seconds', () => {
  assert.deepEqual(
    Object.entries(UdpState).map(([name, state]) => [name, UDP_TIMEOUTS[state]]),
    [
      ['NONE', 2],
      ['ONEWAY', 300],
      ['NORMAL', 300],
    ],
  )
})
