/**
 * Services whose SYNs are answered by cookies, under a flood: of nobody who does not come back anything is kept, and none comes back who
 * was not answered. By itself that begins with the SYN that is one too many, and ends behind calm seconds; each is said once.
 * Holds invariant I27.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/engine/random.ts'
import { collectGarbage } from '../../src/io/garbage.ts'
import { checkBooks } from '../kit/books.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { concat, type TcpFields, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { parseOptions } from '../kit/notation.ts'
import { CLIENT_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'
import { tcp } from '../kit/talk.ts'

const FLOOD = 100_000
const ALL = { mask: 0, residue: 0 }
const OPTIONS = parseOptions('mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7')
/** SYNs in a second; below half of it a second is calm, and ten of them are enough. */
const ABOVE = 100
const CALM = 10

const withProxy = (words: string) => new Stand(`${SEED_CONFIG}    ${words}\n`).resolveRss()
const addressOf = (i: number) => `11.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
const u32 = (random: Random) => ((random.below(65_536) << 16) | random.below(65_536)) >>> 0

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** All that a connection would take. */
function taken({ engine }: Stand): object {
  const { conns, frames, lips, neighs, addressBook } = engine
  return {
    conns: [conns.table.used, conns.table.top],
    timers: conns.wheel.filed,
    halfOpen: conns.room.halfOpen.count,
    held: conns.held.count,
    lports: lips.map(pool => pool?.save()),
    slots: [frames.free, frames.slots],
    states: [...engine.counters.states],
    neighbours: neighs.save(),
    addresses: addressBook.save(),
  }
}

/** The frames of `segments`, one by one; the stand is not made to decode them. */
function pour(stand: Stand, count: number, segment: (i: number) => TcpFields): void {
  const dstMac = stand.macOf(WAN)
  for (let i = 0; i < count; i++) {
    const frame = tcpFrame({ ...segment(i), srcMac: CLIENT_MAC, dstMac })
    stand.judge(WAN, concat(vnetHeader(), frame))
    if (i % 64 === 63) stand.collect()
  }
  stand.collect()
}

/** A client's whole handshake. => its number at the RS */
function comes(stand: Stand, ends: Partial<TcpFields>): number {
  const [answer] = tcp(stand.segment(WAN, { ...SYN, ...ends }))
  assert.deepEqual([answer?.flags, answer?.dst], ['S.', ends.src])
  const ack = ((answer?.seq as number) + 1) >>> 0
  const [syn] = tcp(stand.segment(WAN, { ...CLIENT, ...ends, ack }))
  assert.deepEqual([syn?.flags, syn?.dst], ['S', RS.src], stand.verdictName())
  const back = { ...RS, dport: syn?.sport as number, ack: ((syn?.seq as number) + 1) >>> 0 }
  const [first] = tcp(stand.segment(LAN, { ...back, flags: 'S.', seq: 9000 }))
  assert.deepEqual([first?.flags, first?.dst], ['.', RS.src])
  return back.dport
}

for (const words of ['syn_proxy: on', 'syn_proxy: auto\n    syn_proxy_above: 1'])
  test(`${FLOOD} SYNs of nobody leave nothing, ${words.split('\n')[0]}`, () => {
    const stand = withProxy(words)
    // By itself it begins with the second of a second.
    if (words.includes('auto')) stand.segment(WAN, { ...SYN, src: addressOf(0) })
    comes(stand, { src: '202.108.10.2' })
    const random = new Random(1)
    const flood = (from: number, count: number) =>
      pour(stand, count, i => ({
        ...{ ...SYN, src: addressOf(from + i), sport: 1024 + random.below(60_000) },
        ...{ seq: u32(random), ...(i % 2 === 0 && { options: OPTIONS }) },
      }))
    flood(0, 1000)
    const before = taken(stand)
    const given = stand.events('SYN_COOKIES_SENT')
    const heap = heapBytes()
    flood(1000, FLOOD)
    assert.deepEqual(taken(stand), before)
    // Ten bytes of each would be a MB.
    const grown = heapBytes() - heap
    assert.ok(grown < 500_000, `${grown} bytes more`)
    assert.equal(stand.events('SYN_COOKIES_SENT') - given, FLOOD)
    assert.equal(stand.events('HALF_OPEN_EVICTED'), 0)
    // Whoever comes back is served.
    comes(stand, { src: '202.108.10.3' })
    checkBooks(stand.engine, ALL)
  })

test('ACKs of nobody, whatever they acknowledge, open nothing', () => {
  const stand = withProxy('syn_proxy: on')
  const before = taken(stand)
  const random = new Random(2)
  pour(stand, FLOOD, i => ({
    ...{ ...CLIENT, src: addressOf(i), sport: 1024 + random.below(60_000) },
    ...{ seq: u32(random), ack: u32(random) },
  }))
  assert.deepEqual(taken(stand), before)
  assert.equal(stand.events('SYN_COOKIES_BAD'), FLOOD)
  assert.equal(stand.drops('TCP_NO_CONN'), FLOOD)
})

test('a cookie is good for whom it was given, as it was given, and for four minutes', () => {
  const stand = withProxy('syn_proxy: on')
  const [{ seq = 0 } = {}] = tcp(stand.segment(WAN, SYN))
  const good = { ...CLIENT, ack: (seq + 1) >>> 0 }
  const before = taken(stand)
  const refused = (change: Partial<TcpFields>) => {
    assert.deepEqual(stand.segment(WAN, { ...good, ...change }), [], JSON.stringify(change))
    assert.equal(stand.verdictName(), 'TCP_NO_CONN')
  }
  for (const src of ['202.108.10.3', '202.108.10.130', '11.0.0.2']) refused({ src })
  for (const by of [1, -1, 256]) refused({ sport: SYN.sport + by })
  // Bits 12 to 19, and 21, say what the SYN said (cookies.ts), and add up with those of the client's own number.
  const fixed = Array.from({ length: 32 }, (_, bit) => bit).filter(
    bit => bit < 12 || bit === 20 || bit > 21,
  )
  for (const bit of fixed) {
    refused({ ack: ((seq ^ (1 << bit)) + 1) >>> 0 })
    refused({ seq: (good.seq ^ (1 << bit)) >>> 0 })
  }
  for (const flags of ['', 'F.', 'R', 'R.', 'S.', 'SR']) refused({ flags })
  stand.pass(4 * 60_000, 1000)
  refused({})
  assert.deepEqual({ ...taken(stand), neighbours: 0 }, { ...before, neighbours: 0 })
})

/** A second with so many SYNs, each of another client. => Which of them are answered by cookies, and what is said */
function second(stand: Stand, syns: number): { cookies: number; said: string[] } {
  const before = stand.events('SYN_COOKIES_SENT')
  pour(stand, syns, () => ({ ...SYN, src: addressOf(next++) }))
  stand.pass(1000, 50)
  const said = stand.log().filter(line => line.startsWith('SYNPROXY: '))
  return { cookies: stand.events('SYN_COOKIES_SENT') - before, said }
}
let next = 0

/** How many workers give cookies, as listings read it. */
function shown({ model, engine: { dests } }: Stand): number {
  return model.readings.synProxyWorkers(dests.list.flatMap(dest => (dest ? [dest.index] : [])))
}

const AUTO = `syn_proxy: auto\n    syn_proxy_above: ${ABOVE}`
const OF = 'SYNPROXY: [1] 202.108.10.1:6379: '

test('by itself it begins with the SYN that is too many, and ends behind ten calm seconds; both are said once', () => {
  const stand = withProxy(AUTO)
  for (let i = 0; i < 3; i++) assert.deepEqual(second(stand, ABOVE), { cookies: 0, said: [] })
  assert.equal(shown(stand), 0)
  assert.deepEqual(second(stand, ABOVE + 20), {
    cookies: 20,
    said: [
      `${OF}${ABOVE + 1} SYNs without connection in this second, from now on they are answered by cookies`,
    ],
  })
  assert.equal(shown(stand), 1)
  // All, as long as it lasts.
  for (const syns of [10 * ABOVE, 1, ABOVE / 2, ABOVE])
    assert.deepEqual(second(stand, syns), { cookies: syns, said: [] })
  const few = ABOVE / 2 - 1
  const said: string[] = []
  for (let i = 0; i < CALM; i++) {
    const { cookies, said: lines } = second(stand, few)
    assert.equal(cookies, few)
    said.push(...lines)
  }
  const behind = second(stand, ABOVE)
  assert.equal(behind.cookies, 0)
  assert.deepEqual(
    [...said, ...behind.said],
    [`${OF}${few} SYNs without connection in the last second, they open connections again`],
  )
  assert.equal(shown(stand), 0)
  assert.deepEqual(second(stand, ABOVE), { cookies: 0, said: [] })
})

test('a worker on the memory of one that gave cookies does not seem to give any', () => {
  const stand = withProxy(AUTO)
  second(stand, ABOVE + 1)
  assert.equal(shown(stand), 1)
  const { dests, outcomes } = stand.engine
  for (const dest of dests.list) outcomes.put(dest?.index ?? 0)
  assert.equal(shown(stand), 0)
})

test('between half the number and the number it stays as it is, and never flaps', () => {
  const stand = withProxy(AUTO)
  const between = [ABOVE / 2, ABOVE, ABOVE / 2 - 1, ABOVE - 1, 0]
  const minute = (cookies: (syns: number) => number) => {
    for (let i = 0; i < 60; i++) {
      const syns = between[i % between.length] as number
      assert.deepEqual(second(stand, syns), { cookies: cookies(syns), said: [] })
    }
  }
  minute(() => 0)
  assert.equal(second(stand, ABOVE + 1).said.length, 1)
  minute(syns => syns)
})

test('a cookie that was given before it ended is good behind it', () => {
  const stand = withProxy(AUTO)
  second(stand, ABOVE + 1)
  const [{ seq = 0 } = {}] = tcp(stand.segment(WAN, SYN))
  const said = Array.from({ length: CALM + 1 }, () => second(stand, 0).said).flat()
  assert.equal(said.length, 1)
  const [syn] = tcp(stand.segment(WAN, { ...CLIENT, ack: (seq + 1) >>> 0 }))
  assert.deepEqual([syn?.flags, syn?.dst], ['S', RS.src])
})
