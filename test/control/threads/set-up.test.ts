/** An engine that was prepared while another one still ran is what one would be that is set up when that has died. */

import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { compare } from '../../../src/config/changes.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { PlaceList } from '../../../src/config/places.ts'
import { bareOf, newMemories } from '../../../src/control/threads/memories.ts'
import type { WorkerStart } from '../../../src/control/threads/protocol.ts'
import { type Made, make, prepare, setUp, takeOver } from '../../../src/control/threads/set-up.ts'
import { copyConns, PAGE_RECORDS, RECORD_CELLS } from '../../../src/control/threads/snapshots.ts'
import { mapState, stateFor } from '../../../src/control/threads/state.ts'
import { openStates } from '../../../src/control/threads/states.ts'
import { CELL } from '../../../src/engine/conn-layout.ts'
import { Steering } from '../../../src/engine/steering.ts'
import { clockMs } from '../../../src/io/clock.ts'
import { checkBooks } from '../../kit/books.ts'
import { openMany } from '../../kit/connection.ts'
import { PaperKeeper } from '../../kit/paper-keeper.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'

const FIXED = SEED_CONFIG.replace(
  'routes: [{ to: 192.168.168.0/24 }]',
  '$&\n    neighbours: [{ address: 192.168.168.9, mac: "02:00:00:00:00:09" }]',
)
const TEXT = `${FIXED}\nconnections: { table_size: 1024 }\n`
const config = parseConfig(TEXT, 'x.yaml')
const bare = bareOf(config)
const what = stateFor(bare, 0, false)
const list = () => new PlaceList(16, () => true)

/** What a thread starts with that follows another one, with counters of its own. */
function startWith(state: WorkerStart['state']): WorkerStart {
  const { tables, traces, traceRecords } = newMemories(bare)
  const changes = compare(null, config).changes({ dests: list(), lips: list() })
  const of = { tables: tables[0], trace: traces[0], traceRecords, sessions: null }
  const none = { shared: null, inherits: null, draining: true }
  return { config: bare, changes, index: 0, state, ...of, ...none } as unknown as WorkerStart
}

/** A state in which nothing is, and what runs an engine on it. */
function living(t: TestContext) {
  const [state] = openStates(bare, false, new PaperKeeper(), assert.fail)
  assert.ok(state)
  t.after(() => [state.fd, state.templates].forEach(fd => void closeSync(fd)))
  const { conns, neighs, templates } = mapState(state, what)
  const memories = { connMemory: conns, neighMemory: neighs, templateMemory: templates }
  return {
    start: startWith({ ...state, adopt: true }),
    run: () => new Stand(TEXT, undefined, { ...memories, now: clockMs() }).resolveRss(),
  }
}

/** All that must not depend on how it came about; deadlines and when it was asked for a MAC are the clock's. */
function known({ built: { engine } }: Made) {
  checkBooks(engine, new Steering(1).lportPartition(0))
  const page = new Int32Array(PAGE_RECORDS * RECORD_CELLS)
  const { count } = copyConns(engine, 0, page, clockMs())
  const { counters, neighs, dests, arms, frames, opening } = engine
  return {
    conns: Array.from({ length: count }, (_, i) => {
      const record = page.slice(i * RECORD_CELLS, (i + 1) * RECORD_CELLS)
      for (const cell of [CELL.OUT_NEXT, CELL.DEADLINE]) record[cell] = 0
      return [...record]
    }),
    states: [...counters.states],
    neighbours: [...counters.neighbours],
    events: [...counters.events],
    macs: Array.from({ length: neighs.top }, (_, n) => [
      neighs.inUse(n),
      ...[neighs.word[n], neighs.macLo[n], neighs.state[n], neighs.fixed[n]],
    ]),
    dests: [dests.active(0), dests.inactive(0)],
    asked: arms.map(({ outboxCount }) => outboxCount),
    free: frames.free,
    stopping: opening.stopping,
  }
}

/** Connections that there are when it is prepared, and that come later; null before the first engine has run. */
for (const [before, more] of [
  [null, null],
  [null, 30],
  [0, 30],
  [40, 30],
] as const)
  test(`prepared at ${before} connections, and ${more} more came`, t => {
    const { start, run } = living(t)
    const early = before === null ? undefined : run()
    if (early) openMany(before ?? 0)(early)
    const state = mapState(start.state, what, true)
    const made = make(start, state)
    const records = () => [...new Int32Array(mapState(start.state, what).conns)]
    assert.equal(made.built.engine.conns.table.top, state.recordsEnd(), 'what may be in use')
    const seen = records()
    const prepared = prepare(made, start, state.recordsEnd())
    assert.equal(prepared.built.engine.conns.table.used, before ?? 0)
    assert.deepEqual(records(), seen, 'as it was')
    if (more !== null) openMany(more, 20_000)(early ?? run())
    // The same instant for both: the second one has a copy that nobody will see.
    const apart = startWith(start.state)
    const copy = mapState(start.state, what, true)
    const plain = make(apart, copy)
    const plainly = setUp(plain, apart, copy.recordsEnd())
    const all = (before ?? 0) + (more ?? 0)
    state.share()
    assert.deepEqual(takeOver(prepared, start, state.recordsEnd()), plainly)
    assert.equal(plainly?.conns, all)
    assert.deepEqual(known(prepared), known(plain))
    // It writes where the next one will look.
    const next = make(apart, mapState(start.state, what))
    assert.equal(setUp(next, apart, state.recordsEnd())?.conns, all)
  })
