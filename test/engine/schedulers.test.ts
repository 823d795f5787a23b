/** Schedulers that hash or count: how evenly, who moves when an RS leaves, and that all workers come to the same. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Asker } from '../../src/engine/asker.ts'
import type { SchedulerName } from '../../src/engine/schedule.ts'
import type { Dest, Service } from '../../src/engine/service.ts'
import { startOver } from '../../src/engine/setup-parts.ts'
import { SipHash } from '../../src/engine/siphash.ts'
import { SEED6_CONFIG } from '../kit/nd.ts'
import { countsOf, destOf, load, pick, scheduled, weigh } from '../kit/scheduled.ts'
import { Stand } from '../kit/stand.ts'

const CLIENTS = 40_000
/** Clients as they come: of networks, some addresses each. */
const client = (i: number): Asker => {
  const address = (Math.imul(i >> 3, 2_654_435_769) ^ (i & 7)) | 0
  return { client: address, port: 1024 + ((i * 31) & 0x7fff), id: address }
}

const HASHED = ['sh', 'mh', 'conhash'] as const

/** A service of RSs with addresses as they are given out, in this order. */
function serviceOf(scheduler: SchedulerName, weights: readonly number[], order = [0]): Service {
  const service = scheduled(scheduler, [])
  const dests = weights.map((weight, i) => ({
    ...destOf(service, i, weight),
    rip: (192 << 24) | (168 << 16) | (10 + i),
    hashKey: (192 << 24) | (168 << 16) | (10 + i),
  }))
  for (const [i, dest] of dests.entries()) {
    const at = Math.min(service.dests.length, order[i % order.length] ?? 0)
    service.dests.splice(at, 0, dest)
    countsOf(service).put(dest)
  }
  startOver(service)
  return service
}

/** By client, the RS's place; -1 if it gets none. */
function spread(service: Service, clients = CLIENTS): Int32Array {
  return Int32Array.from({ length: clients }, (_, i) => pick(service, 0, client(i))?.index ?? -1)
}

function counted(places: Int32Array, rss: number): number[] {
  const counts = Array.from({ length: rss }, () => 0)
  for (const place of places) counts[place] = (counts[place] ?? 0) + 1
  return counts
}

/** Sum of squared deviations in units of what was expected. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((a, b) => a + b)
  const sum = weights.reduce((a, b) => a + b)
  return counts.reduce((chi, count, i) => {
    const expected = (total * (weights[i] ?? 0)) / sum
    return chi + (expected === 0 ? count : (count - expected) ** 2 / expected)
  }, 0)
}

test('SipHash-1-3 of four bytes is the published function', () => {
  // hash(b'abcd') of CPython 3.11 and later with PYTHONHASHSEED=0, whose key is zero: its low 32 bits.
  assert.equal(new SipHash(new Int32Array(4)).short(0x64636261) | 0, -718_623_095)
})

test('sh and mh: the share of each RS is that of its weight, by a chi-square test', () => {
  // A table's own shares are not those of the weights to the client: slots of mh are, within one turn of 4093.
  const weights = [1, 1, 2, 4, 8, 0]
  for (const scheduler of ['sh', 'mh'] as const) {
    const counts = counted(spread(serviceOf(scheduler, weights)), weights.length)
    assert.equal(counts[5], 0)
    // 5 degrees of freedom: 20.5 is exceeded once in a thousand; clients of a network go together, eight at a time.
    const chi = chiSquare(counts, weights) / 8
    assert.ok(chi < 20.5, `${scheduler}: ${chi}, ${counts}`)
  }
})

test('conhash: 160 nodes each spread the clients within a fifth of even, and by weight', () => {
  const even = counted(spread(serviceOf('conhash', Array(10).fill(1))), 10)
  for (const count of even) assert.ok(Math.abs(count - CLIENTS / 10) < CLIENTS / 50, `${even}`)
  const [light = 0, heavy = 0] = counted(spread(serviceOf('conhash', [1, 3])), 2)
  assert.ok(Math.abs(light / (light + heavy) - 0.25) < 0.04, `${light} and ${heavy}`)
})

/** Of the clients that were not of the one that leaves, the part that goes elsewhere than before. */
function disruption(scheduler: SchedulerName, rss: number, leaves: number): number {
  const service = serviceOf(scheduler, Array(rss).fill(1))
  const before = spread(service)
  weigh(service.dests.find(({ index }) => index === leaves) as Dest, 0)
  const after = spread(service)
  let others = 0
  let moved = 0
  for (const [i, place] of before.entries()) {
    assert.notEqual(after[i], leaves)
    if (place === leaves) continue
    others++
    if (after[i] !== place) moved++
  }
  return moved / others
}

test('who leaves: no other client of conhash moves, few of mh, most of sh', () => {
  for (const rss of [3, 10, 100]) {
    for (const leaves of [0, rss >> 1]) {
      assert.equal(disruption('conhash', rss, leaves), 0)
      const ofMaglev = disruption('mh', rss, leaves)
      assert.ok(ofMaglev < 0.05, `${rss} RSs: ${ofMaglev}`)
    }
  }
  assert.ok(disruption('sh', 10, 0) > 0.2)
})

test('all workers come to the same RS, in whichever order they learnt of whom', () => {
  const orders = fc.array(fc.nat(20), { minLength: 1, maxLength: 20 })
  const weights = fc.array(fc.nat(9), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.constantFrom(...HASHED), weights, orders, orders, (scheduler, list, a, b) => {
      const [one, other] = [serviceOf(scheduler, list, a), serviceOf(scheduler, list, b)]
      for (const service of [one, other]) service.hashing = { ...service.hashing, fallback: true }
      for (let i = 0; i < 50; i++) {
        const asker = client(i)
        assert.equal(pick(one, 0, asker)?.index, pick(other, 0, asker)?.index)
      }
    }),
    { numRuns: 60 },
  )
})

test('a full RS: its clients get none, or with fallback another, always the same; nobody else moves', () => {
  for (const scheduler of HASHED) {
    const service = serviceOf(scheduler, [1, 1, 1, 1, 1])
    const before = spread(service, 2000)
    const full = service.dests.find(({ index }) => index === 2) as Dest
    load(full, true)
    const refused = spread(service, 2000)
    service.hashing = { ...service.hashing, fallback: true }
    const instead = spread(service, 2000)
    const others = new Set<number>()
    for (const [i, place] of before.entries()) {
      assert.equal(refused[i], place === 2 ? -1 : place)
      assert.ok(place === 2 ? instead[i] !== 2 && instead[i] >= 0 : instead[i] === place)
      if (place === 2) others.add(instead[i])
    }
    assert.deepEqual(spread(service, 2000), instead)
    assert.equal(others.size, 4, 'shared by all others')
    load(full, false)
    assert.deepEqual(spread(service, 2000), before)
  }
})

test('one that can is found by fallback among thousands that cannot', () => {
  for (const scheduler of HASHED) {
    const service = serviceOf(scheduler, Array(5000).fill(1))
    service.hashing = { ...service.hashing, fallback: true }
    for (const dest of service.dests) load(dest, dest.index !== 4321)
    for (let i = 0; i < 50; i++) assert.equal(pick(service, 0, client(i))?.index, 4321)
  }
})

test('with the port, connections of one client are spread; without, they stay together', () => {
  for (const scheduler of ['sh', 'mh'] as const) {
    const service = serviceOf(scheduler, [1, 1, 1, 1])
    const places = () => {
      const asked = Array.from({ length: 200 }, (_, i) => ({ client: 77, port: 2000 + i, id: 77 }))
      return new Set(asked.map(asker => pick(service, 0, asker)?.index))
    }
    assert.equal(places().size, 1)
    service.hashing = { ...service.hashing, port: true }
    assert.equal(places().size, 4)
  }
})

test('dh: one RS for all clients of a VIP', () => {
  const service = serviceOf('dh', [1, 5, 3])
  assert.equal(new Set(spread(service, 500)).size, 1)
})

test('fo: the heaviest, then the next; sed waits for the fast one, nq does not', () => {
  const priority = scheduled('fo', [1, 9, 5])
  assert.equal(pick(priority)?.index, 1)
  load(priority.dests[1], true)
  assert.equal(pick(priority)?.index, 2)
  load(priority.dests[1], false)
  assert.equal(pick(priority)?.index, 1)

  for (const [scheduler, expected] of [
    ['sed', 1],
    ['nq', 0],
  ] as const) {
    const service = scheduled(scheduler, [1, 10])
    const counts = countsOf(service)
    counts.countConn(service.dests[1])
    counts.activate(1, 1)
    assert.equal(pick(service)?.index, expected, scheduler)
  }
})

test('of UDP, whose connections are never active, sed and nq count all of them', () => {
  for (const scheduler of ['sed', 'nq'] as const) {
    const service = scheduled(scheduler, [1, 1, 1], 17)
    const taken = Array.from({ length: 9 }, () => {
      const dest = pick(service) as Dest
      countsOf(service).countConn(dest)
      return dest.index
    })
    assert.deepEqual(taken, [0, 1, 2, 0, 1, 2, 0, 1, 2], scheduler)
  }
})

test('wlc: connections that last are shared by weight, whatever ends meanwhile', () => {
  const weights = Array.from({ length: 40 }, (_, i) => 1 + (i % 4))
  const service = scheduled('wlc', weights)
  const counts = countsOf(service)
  const open: number[] = []
  for (let i = 0; i < 6000; i++) {
    const dest = pick(service) as Dest
    counts.countConn(dest)
    counts.activate(dest.index, 1)
    open.push(dest.index)
    if (open.length > 2000) counts.endConn(open.splice((i * 7919) % open.length, 1)[0], true)
  }
  const each = 2000 / weights.reduce((a, b) => a + b)
  for (const [i, weight] of weights.entries()) {
    assert.ok(Math.abs(counts.active(i) - each * weight) <= 2, `${i}: ${counts.active(i)}`)
  }
})

test('over IPv6 clients come to the same RSs in whatever order those were set up, and behind an image', () => {
  const rss = Array.from({ length: 5 }, (_, i) => `2001:db8:168::1${i}`)
  const clients = Array.from({ length: 50 }, (_, i) => `2001:db8:10::${i + 16}:9`)
  const answers = (stand: Stand) =>
    clients.map(
      each =>
        stand.forward(
          'dpdk0',
          `${each}.4000 > 2001:db8:10::1.6379: Flags [S], seq 1, win 1, length 0`,
        ).dst,
    )
  for (const scheduler of [...HASHED, 'dh']) {
    const configOf = (order: readonly string[]) => {
      const servers = order.map(address => `{ address: '${address}', weight: 100 }`)
      const yaml = SEED6_CONFIG.replace('wrr', scheduler)
      return yaml.replace(/real_servers: .*/, `real_servers: [${servers}]`)
    }
    const [one, other] = [configOf(rss), configOf(rss.toReversed())]
    const first = new Stand(one).resolveRss()
    const restored = new Stand(one, undefined, {}, first.image())
    const expected = answers(first)
    assert.deepEqual(answers(new Stand(other).resolveRss()), expected, scheduler)
    assert.deepEqual(answers(restored), expected, scheduler)
  }
})
