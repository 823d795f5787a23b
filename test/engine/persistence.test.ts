/** A client of a persistent service goes where it went before, whichever worker its next connection comes to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { newTemplates } from '../../src/control/threads/memory.ts'
import { LOCKED, Templates } from '../../src/engine/templates.ts'
import { SYN, WAN } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'
import { tcp } from '../kit/talk.ts'

const RSS = ['192.168.168.2', '192.168.168.12', '192.168.168.13']

function persistent(prefix = 32): string {
  const servers = RSS.map(address => `{ address: ${address}, weight: 1 }`).join(', ')
  return SEED_CONFIG.replace(
    /real_servers.*/,
    `persistence: 60\n    persistence_prefix: ${prefix}\n    real_servers: [${servers}]`,
  )
}

let port = 1000

/** The RS that the client's next connection goes to. */
function rsFor(stand: Stand, client: string): string {
  // None of them is answered, so after a second the RS is asked for by ARP as well, which it answers.
  const [syn, ...more] = tcp(stand.segment(WAN, { ...SYN, src: client, sport: ++port }))
  assert.ok(syn && more.length === 0, stand.verdictName())
  stand.resolveRss()
  return syn.dst
}

test('a client keeps its RS, and others get theirs in turn', () => {
  const stand = new Stand(persistent()).resolveRss()
  const clients = [1, 2, 3].map(host => `202.108.10.${host + 100}`)
  const first = clients.map(client => rsFor(stand, client))
  assert.deepEqual([...first].sort(), [...RSS].sort())
  for (let i = 0; i < 5; i++) {
    for (const [k, client] of clients.entries()) assert.equal(rsFor(stand, client), first[k])
  }
})

test('clients of a network are one with a shorter prefix', () => {
  const stand = new Stand(persistent(24)).resolveRss()
  const rss = Array.from({ length: 9 }, (_, i) => rsFor(stand, `202.108.10.${100 + i}`))
  assert.equal(new Set(rss).size, 1)
})

test('it is forgotten after its time, which each connection renews, and left when its RS takes no more', async () => {
  const stand = new Stand(persistent()).resolveRss()
  const client = '202.108.10.7'
  const pass = (ms: number) => {
    stand.pass(ms)
    stand.resolveRss()
  }
  const first = rsFor(stand, client)
  pass(50_000)
  assert.equal(rsFor(stand, client), first)
  pass(50_000)
  assert.equal(rsFor(stand, client), first, 'renewed 50 s ago')
  pass(61_000)
  assert.notEqual(rsFor(stand, client), first)

  const second = rsFor(stand, client)
  const service = { protocol: 'tcp' as const, address: '202.108.10.1', port: 6379 }
  const drain = { edit: 'edit-server' as const, service, server: { address: second }, weight: 0 }
  await stand.model.edit([drain], false, async changes => stand.change(changes))
  const third = rsFor(stand, client)
  assert.notEqual(third, second)
  assert.equal(rsFor(stand, client), third)
})

test('workers share what they know of clients', () => {
  const templateMemory = newTemplates()
  const stands = [0, 1, 2].map(() =>
    new Stand(persistent(), undefined, { templateMemory }).resolveRss(),
  )
  const client = '202.108.10.9'
  const first = rsFor(stands[0] as Stand, client)
  for (const stand of stands) for (let i = 0; i < 4; i++) assert.equal(rsFor(stand, client), first)
})

test('a full bucket forgets the client that would be forgotten first, and no other', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer(), { minLength: 9, maxLength: 9 }),
      fc.integer(),
      (clients, now) => {
        // One bucket of 8.
        const table = new Templates(new ArrayBuffer(Templates.bytesFor(8)), 8)
        for (const [i, client] of clients.entries()) table.put(client, 1, 80, i, (now + 10 + i) | 0)
        const found = clients.map(client => table.find(client, 1, 80, now))
        assert.deepEqual(found, [-1, 1, 2, 3, 4, 5, 6, 7, 8])
        assert.equal(table.find(clients[5] as number, 2, 80, now), -1, 'another service')
        assert.equal(
          table.find(clients[5] as number, 1, 80, (now + 15) | 0),
          -1,
          'its time is over',
        )
      },
    ),
  )
})

const ENTRIES = 1024
const random = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const keys = fc.tuple(random, random, random, random)

function keyed(key: readonly number[]): Templates {
  const memory = new SharedArrayBuffer(Templates.bytesFor(ENTRIES))
  Templates.key(memory, Int32Array.from(key))
  return new Templates(memory, ENTRIES)
}

/** Bucket of a client, as the image of a table that has only him says it behind its first five cells. */
function bucketOf(key: readonly number[], client: number): number {
  const table = keyed(key)
  table.put(client, 1, 80, 0, 0)
  return (table.save()[5] as number) >> 3
}

test('addresses that are computed to share a bucket under one key are spread under another', () => {
  fc.assert(
    fc.property(keys, keys, random, (one, other, victim) => {
      fc.pre(one.join() !== other.join())
      const bucket = bucketOf(one, victim)
      const aimed: number[] = []
      for (let client = 0; aimed.length < 8; client++) {
        if (client !== victim && bucketOf(one, client) === bucket) aimed.push(client)
      }
      const found = [one, other].map(key => {
        const table = keyed(key)
        table.put(victim, 1, 80, 7, 10)
        for (const client of aimed) table.put(client, 1, 80, 8, 20)
        return table.find(victim, 1, 80, 0)
      })
      assert.deepEqual(found, [-1, 7])
    }),
    { numRuns: 10 },
  )
})

test('an image brings its key along', () => {
  fc.assert(
    fc.property(keys, keys, fc.uniqueArray(random, { maxLength: 50 }), (one, other, clients) => {
      const table = keyed(one)
      for (const [i, client] of clients.entries()) table.put(client, 1, 80, i, 1)
      const restored = keyed(other)
      restored.restore(table.save())
      const found = clients.map(client => restored.find(client, 1, 80, 0))
      assert.deepEqual(found, [...clients.keys()])
      assert.deepEqual(restored.save(), table.save())
    }),
  )
})

/** Memory of a table of one bucket, locked by a worker. */
function lockedBy(worker: number): ArrayBuffer {
  const memory = new ArrayBuffer(Templates.bytesFor(8))
  // The lock, behind 64 bytes of head and five cells of the first entry.
  new Int32Array(memory)[16 + 5] = worker + 1
  return memory
}

test('a lock that is never given back costs its clients their RS, not their connection, until it is freed', () => {
  const memory = lockedBy(2)
  const table = new Templates(memory, 8, 0)
  assert.equal(table.put(1, 1, 80, 7, 10), false)
  assert.equal(table.find(1, 1, 80, 0), LOCKED)
  table.sweep(0)
  assert.equal(table.free(1), 0, 'it is of another one')
  assert.equal(table.find(1, 1, 80, 0), LOCKED)
  assert.equal(table.free(2), 1)
  assert.equal(table.find(1, 1, 80, 0), -1)
  assert.equal(table.put(1, 1, 80, 7, 10), true)
  assert.equal(table.find(1, 1, 80, 0), 7)
  assert.equal(table.free(0), 0, 'nobody keeps one')
})

test('what an earlier daemon has left: locks of nobody are none, and the sweep begins in front', () => {
  for (const [owner, found] of [
    [1, LOCKED],
    [2, -1],
    [-9, -1],
  ] as const) {
    const memory = lockedBy(owner)
    // Behind the key: where it goes on.
    new Int32Array(memory)[4] = -64
    Templates.settle(memory, 8, 2)
    const table = new Templates(memory, 8, 0)
    assert.equal(table.find(1, 1, 80, 0), found, `${owner}`)
    table.sweep(0)
  }
})

test('clients of a locked bucket are served, and counted', () => {
  const templateMemory = newTemplates()
  const locks = new Int32Array(templateMemory)
  for (let at = 16 + 5; at < locks.length; at += 64) locks[at] = 4
  const stand = new Stand(persistent(), undefined, { templateMemory }).resolveRss()
  assert.equal(stand.segment(WAN, SYN).length, 1)
  assert.equal(stand.events('PERSISTENCE_LOCKED'), 1)
  stand.engine.templates.free(3)
  assert.equal(stand.segment(WAN, { ...SYN, sport: 4 }).length, 1)
  assert.equal(stand.events('PERSISTENCE_LOCKED'), 1)
})
