/**
 * Fragments: put together whatever their order, cut again on the way out, and refused by name where they are an attack. What
 * a fragment alone is refused for is in drops.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Drop } from '../../src/engine/counters.ts'
import { CLIENT, established, WAN } from '../kit/connection.ts'
import {
  body,
  echo,
  notLost,
  piece,
  pieces,
  put,
  putAll,
  segment,
  sentWhole,
  summed,
} from '../kit/fragments.ts'
import { concat, ethernet, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

test('a ping in fragments is answered in some of the same size, whatever their order', () => {
  const stand = new Stand().resolveRss()
  const request = pieces(echo({ bytes: 5000 }), 1500)
  assert.equal(request.length, 4)
  const order = fc.shuffledSubarray(request, { minLength: 4 })
  fc.assert(
    fc.property(order, all => {
      notLost(stand, () => {
        assert.deepEqual(putAll(stand, all.slice(0, 3)), [])
        assert.equal(stand.verdictName(), 'PARKED')
        const { packet, sizes } = sentWhole(put(stand, all[3]), WAN)
        assert.deepEqual(
          sizes,
          request.map(({ length }) => length),
        )
        assert.deepEqual(packet.subarray(24), echo({ bytes: 5000 }).subarray(24))
        assert.deepEqual([packet[20], packet[8], packet[6]], [0, 64, 0])
      })
    }),
    { numRuns: 40 },
  )
  assert.equal(stand.events('ICMP_ECHO_REPLIES'), 40)
  assert.equal(stand.events('REASSEMBLED'), 40)
  assert.equal(stand.events('FRAGMENTED'), 40)
})

test('any sizes, any order, any number of duplicates, with IP options or without', () => {
  const stand = new Stand().resolveRss()
  let id = 0
  const cuts = fc.array(fc.integer({ min: 1, max: 180 }), { minLength: 2, maxLength: 40 })
  const any = fc.record({
    cuts,
    options: fc.boolean(),
    tail: fc.integer({ min: 1, max: 8 }),
    seed: fc.nat(),
  })
  fc.assert(
    fc.property(any, fc.context(), (made, ctx) => {
      const lengths = made.cuts.map(cut => cut * 8)
      const bytes = lengths.reduce((sum, length) => sum + length, 0) - 8 + made.tail
      const options = made.options ? Uint8Array.of(0x94, 4, 0, 0, 7, 3, 4, 0) : new Uint8Array()
      const packet = echo({ bytes: bytes - 8 + 8, id: id++ & 0xffff, options })
      let at = 0
      const all = lengths.map(length => {
        const one = piece(packet, at, length, true)
        at += length
        return one
      })
      // What is left behind the last full one.
      const rest = packet.length - 20 - options.length - at
      if (rest > 0) all.push(piece(packet, at, rest))
      else
        all[all.length - 1] = piece(
          packet,
          at - (lengths.at(-1) as number),
          lengths.at(-1) as number,
          false,
        )
      const random = mulberry(made.seed)
      const order = all.map((one, i) => ({ one, i, at: random() })).sort((a, b) => a.at - b.at)
      const last = order.pop() as (typeof order)[0]
      notLost(stand, () => {
        for (const { one } of order) {
          assert.deepEqual(put(stand, one), [], stand.verdictName())
          assert.equal(stand.verdictName(), 'PARKED')
          // A duplicate is nothing new.
          if (random() >= 0.3) continue
          assert.deepEqual(put(stand, one), [])
          assert.equal(stand.verdictName(), 'DONE')
        }
        const { packet: reply, sizes } = sentWhole(put(stand, last.one), WAN)
        ctx.log(`${sizes}`)
        const header = 20 + options.length
        assert.deepEqual(reply.subarray(header + 4), packet.subarray(header + 4))
        assert.ok(Math.max(...sizes) <= Math.max(...all.map(({ length }) => length)))
      })
    }),
    { numRuns: 100 },
  )
})

/** Numbers of [0, 1) from a seed. */
function mulberry(seed: number): () => number {
  let a = seed | 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

test('congestion that one fragment met is told of all', () => {
  const stand = new Stand()
  const [first, second] = pieces(echo({ tos: 2 }), 1500)
  const [, , third] = pieces(echo({ tos: 3 }), 1500)
  assert.equal(sentWhole(putAll(stand, [first, second, third]), WAN).packet[1] & 3, 3)
  const [mute] = pieces(echo({ tos: 0 }), 1500)
  assert.deepEqual(putAll(stand, [mute, second, third]), [])
  assert.equal(stand.verdictName(), 'FRAGMENT_MISFIT')
})

const judge = new Stand()

/** Puts them in; the last one is refused by this name, and nothing is left of the datagram but the memory of it. */
function refused(all: readonly Uint8Array[], name: keyof typeof Drop): void {
  const before = judge.drops(name)
  notLost(judge, () => {
    assert.deepEqual(putAll(judge, all), [])
    assert.equal(judge.verdictName(), name)
    assert.equal(judge.drops(name), before + 1)
  })
  judge.pass(2200, 2200)
}

test('Teardrop: a second fragment inside of the first', () => {
  const packet = echo()
  const stand = new Stand()
  putAll(stand, [piece(packet, 0, 1480), piece(packet, 8, 16, false)])
  assert.equal(stand.verdictName(), 'FRAGMENT_OVERLAP')
  assert.equal(stand.engine.reassembly.held, 0)
  // What still comes of it is dropped as well, and nobody waits for more.
  put(stand, piece(packet, 1480, 1480))
  assert.equal(stand.verdictName(), 'FRAGMENT_OVERLAP')
  stand.pass(2200, 2200)
  assert.deepEqual(putAll(stand, pieces(packet, 1500)).length, 3)
})

test('any overlap: at the front, at the end, around, inside, by 8 bytes', () => {
  const packet = echo()
  for (const [offset, bytes] of [
    [792, 16],
    [1592, 800],
    [792, 904],
    [808, 8],
    [800, 792],
    [800, 808],
  ]) {
    refused([piece(packet, 800, 800), piece(packet, offset, bytes, true)], 'FRAGMENT_OVERLAP')
  }
})

test('last fragments that do not agree where the datagram ends', () => {
  const packet = echo()
  refused([piece(packet, 1480, 800, false), piece(packet, 2400, 16, false)], 'FRAGMENT_MISFIT')
  refused([piece(packet, 1480, 800, false), piece(packet, 2280, 16, true)], 'FRAGMENT_MISFIT')
  refused([piece(packet, 2400, 160, true), piece(packet, 1480, 800, false)], 'FRAGMENT_MISFIT')
})

test('ping of death: what reaches behind the end only with the header of the first', () => {
  // Of 60 bytes there, and 20 here: the whole would have 65,536.
  const all = pieces(echo({ bytes: 65_535 - 28 }), 1500).map((bytes, i) =>
    i === 0 ? withOptions(bytes) : bytes,
  )
  refused(all, 'FRAGMENT_PAST_END')
})

/** With 40 bytes of NOPs behind its IP header. */
function withOptions(packet: Uint8Array): Uint8Array {
  const long = concat(packet.subarray(0, 20), new Uint8Array(40).fill(1), packet.subarray(20))
  long[0] = 0x4f
  long.set([long.length >> 8, long.length & 255], 2)
  return summed(long)
}

test('a datagram of the largest size, in the smallest pieces that there may be', () => {
  const stand = new Stand()
  const packet = echo({ bytes: 65_535 - 28 })
  const out = putAll(stand, pieces(packet, 548))
  assert.deepEqual(sentWhole(out, WAN).packet.subarray(24), packet.subarray(24))
  refused(pieces(packet, 508).slice(0, 129), 'FRAGMENT_TOO_MANY')
})

test('who does not become whole in time is dropped once, and leaves nothing', () => {
  const stand = new Stand()
  notLost(stand, () => {
    const [first, second, third] = pieces(echo(), 1500)
    put(stand, first)
    stand.pass(1900)
    put(stand, second)
    assert.equal(stand.engine.reassembly.held, 1)
    stand.pass(200)
    assert.equal(stand.engine.reassembly.held, 0)
    assert.equal(stand.drops('FRAGMENT_TIMEOUT'), 1)
    assert.deepEqual(put(stand, third), [])
    stand.pass(2200, 100)
    assert.equal(stand.drops('FRAGMENT_TIMEOUT'), 2)
  })
})

test('a flood of halves stays within bounds, and starves neither datagrams nor connections', () => {
  const stand = established()
  const { engine } = stand
  const free = engine.frames.free
  for (let i = 0; i < 2000; i++) {
    const src = `10.${i & 255}.${(i >> 8) & 255}.7`
    put(stand, pieces(echo({ src, id: i }), 1500)[i % 3])
    assert.ok(engine.reassembly.held <= 64)
    if (i % 50 !== 0) continue
    stand.forward(WAN, { ...CLIENT, flags: 'P.', payload: body(100) })
    // An honest one, whose fragments come with some of the flood between them.
    const honest = pieces(echo({ src: '202.108.10.9', id: i }), 1500)
    put(stand, honest[0])
    for (let k = 0; k < 10; k++) put(stand, pieces(echo({ src: `11.0.${k}.1`, id: i }), 1500)[1])
    put(stand, honest[1])
    assert.equal(put(stand, honest[2]).length, 3)
  }
  assert.ok(stand.drops('FRAGMENT_NO_ROOM') > 1500)
  stand.pass(2200, 100)
  assert.equal(engine.frames.free, free)
})

test('one source has half of the room at most', () => {
  const stand = new Stand()
  for (let i = 0; i < 100; i++) put(stand, pieces(echo({ id: i }), 1500)[0])
  assert.equal(stand.engine.reassembly.held, 32)
  assert.equal(stand.drops('FRAGMENT_NO_ROOM'), 68)
})

test('fragments of others: another address, another arm, another protocol, another ID are other datagrams', () => {
  const stand = new Stand()
  const [first, second, third] = pieces(echo(), 1500)
  putAll(stand, [first, second])
  put(stand, pieces(echo({ src: '202.108.10.3' }), 1500)[2])
  put(stand, pieces(echo({ id: 78 }), 1500)[2])
  const other = third.slice()
  other[9] = 17
  put(stand, summed(other))
  assert.equal(stand.engine.reassembly.held, 4)
  assert.equal(put(stand, third).length, 3)
})

test('what is for nobody here, or comes from whom it cannot, is not held', () => {
  const stand = new Stand()
  const [first] = pieces(echo(), 1500)
  const foreign = first.slice()
  foreign.set([202, 108, 10, 99], 16)
  put(stand, summed(foreign))
  assert.equal(stand.verdictName(), 'IP_FRAGMENT')
  put(stand, pieces(echo({ src: '192.168.168.2' }), 1500)[0])
  assert.equal(stand.verdictName(), 'IP_SOURCE')
  assert.equal(stand.engine.reassembly.held, 0)
})

test('a VIP that is no address of an arm is balanced, in fragments too', () => {
  const yaml = SEED_CONFIG.replace('addresses: [202.108.10.1/32]', 'addresses: [202.108.10.5/32]')
  const stand = new Stand(yaml).resolveRss()
  const syn = segment({ ...CLIENT, flags: 'S', seq: 1000, ack: 0, payload: body(100) })
  assert.equal(putAll(stand, pieces(syn, 76)).length, 3)
  assert.equal(stand.events('CONNS_OPENED'), 1)
})

test('fragments.datagrams: 0 puts nothing together', () => {
  const stand = new Stand(`${SEED_CONFIG}\nfragments: { datagrams: 0 }\n`)
  put(stand, pieces(echo(), 1500)[0])
  assert.equal(stand.verdictName(), 'IP_FRAGMENT')
})

test('a stand that is restored goes on with what the first one had', () => {
  const stand = new Stand().resolveRss()
  const all = pieces(echo({ bytes: 2000 }), 1500)
  put(stand, all[0])
  const dead = pieces(echo({ id: 5 }), 1500)
  putAll(stand, [dead[0], piece(echo({ id: 5 }), 8, 16)])
  const image = structuredClone(stand.image())
  const twin = new Stand(SEED_CONFIG, undefined, {}, image)
  assert.deepEqual(twin.image().held, image.held)
  assert.equal(twin.engine.frames.free, stand.engine.frames.free)
  put(twin, dead[2])
  assert.equal(twin.verdictName(), 'FRAGMENT_OVERLAP')
  // Payload is nothing that an image has: that the reply's checksum is wrong shows that it was put together.
  const mac = ethernet(twin.macOf(WAN), CLIENT_MAC, 0x0800, all[1])
  twin.judge(WAN, concat(vnetHeader(), mac))
  assert.equal(twin.verdictName(), 'ICMP_CHECKSUM')
})
