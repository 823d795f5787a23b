/** What is counted of the state machine's edges, and what is only marked. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CellUse } from '../../src/engine/edges.ts'
import { nextState } from '../../src/engine/states.ts'
import { EVENTS, IN, OUT, State } from '../../src/engine/tcp-state.ts'
import { CLIENT, established, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const STATES = Object.keys(State)

function text({ direction, event, before, after, count }: CellUse): string {
  const way = direction === IN ? 'in' : 'out'
  return `${way} ${EVENTS[event]} ${STATES[before]}->${STATES[after]} ${count}`
}

const used = (stand: Stand) => stand.engine.edges.used().map(text)

test('an engine that has seen nothing has used no cell', () => {
  assert.deepEqual(used(new Stand()), [])
})

test('the handshake and the close are edges, what changes no state is a mark', () => {
  const stand = established()
  const handshake = ['in syn NONE->SYN_RECV 1', 'in ack SYN_RECV->ESTABLISHED 1']
  assert.deepEqual(used(stand), [...handshake, 'out syn SYN_RECV->SYN_RECV 0'])
  for (let i = 0; i < 5; i++) stand.segment(WAN, { ...CLIENT, flags: 'P.' })
  assert.deepEqual(used(stand), [
    'in syn NONE->SYN_RECV 1',
    'in ack ESTABLISHED->ESTABLISHED 0',
    'in ack SYN_RECV->ESTABLISHED 1',
    'out syn SYN_RECV->SYN_RECV 0',
  ])
  stand.segment(WAN, { ...CLIENT, flags: 'F.' })
  stand.now += 1234
  stand.segment(LAN, { ...RS, flags: 'F.' })
  const close = stand.engine.edges.used().find(({ before }) => before === State.CLOSE_WAIT)
  assert.ok(close)
  assert.equal(text(close), 'out fin CLOSE_WAIT->TIME_WAIT 1')
  assert.equal(close.last, stand.now)
  assert.equal(close.flags & 0x3f, 0x11)
})

test('an edge is counted each time it is taken, by its direction and event', () => {
  const stand = new Stand(`${SEED_CONFIG}\ntcp: { strict: off }`).resolveRss()
  for (let i = 0; i < 3; i++) {
    stand.segment(WAN, { ...SYN, sport: 40_000 + i })
    stand.segment(WAN, { ...CLIENT, sport: 40_000 + i, flags: i === 0 ? '' : 'R' })
  }
  assert.deepEqual(used(stand), [
    'in syn NONE->SYN_RECV 3',
    'in rst SYN_RECV->SYN_RECV 0',
    'in none SYN_RECV->CLOSE 1',
  ])
})

test('every cell that can be used is found again where it was written', () => {
  const { edges } = new Stand().engine
  for (const direction of [IN, OUT]) {
    for (let flags = 0; flags < 32; flags++) {
      for (const before of Object.values(State)) {
        if (nextState(direction, before, flags) !== before) edges.taken(direction, flags, before, 7)
        else edges.kept[(direction << 9) | (flags << 4) | before] = 1
      }
    }
  }
  const uses = edges.used()
  assert.equal(uses.length, 2 * EVENTS.length * STATES.length)
  for (const { direction, before, after, flags, count } of uses) {
    assert.equal(nextState(direction, before, flags), after)
    assert.equal(count > 0, after !== before)
  }
})
