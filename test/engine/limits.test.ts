/** Limits of RSs hold over all workers together: exactly when they are reached, and at once or within 100 ms when they are not any more. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { Limits } from '../../src/engine/limits.ts'
import { LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { arpFrame, type TcpFields } from '../kit/frame.ts'
import { Several } from '../kit/several.ts'
import { RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const RIP = '192.168.168.2'
const OTHER = '192.168.168.4'
const RS_PLACE = {
  protocol: 'tcp',
  vip: '202.108.10.1',
  vport: 6379,
  address: RIP,
  port: 6379,
  place: 0,
} as const

const limited = (upper: number, lower = 0) =>
  SEED_CONFIG.replace(
    `[{ address: ${RIP}, weight: 100 }]`,
    `[{ address: ${RIP}, weight: 100, upper_threshold: ${upper}, lower_threshold: ${lower} }]`,
  )

function resolved(workers: number, config: string): Several {
  const several = new Several(workers, config)
  for (const ip of [RIP, OTHER]) {
    const our = { mac: several.stands[0].macOf(LAN), ip: '192.168.168.3' }
    several.input(0, LAN, arpFrame(2, { mac: RS_MAC, ip }, our, our.mac))
  }
  return several
}

/** A client's SYN at the worker that it belongs to. => The SYN that left, or undefined */
function open(several: Several, sport: number): TcpFields | undefined {
  const [out] = several.segment(sport % several.stands.length, WAN, { ...SYN, sport })
  return out?.decoded.kind === 'tcp' && out.arm === LAN ? out.decoded : undefined
}

function refuse(several: Several, syn: TcpFields): void {
  several.segment(0, LAN, { ...RS, dport: syn.sport, flags: 'R.', seq: 0, ack: syn.seq + 1 })
}

/** One worker's time after the other's; and some more, in which they hear of each other. */
function pass(several: Several, ms: number): void {
  for (const time of [ms, 110]) for (const stand of several.stands) stand.pass(time)
}

const conns = (several: Several) =>
  several.stands.map(({ engine: { dests } }) => dests.active(0) + dests.inactive(0))
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
const flags = (several: Several) =>
  several.stands.map(({ engine }) => engine.dests.list[0]?.overloaded)

for (const workers of [1, 2, 3, 5]) {
  test(`${workers} workers: a limit of 7 is 7, wherever the connections come to`, () => {
    const several = resolved(workers, limited(7, 3))
    const opened = Array.from({ length: 40 }, (_, i) => open(several, 40_000 + i)).filter(
      syn => syn !== undefined,
    )
    assert.equal(opened.length, 7)
    assert.equal(sum(conns(several)), 7)
    const refused = sum(several.stands.map(stand => stand.drops('TCP_NO_RS')))
    assert.equal(refused, 33)
    pass(several, 200)
    assert.deepEqual(new Set(flags(several)), new Set([true]))
    // CLOSE lasts 3 s; with three left it stays full, below that it is used again, by all.
    for (const syn of opened.slice(0, 4)) refuse(several, syn)
    pass(several, 5000)
    assert.equal(sum(conns(several)), 3)
    assert.deepEqual(new Set(flags(several)), new Set([true]))
    assert.equal(open(several, 41_000), undefined)
    for (const syn of opened.slice(4, 5)) refuse(several, syn)
    pass(several, 5000)
    assert.equal(sum(conns(several)), 2)
    assert.deepEqual(new Set(flags(several)), new Set([false]))
    assert.ok(open(several, 41_001))
  })
}

test('a limit smaller than the number of workers is a limit all the same', () => {
  const several = resolved(5, limited(1))
  const opened = Array.from({ length: 20 }, (_, i) => open(several, 40_000 + i))
  assert.equal(opened.filter(syn => syn !== undefined).length, 1)
})

test('a connection that is refused for another reason is given back', () => {
  const several = resolved(2, limited(3))
  for (const { engine } of several.stands) {
    const { lips } = engine
    for (const pool of lips)
      while (pool.fetch((192 << 24) | (168 << 16) | (168 << 8) | 2, 6379) >= 0) {}
  }
  for (let i = 0; i < 20; i++) assert.equal(open(several, 40_000 + i), undefined)
  assert.equal(several.stands[0].engine.dests.limits.conns(0), 0)
})

type Step =
  | { do: 'open' | 'close'; port: number }
  | { do: 'limit'; upper: number; lower: number }
  | { do: 'remove' | 'image' | 'pass' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('open' as const), port: fc.nat(60) }), weight: 12 },
  { arbitrary: fc.record({ do: fc.constant('close' as const), port: fc.nat(60) }), weight: 5 },
  fc
    .record({ upper: fc.nat(6), lower: fc.nat(6) })
    .map(({ upper, lower }) => ({ do: 'limit' as const, upper, lower: Math.min(upper, lower) })),
  fc.constantFrom<Step>({ do: 'remove' }, { do: 'pass' }, { do: 'pass' }),
)

test('whatever happens, what is counted is what the workers have, and all say the same of it', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 3 }),
    fc.array(step, { maxLength: 40 }),
    (workers, steps) => {
      const several = resolved(workers, limited(4, 2))
      const syns = new Map<number, TcpFields>()
      let upper = 4
      for (const each of steps) {
        const before = sum(conns(several))
        if (each.do === 'open') {
          const syn = open(several, 40_000 + each.port)
          if (syn) syns.set(each.port, syn)
          if (upper > 0 && before >= upper) assert.ok(sum(conns(several)) <= before)
        } else if (each.do === 'close') {
          const syn = syns.get(each.port)
          if (syn) refuse(several, syn)
        } else if (each.do === 'pass') pass(several, 4100)
        else if (each.do === 'remove') {
          for (const stand of several.stands) stand.change([{ put: 'no-rs', ...RS_PLACE }])
          upper = 4
          const rs = {
            ...RS_PLACE,
            weight: 1,
            upperThreshold: 4,
            lowerThreshold: 2,
            backup: false,
            forwarding: 'fullnat' as const,
          }
          for (const stand of several.stands) stand.change([{ put: 'rs', rs }])
        } else if (each.do === 'limit') {
          upper = each.upper
          const rs = {
            ...RS_PLACE,
            weight: 1,
            upperThreshold: upper,
            lowerThreshold: each.lower,
            backup: false,
            forwarding: 'fullnat' as const,
          }
          for (const stand of several.stands) stand.change([{ put: 'rs', rs }])
        }
        const { limits } = several.stands[0].engine.dests
        assert.equal(limits.conns(0), upper === 0 ? 0 : sum(conns(several)))
        pass(several, 120)
        assert.equal(new Set(flags(several)).size, 1)
        if (upper > 0 && sum(conns(several)) >= upper) assert.deepEqual(flags(several)[0], true)
      }
    },
  )
  fc.assert(property, { numRuns: 25 })
})

test('images of all workers, restored, come to the same number and mark', () => {
  const config = limited(7, 3)
  const several = resolved(2, config)
  const opened = Array.from({ length: 12 }, (_, i) => open(several, 40_000 + i))
  for (const syn of opened.slice(0, 2)) if (syn) refuse(several, syn)
  pass(several, 5000)
  const before = sum(conns(several))
  assert.ok(before >= 3 && before < 7)
  const images = several.stands.map(stand => stand.image())
  const again = new Several(2, config)
  const { limits } = again.stands[0].engine.dests
  assert.equal(limits.conns(0), 0)
  const { tables } = again
  for (const image of images)
    new Stand(
      `${config}\nworkers: { count: 2 }\n`,
      undefined,
      { tables: tables[images.indexOf(image)] },
      image,
    )
  assert.equal(limits.conns(0), before)
  assert.equal(limits.isFull(0), true)
})

test('threads that take and give at the same time never have more than the limit', async () => {
  const memory = new SharedArrayBuffer(Limits.bytesFor(1))
  const most = new SharedArrayBuffer(4)
  const limits = new URL('../../src/engine/limits.js', import.meta.url).href
  const script = `
    const { workerData } = require('node:worker_threads')
    import(${JSON.stringify(limits)}).then(({ Limits }) => {
      const limits = new Limits(workerData.memory)
      const most = new Int32Array(workerData.most)
      const dest = { index: 0, upper: 3, lower: 2 }
      for (let i = 0; i < 200000; i++) {
        if (!limits.take(dest)) continue
        const conns = limits.conns(0)
        if (conns > Atomics.load(most, 0)) Atomics.store(most, 0, conns)
        limits.give(dest)
      }
    })`
  const threads = [0, 1, 2].map(
    () => new Worker(script, { eval: true, workerData: { memory, most } }),
  )
  await Promise.all(threads.map(thread => once(thread, 'exit')))
  const seen = new Int32Array(most)[0] as number
  assert.ok(seen >= 1 && seen <= 3, `${seen}`)
  assert.equal(new Limits(memory).conns(0), 0)
})
