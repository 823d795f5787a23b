/** State that outlives the daemon: what is gone on with, what is refused and in which words. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Config, parseConfig } from '../../../src/config/config.ts'
import type { Held } from '../../../src/control/keeper/keeping.ts'
import { STATE_LAYOUT } from '../../../src/control/system/layouts.ts'
import { mapState, stateFor } from '../../../src/control/threads/state.ts'
import { openStates } from '../../../src/control/threads/states.ts'
import { AddressBook } from '../../../src/engine/address-book.ts'
import * as layout from '../../../src/engine/conn-layout.ts'
import { Neighs } from '../../../src/engine/neigh.ts'
import { connBytes } from '../../../src/engine/parts.ts'
import { Sessions } from '../../../src/engine/sessions.ts'
import { State } from '../../../src/engine/tcp-state.ts'
import { Templates } from '../../../src/engine/templates.ts'
import { UdpState } from '../../../src/engine/udp-state.ts'
import { clockOffset, longClockMs, setClock } from '../../../src/io/clock.ts'
import { createMemory, mapMemory } from '../../../src/io/hold.ts'
import { duplicateFd } from '../../../src/io/native.ts'
import { PaperKeeper } from '../../kit/paper-keeper.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

function configOf(change: (text: string) => string = text => text): Config {
  return parseConfig(change(`${SEED_CONFIG}\nconnections: { table_size: 1024 }\n`), 'x.yaml')
}

/** What one daemon leaves, and what the next one makes of it. */
function after(
  t: TestContext,
  spoil: (held: Map<string, Held>) => void,
  next = configOf(),
  hasSessions = false,
) {
  const keeper = new PaperKeeper()
  const first = configOf()
  const [state] = openStates(first, false, keeper, assert.fail)
  assert.ok(state)
  assert.equal(state.adopt, false)
  new Int32Array(mapState(state, stateFor(first, 0, false)).conns)[100] = 7
  spoil(keeper.held)
  const said: string[] = []
  const states = openStates(next, hasSessions, keeper, text => said.push(text))
  const all = new Set(states.flatMap(({ fd, templates }) => [fd, templates]))
  t.after(() => {
    for (const fd of all) closeSync(fd)
  })
  return { said, states, keeper }
}

const cellsOf = (held: Map<string, Held>, name = 'state 1') =>
  new Int32Array(mapMemory(held.get(name)?.fds[0] as number, 0, 65_536))

test('what was kept is gone on with, byte by byte', t => {
  const { said, states } = after(t, () => {})
  assert.deepEqual(said, [])
  const [state] = states
  assert.ok(state)
  assert.equal(state.adopt, true)
  assert.equal(new Int32Array(mapState(state, stateFor(configOf(), 0, false)).conns)[100], 7)
})

for (const [what, spoil, words] of [
  [
    'of another layout',
    held => (cellsOf(held)[1] = 99),
    `state of another layout (99, this is ${STATE_LAYOUT})`,
  ],
  ['torn', held => (cellsOf(held)[9] ^= 1), 'the head of the state is spoilt'],
  [
    'of something else',
    held => (cellsOf(held)[0] = 0),
    'what was kept is not the state of a tapvs',
  ],
  [
    'too small',
    held => put(held, createMemory('x', 65_536)),
    'what was kept is not the state of a tapvs',
  ],
  ['without a head', held => put(held, createMemory('x', 4096)), 'what was kept has no head'],
  [
    'a device',
    held => put(held, openSync('/dev/null', 'r')),
    'what was kept is no memory of ours (memory: Invalid argument)',
  ],
  [
    'of another worker',
    held => put(held, duplicateFd(held.get('state of all')?.fds[0] as number)),
    'state of another worker',
  ],
  ['not whole', held => held.delete('state 1'), 'state of 0 workers, this is 1'],
] as [string, (held: Map<string, Held>) => void, string][]) {
  test(`state that is ${what} is refused in one line, and all begins empty`, t => {
    const { said, states, keeper } = after(t, spoil)
    assert.deepEqual(said, [`${words}: starting empty`])
    const [state] = states
    assert.ok(state)
    assert.equal(state.adopt, false)
    const { conns } = mapState(state, stateFor(configOf(), 0, false))
    assert.ok(new Int32Array(conns).every(cell => cell === 0))
    // And the next one has that.
    assert.equal(keeper.held.get('state 1')?.fds[0], state.fd)
  })
}

function put(held: Map<string, Held>, fd: number): void {
  held.set('state 1', { fds: [fd], about: null })
}

for (const [change, hasSessions, words] of [
  [
    (text: string) => text.replace('1024', '2048'),
    false,
    'state of 1024 connections, this is 2048',
  ],
  [(text: string) => text.replaceAll('dpdk0', 'dpdk7'), false, 'state of other arms'],
  [(text: string) => `${text}workers: { count: 2 }\n`, false, 'state of 1 workers, this is 2'],
  [(text: string) => text, true, 'state of other sessions'],
] as const) {
  test(`a config that differs: ${words}`, t => {
    const { said, states } = after(t, () => {}, configOf(change), hasSessions)
    assert.deepEqual(said, [`${words}: starting empty`])
    assert.ok(states.every(({ adopt }) => !adopt))
  })
}

test('the clock goes on where another process has left it, whatever the wall clock says', () => {
  const before = longClockMs()
  const own = clockOffset()
  setClock(own - 3_600_000)
  try {
    const ago = before - longClockMs()
    assert.ok(Math.abs(ago - 3_600_000) < 1000, `${ago}`)
    assert.ok(Math.abs(clockOffset() - (own - 3_600_000)) < 1)
  } finally {
    setClock(own)
  }
})

/** Whoever changes this raises STATE_LAYOUT, and then writes here what comes out. */
test('the layout has its number', () => {
  const shape = JSON.stringify([
    layout.CELL,
    layout.COLD,
    layout.SYN_CELL,
    layout.KEY,
    layout.METHOD,
    layout.CONN_CELLS,
    layout.COLUMN_CELLS,
    State,
    UdpState,
    connBytes(1024),
    Neighs.bytesFor(64),
    Templates.bytesFor(64),
    Sessions.bytesFor(64),
    AddressBook.bytesFor(64),
  ])
  const sum = createHash('sha256').update(shape).digest('hex').slice(0, 8)
  assert.deepEqual([STATE_LAYOUT, sum], [8, 'a856ca4a'])
})
