/** A packet thread that stands by has had a conversation: it comes about by any config of TCP, and leaves nothing behind. */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { ListParts, ListTables } from '../../../src/control/threads/list-tables.ts'
import { rehearse } from '../../../src/control/threads/rehearsal.ts'
import { arenaSlots, Frames } from '../../../src/engine/frames.ts'
import { NOBODY, type PrefixTable } from '../../../src/engine/prefix-table.ts'
import { Steering } from '../../../src/engine/steering.ts'
import { clockMs } from '../../../src/io/clock.ts'
import { Exchange } from '../../../src/io/exchange.ts'
import { Handover } from '../../../src/io/handover.ts'
import { checkBooks } from '../../kit/books.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { TRAFFIC_CONFIG } from '../../kit/traffic.ts'

const SHARE = { index: 0, lipCounts: new Int32Array(0), workers: 1, lists: new ListParts() }
const fds = () => readdirSync('/proc/self/fd').length
const udp = SEED_CONFIG.replace('protocol: tcp', 'protocol: udp')
/** So many clients open a connection, and some of them go on to talk. */
const [CLIENTS, MUCH] = [400, 2000]

for (const [what, config, opened, least] of [
  ['one service', SEED_CONFIG, CLIENTS, MUCH],
  ['services of both protocols, and few connections', TRAFFIC_CONFIG, 16, 16],
  ['UDP alone', udp, 0, 0],
  ['no service', SEED_CONFIG.replace(/services:[\s\S]*/, 'services: []\n'), 0, 0],
] as const)
  test(what, () => {
    const { engine } = new Stand(config, undefined, { now: clockMs() })
    const before = fds()
    const share = { ...SHARE, lports: { mask: 0, residue: 0 } }
    const answered = rehearse({ engine, share }, null)
    assert.ok(answered >= least, `${answered}`)
    const { used } = engine.conns.table
    assert.ok(used <= opened && used > opened - 4, `${used}`)
    assert.equal(fds(), before)
    checkBooks(engine, share.lports)
  })

test('a worker of two opens what is its own, and hands the others over', () => {
  const steering = new Steering(2)
  const slots = arenaSlots(2)
  const rings = new SharedArrayBuffer(Handover.bytesFor(2, slots))
  const peers = new Exchange(new Handover(rings, 2, 0, slots, () => {}), steering, 2, 0)
  const arena = new SharedArrayBuffer(Frames.bytesFor(slots * 2))
  const lports = steering.lportPartition(0)
  const config = `${SEED_CONFIG}\nworkers: { count: 2 }\n`
  const { engine } = new Stand(config, undefined, { now: clockMs(), peers, arena, lports })
  const answered = rehearse({ engine, share: { ...SHARE, lports, workers: 2 } }, peers)
  assert.ok(answered > MUCH / 4, `${answered}`)
  const { used } = engine.conns.table
  assert.ok(used > CLIENTS / 4 && used < CLIENTS, `${used}`)
})

for (const [what, guards] of [
  ['a service that denies its clients', 'deny: [198.18.0.0/15]'],
  ['one that allows others', 'allow: [192.0.2.0/24]'],
  ['one of few connections', 'connection_rate: 1\n    client_rate: 1'],
] as const)
  test(`${what} takes them all the same, and what is shown of its lists is what it was`, () => {
    const config = SEED_CONFIG.replace('protocol: tcp', `protocol: tcp\n    ${guards}`)
    const stand = new Stand(config, undefined, { now: clockMs() })
    // As the workers have them: one memory for all.
    const lists = new ListTables()
    const put = lists.with(stand.model.initial.filter(change => change.put === 'list'))
    stand.carryOut(put)
    const { engine } = stand
    const share = { ...SHARE, lports: { mask: 0, residue: 0 } }
    assert.ok(rehearse({ engine, share }, null) >= MUCH)
    assert.ok(engine.conns.table.used > CLIENTS - 4)
    for (const change of put) {
      if (change.put !== 'list') continue
      const table = lists.find(change.name) as PrefixTable
      assert.deepEqual([table.allHits(), table.hits(NOBODY)], [0, 0])
    }
  })
