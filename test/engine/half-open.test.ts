/**
 * Half-open connections when lports or records run short: the oldest one makes room, nobody else does, and a client has its share of
 * what is short and no more.
 * Holds invariant I3.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { Holders } from '../../src/engine/holders.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { checkBooks } from '../kit/books.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'
import { tcp } from '../kit/talk.ts'

/** 1008 of them, of which 882 may be in use before the oldest makes room: 126 are an eighth. */
const LPORTS = { mask: 63, residue: 5 }
const MARK = 1008 - 126

const addressOf = (i: number) => `11.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`

/** A SYN of the i-th of many spoofed addresses, and what is sent for it. */
const spoofed = (stand: Stand, i: number) =>
  stand.segment(WAN, { ...SYN, src: addressOf(i), seq: 7 })

function shortOf(yaml = SEED_CONFIG): Stand {
  return new Stand(yaml, undefined, { lports: LPORTS }).resolveRss()
}

/** Opens the i-th client's connection wholly. => its lport */
function whole(stand: Stand, i: number): number {
  const ends = { src: addressOf(i) }
  const [syn] = tcp(stand.segment(WAN, { ...SYN, ...ends })).filter(({ flags }) => flags === 'S')
  assert.ok(syn, stand.verdictName())
  const back = { ...RS, dport: syn.sport, ack: (syn.seq + 1) >>> 0 }
  stand.segment(LAN, { ...back, flags: 'S.', seq: 9000 })
  stand.segment(WAN, { ...CLIENT, ...ends })
  return syn.sport
}

function clients({ engine: { conns } }: Stand, state: number): Set<number> {
  const { table } = conns
  const found = new Set<number>()
  for (
    let conn = table.nextUsed(0, table.top);
    conn >= 0;
    conn = table.nextUsed(conn + 1, table.top)
  )
    if (table.state(conn) === state) found.add(table.cells[RECORD.at(conn) | CELL.CIP] & 0xffffff)
  return found
}

test('in a flood of SYNs the oldest makes room, established ones stay, and new ones still open', () => {
  const stand = shortOf()
  for (let i = 0; i < 100; i++) whole(stand, 1_000_000 + i)
  for (let i = 0; i < 5000; i++) {
    spoofed(stand, i)
    assert.equal(stand.verdictName(), 'arm 1')
    // Real clients among them, whose round trip is that of twenty SYNs.
    if (i % 500 === 499) whole(stand, 2_000_000 + i)
  }
  checkBooks(stand.engine, LPORTS)
  assert.equal(stand.drops('LPORT_EXHAUSTED'), 0)
  assert.equal(clients(stand, State.ESTABLISHED).size, 110)
  const waiting = [...clients(stand, State.SYN_RECV)].sort((a, b) => a - b)
  assert.equal(waiting.length, MARK - 110)
  assert.equal(waiting[0], 5000 - waiting.length, 'the youngest are left')
  assert.equal(stand.events('HALF_OPEN_EVICTED'), 5000 - waiting.length)
})

test('without make_room the first of them have all lports until they time out', () => {
  const stand = shortOf(`${SEED_CONFIG}\nconnections: { make_room: false }`)
  for (let i = 0; i < 1100; i++) spoofed(stand, i)
  assert.equal(stand.drops('LPORT_EXHAUSTED'), 1100 - 1008)
  assert.equal(stand.events('HALF_OPEN_EVICTED'), 0)
})

test('where all is established nobody makes room', () => {
  const stand = shortOf(`${SEED_CONFIG}\nconnections: { client_share: 100% }`)
  for (let i = 0; i < 1008; i++) whole(stand, i)
  spoofed(stand, 5000)
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  assert.equal(clients(stand, State.ESTABLISHED).size, 1008)
})

test("the RS's half goes with it: its lport's next connection meets none", () => {
  const stand = shortOf()
  const [first] = tcp(spoofed(stand, 0))
  assert.ok(first)
  const back = { ...RS, dport: first.sport, ack: (first.seq + 1) >>> 0, flags: 'S.', seq: 9000 }
  stand.segment(LAN, back)
  // Its answer is repeated, and does not make it younger.
  let resets = 0
  for (let i = 1; i <= MARK; i++) {
    const out = tcp(spoofed(stand, i)).filter(({ flags }) => flags === 'R')
    if (i === 500) stand.segment(LAN, back)
    resets += out.length
    for (const reset of out)
      assert.deepEqual([reset.dst, reset.sport, reset.seq], [RS.src, first.sport, back.ack])
  }
  // That of others, which no RS has answered, is nobody's.
  assert.equal(resets, 1)
})

test('a table that is nearly full: the oldest of all makes room, whatever its service and protocol', () => {
  const stand = new Stand(`${SEED_CONFIG}\nconnections: { table_size: 64, client_share: 100% }
`).resolveRss()
  for (let i = 0; i < 40; i++) whole(stand, 1_000_000 + i)
  for (let i = 0; i < 1000; i++) spoofed(stand, i)
  assert.equal(stand.drops('CONN_TABLE_FULL'), 0)
  assert.equal(stand.engine.conns.table.used, 56)
  assert.equal(clients(stand, State.ESTABLISHED).size, 40)
  assert.deepEqual(
    [...clients(stand, State.SYN_RECV)].sort(),
    Array.from({ length: 16 }, (_, i) => 984 + i),
  )
})

/** A datagram of a client of its own, and where it has gone. */
function ask(stand: Stand, i: number) {
  const ends = { src: addressOf(i), sport: 4000, dst: SYN.dst, dport: SYN.dport }
  for (const { decoded } of stand.datagram(WAN, { ...ends, payload: new Uint8Array(4) }))
    if (decoded.kind === 'udp') return decoded.sport
  return undefined
}

/** The RS answers what came from this lport. => to whom */
function answer(stand: Stand, dport: number): string | undefined {
  const back = { src: RS.src, sport: RS.sport, dst: RS.dst, dport }
  for (const { decoded } of stand.datagram(LAN, { ...back, payload: new Uint8Array(4) }))
    if (decoded.kind === 'udp') return decoded.dst
  return undefined
}

const UDP_CONFIG = SEED_CONFIG.replace('protocol: tcp', 'protocol: udp')

test('of UDP too: datagrams without an answer make room, those with one stay', () => {
  const stand = new Stand(UDP_CONFIG, undefined, { lports: LPORTS }).resolveRss()
  for (let i = 0; i < 1200; i++) {
    const lport = ask(stand, i)
    assert.ok(lport, `${i}: ${stand.verdictName()}`)
    if (i < 50) answer(stand, lport)
    // They have waited long enough when lports get short.
    if (i === MARK - 1) stand.pass(2000, 100)
    if (i === MARK - 1) stand.resolveRss()
  }
  assert.equal(stand.engine.conns.table.used, MARK)
  assert.equal(clients(stand, 2).size, 50)
})

test('a datagram that may still be answered makes no room: its answer would go to another client', () => {
  const stand = new Stand(UDP_CONFIG, undefined, { lports: LPORTS }).resolveRss()
  const lports = Array.from({ length: 1008 }, (_, i) => ask(stand, i) as number)
  stand.pass(1000, 100)
  assert.equal(ask(stand, 1008), undefined)
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  for (const [i, lport] of lports.slice(0, 100).entries()) {
    assert.equal(answer(stand, lport), addressOf(i))
  }
  // Who asks again is waited for again.
  ask(stand, 100)
  stand.pass(1500, 100)
  assert.ok(ask(stand, 1009))
  assert.equal(answer(stand, lports[100] as number), addressOf(100))
  assert.ok(stand.events('HALF_OPEN_EVICTED') > 0)
  checkBooks(stand.engine, LPORTS)
})

test('a client has its share of what is short, and any number as long as nothing is', () => {
  const stand = shortOf()
  // Half of 1008 and more: nothing is short yet.
  for (let i = 0; i < 700; i++) stand.segment(WAN, { ...SYN, sport: 20_000 + i })
  assert.equal(stand.drops('CLIENT_SHARE'), 0)
  for (let i = 0; i < 182; i++) whole(stand, i)
  stand.segment(WAN, { ...SYN, sport: 21_000 })
  assert.equal(stand.verdictName(), 'CLIENT_SHARE')
  // It has taken nobody's place, and others get theirs.
  assert.equal(stand.events('HALF_OPEN_EVICTED'), 0)
  spoofed(stand, 5000)
  assert.equal(stand.verdictName(), 'arm 1')
  checkBooks(stand.engine, LPORTS)
  stand.pass(200_000, 100)
  checkBooks(stand.engine, LPORTS)
  assert.equal(stand.engine.conns.table.used, 0)
  stand.segment(WAN, { ...SYN, sport: 21_000 })
  assert.equal(stand.drops('CLIENT_SHARE'), 1)
})

/** A second service beside the seed's, of one RS or of one LIP with it; and what else there is. */
function twoServices(other: 'RS' | 'LIP', more = ''): string {
  const rs = other === 'RS' ? '192.168.168.12' : RS.src
  const own = (lip: string) => (other === 'LIP' ? `\n    local_addresses: [${lip}]` : '')
  const [lip, second] = ['192.168.168.7', '192.168.168.8']
  return `${SEED_CONFIG.replace('scheduler: wrr', `scheduler: wrr${own(lip)}`)}  - address: 202.108.10.1
    port: 6380
    protocol: tcp
    scheduler: wrr${own(second)}
    real_servers: [{ address: ${rs}, port: 6379 }]
${more}`.replace(`[${lip}]`, other === 'LIP' ? `[${lip}, ${second}]` : `[${lip}]`)
}

for (const other of ['RS', 'LIP'] as const)
  test(`a client's share is one of those lports: what it has of another ${other}'s does not count`, () => {
    const stand = shortOf(twoServices(other))
    for (let i = 0; i < 700; i++) stand.segment(WAN, { ...SYN, sport: 20_000 + i })
    for (let i = 0; i < 900; i++) stand.segment(WAN, { ...SYN, src: addressOf(i), dport: 6380 })
    const opens = (i: number) => stand.segment(WAN, { ...SYN, dport: 6380, sport: 30_000 + i })
    for (let i = 0; i < 504; i++) {
      opens(i)
      assert.equal(stand.verdictName(), 'arm 1', `${i}`)
    }
    opens(504)
    assert.equal(stand.verdictName(), 'CLIENT_SHARE')
    // The seed's lports are not short, of which it has more than half.
    stand.segment(WAN, { ...SYN, sport: 21_000 })
    assert.equal(stand.verdictName(), 'arm 1')
    checkBooks(stand.engine, LPORTS)
  })

test('of records it is one of all, whatever their lports', () => {
  const stand = shortOf(twoServices('RS', 'connections: { table_size: 64 }\n'))
  for (let i = 0; i < 32; i++)
    stand.segment(WAN, { ...SYN, sport: 20_000 + i, dport: 6379 + (i & 1) })
  for (let i = 0; i < 24; i++) spoofed(stand, i)
  assert.equal(stand.drops('CLIENT_SHARE'), 0)
  for (const dport of [6379, 6380]) {
    stand.segment(WAN, { ...SYN, sport: 21_000, dport })
    assert.equal(stand.verdictName(), 'CLIENT_SHARE')
  }
})

test('who holds how many of what is never told too low, and hardly too high', () => {
  const true_ = new Map<string, [address: number, group: number, has: number]>()
  const holders = new Holders(99)
  const address = fc.integer({ min: -0x7fffffff, max: 0x7fffffff })
  const step = fc.tuple(address, fc.nat({ max: 40_000 }), fc.nat({ max: 3 }), fc.boolean())
  for (const [client, group, others, more] of fc.sample(step, { seed: 5, numRuns: 10_000 })) {
    // In some groups at once, next to each other as those of a LIP are.
    for (let other = group; other <= group + others; other++) {
      const held = true_.get(`${client} ${other}`) ?? [client, other, 0]
      const by = more || held[2] === 0 ? 1 : -1
      held[2] += by
      true_.set(`${client} ${other}`, held)
      holders.add(client, other, by)
    }
  }
  let over = 0
  for (const [client, group, has] of true_.values()) {
    assert.ok(holders.of(client, group) >= has)
    over = Math.max(over, holders.of(client, group) - has)
  }
  assert.ok(over < 40, `${over} too many`)
})

test('an engine that is restored, and one that adopts the records, know the order', () => {
  const stand = shortOf()
  for (let i = 0; i < 20; i++) {
    spoofed(stand, i)
    stand.pass(10)
    if (i % 4 === 0) whole(stand, 1_000_000 + i)
  }
  const all = stand.engine.conns.room.halfOpen.save()
  assert.equal(all.length, 20)
  const restored = new Stand(SEED_CONFIG, undefined, { lports: LPORTS }, stand.image())
  assert.deepEqual(restored.engine.conns.room.halfOpen.save(), all)
})
