/**
 * Words of the address book are given to others as soon as nothing means them, and never before: a twin whose book is full all the time, of
 * addresses that are nobody's, does what one does that frees nothing.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Change, ServiceChange } from '../../src/config/changes.ts'
import { BOOK_CAPACITY } from '../../src/control/threads/memory.ts'
import { AddressBook, NO_WORD } from '../../src/engine/address-book.ts'
import { adoptRecords } from '../../src/engine/adopt.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { arenaSlots, Frames } from '../../src/engine/frames.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { freeWords } from '../../src/engine/words-in-use.ts'
import { ipAddress } from '../../src/wire/ip-address.ts'
import type { Ipv6 } from '../../src/wire/ipv6-address.ts'
import { datagram } from '../kit/datagram.ts'
import { put } from '../kit/fragments.ts'
import { pieces6 } from '../kit/fragments6.ts'
import { runs } from '../kit/long.ts'
import { Stand } from '../kit/stand.ts'
import { give, inputOf, LIVES, type Step } from '../kit/traffic.ts'
import { MACS, RSS6, WAYS_CONFIG } from '../kit/traffic-ways.ts'

const arena = [0, 1].map(() => new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2))))
const lports = { mask: 16_383, residue: 5 }
const [, life] = LIVES
const VIP = '2001:db8:10::1'
const LIP = '2001:db8:168::7'
const HOP = '2001:db8:168::99'

const ENDS = { src: '2001:db8:10::2', sport: 40_000, dst: VIP, dport: 6381 }
const route = { to: RSS6[1] as string, prefixLength: 128 }
/** What takes away words that may be in use, and brings them back. */
const EDITS: Change[] = [
  { put: 'route', arm: 1, route: { ...route, via: HOP } },
  { put: 'no-route', arm: 1, route: { ...route, via: null } },
  ...[6378, 6379, 6380].map(
    (port): Change => ({ put: 'no-service', protocol: 'tcp', address: VIP, port }),
  ),
  ...[6381, 6382, 6383, 6385].map(
    (port): Change => ({ put: 'no-service', protocol: 'udp', address: VIP, port }),
  ),
  { put: 'no-service', protocol: 'tcp', address: 'from=2001:db8:168::40/122', port: 0 },
  { put: 'no-address', arm: 1, address: LIP, prefixLength: 128 },
  { put: 'address', arm: 1, address: LIP, prefixLength: 128 },
  { put: 'no-address', arm: 0, address: VIP, prefixLength: 128 },
  { put: 'address', arm: 0, address: VIP, prefixLength: 128 },
]

/** And what is set up at the beginning of services and RSs over IPv6. */
const BEGINNING = new Stand(life.config).model.initial.filter(
  change =>
    (change.put === 'service' && change.service.address === VIP) ||
    (change.put === 'rs' && change.rs.vip === VIP),
)

/** What a step comes to; an RS of a service that is gone is refused. */
function done(step: () => string[]): string[] {
  try {
    return step()
  } catch (error) {
    assert.match(`${error}`, /no service|no route/)
    return [`${error}`]
  }
}

/** Strangers' addresses have all words that nobody means, up to some behind those of the config. */
function fill({ engine }: Stand): void {
  const { addressBook } = engine
  freeWords(engine)
  for (let i = 0; i < 64; i++) assert.notEqual(addressBook.wordOf(0x3fff_0000, 0, 0, i), NO_WORD)
}

const edit = fc
  .constantFrom(...EDITS, ...BEGINNING)
  .map((change): Step => ({ step: 'change', change }) as Step)
const lives = fc
  .array(fc.tuple(life.steps(40), fc.array(edit, { maxLength: 2 })), {
    maxLength: 12,
    minLength: 1,
  })
  .map(all => all.flat(2) as Step[])

/** One that frees nothing, and one that frees and gives away before each step. */
function twins(config: string = life.config): [Stand, Stand] {
  const [one, other] = arena.map(memory =>
    new Stand(config, undefined, { lports, arena: memory }).resolveRss(),
  )
  return [one as Stand, other as Stand]
}

/** => what both have done */
function inStep(of: readonly [Stand, Stand], step: Step): string[] {
  const [one, other] = of
  const input = inputOf(step, one)
  if (input === undefined) return []
  fill(other)
  const [is, was] = [other, one].map(stand => done(() => give(input, stand)))
  assert.deepEqual(is, was)
  return is as string[]
}

test('any traffic and any edits: words go to others, and nothing tells', () => {
  const alike = (all: readonly Step[]) => {
    const both = twins()
    for (const step of all) inStep(both, step)
  }
  fc.assert(fc.property(lives, alike), { numRuns: runs(12), endOnFailure: true })
})

const ends: Change[] = [
  // First of all, so that no RS looks for another way.
  ...EDITS.filter(({ put }) => put === 'no-service'),
  ...EDITS.filter(({ put }) => ['no-address', 'no-route'].includes(put)),
  ...RSS6.map(
    (to): Change => ({
      put: 'no-route',
      arm: 1,
      route: { to, prefixLength: 128, via: null },
    }),
  ),
  { put: 'no-neighbour', arm: 1, address: HOP, mac: MACS[0] as string },
]

test('connections go on whose service, addresses, LIP, RS and gateway nobody has any more', () => {
  // Where hosts inside speak to anybody, an address that is not ours any more is a stranger's.
  const both = twins(life.config.replace(/^.*168::40.*\n/gm, ''))
  const way = (of: object) => inStep(both, { step: 'way', way: of } as Step)
  const change = (of: Change) => inStep(both, { step: 'change', change: of } as Step)
  const number = { seq: 1, ack: 1, fits: true }
  const all = (from: number, flags: string, payload: number) =>
    Array.from({ length: 16 }, (_, conn) =>
      way({ step: 'of', conn, from, flags, payload, ...number }),
    )
  for (const to of RSS6)
    change({ put: 'route', arm: 1, route: { to, prefixLength: 128, via: HOP } })
  // Neighbours that nobody speaks to are forgotten: RSs themselves by then, and in the end the gateway.
  const wait = () => inStep(both, { step: 'wait', ms: 31_000 })
  for (let i = 0; i < 3; i++) wait()
  way({ step: 'neighbour', address: HOP, mac: MACS[0] })
  const client = '2001:db8:10::2'
  for (const [i, port] of [6378, 6378, 6378, 6378, 6379, 6380, 6381, 6385].entries()) {
    const target = { vip: VIP, port, client }
    way({ step: 'open', target, sport: 40_000 + i, seq: 1, payload: 5 })
    // An answer by a cookie.
    if (port === 6379) way({ step: 'cookie', flags: '.', payload: 5, off: 0 })
  }
  all(1, 'S.', 0)
  all(0, '.', 0)
  for (const end of ends) change(end)
  for (let i = 0; i < 2; i++) wait()
  const { table } = both[0].engine.conns
  assert.ok(table.used >= 5)
  const asking = all(0, 'P.', 5)
  const answered = way({ step: 'neighbour', address: HOP, mac: MACS[0] })
  const went = [asking, answered, all(1, 'P.', 5)].flat(2).filter(line => line.startsWith('dpdk'))
  assert.ok(went.length >= table.used, `${went.length} of ${table.used}`)
})

const elsewhere = { to: '2001:db8:99::', prefixLength: 64 }
const KEEPERS: readonly (readonly [string, string, ...Change[]])[] = [
  [HOP, 'a gateway', { put: 'route', arm: 1, route: { ...elsewhere, via: HOP } }],
  [HOP, 'a neighbour', { put: 'neighbour', arm: 1, address: HOP, mac: MACS[0] as string }],
  [VIP, 'a service', { put: 'no-address', arm: 0, address: VIP, prefixLength: 128 }],
  [LIP, 'a LIP of a service', { put: 'no-address', arm: 1, address: LIP, prefixLength: 128 }],
  [
    HOP,
    'the next hop of an RS',
    { put: 'route', arm: 1, route: { ...route, via: HOP } },
    { put: 'neighbour', arm: 1, address: HOP, mac: MACS[0] as string },
    { put: 'no-neighbour', arm: 1, address: HOP, mac: MACS[0] as string },
  ],
]

for (const [address, what, ...changes] of KEEPERS) {
  test(`${what} alone keeps its word`, () => {
    const stand = new Stand(WAYS_CONFIG)
    const { addressBook, arms } = stand.engine
    stand.change(changes)
    // As when its route was taken away, and no other leads to the RS.
    if (changes.length > 1) arms[1]?.routes6.remove(ipAddress(route.to) as Ipv6, 128)
    freeWords(stand.engine)
    assert.notEqual(addressBook.find(...(ipAddress(address) as Ipv6)), NO_WORD)
  })
}

test('what is no LIP any more is one for nobody who gets its word', () => {
  const stand = new Stand(WAYS_CONFIG)
  const { addressBook, setup, lips } = stand.engine
  const outer = '2001:db8:10::99'
  const words = [LIP, outer].map(lip => addressBook.find(...(ipAddress(lip) as Ipv6)))
  const wasOutside = words.map(word => setup.services.outside.has(word))
  assert.deepEqual(
    [words.map(word => setup.isLip(word, 1)), wasOutside],
    [
      [true, true],
      [false, true],
    ],
  )
  for (const change of stand.model.initial)
    if (change.put === 'service') stand.change([{ ...keyOf(change.service), put: 'no-service' }])
  stand.change([
    { put: 'no-address', arm: 1, address: LIP, prefixLength: 128 },
    { put: 'no-address', arm: 0, address: outer, prefixLength: 128 },
  ])
  freeWords(stand.engine)
  for (const word of words) {
    assert.ok(!addressBook.has(word) && !setup.isLip(word, 1) && !setup.services.outside.has(word))
    assert.ok(!lips.some(pool => pool?.family === 1 && pool.lip === word))
  }
})

const keyOf = ({ protocol, address, port }: ServiceChange) => ({ protocol, address, port })

test('an engine that is set up on a full book frees no word of a record, and adopts all', () => {
  const memories = {
    connMemory: new ArrayBuffer(connBytes(16)),
    bookMemory: new ArrayBuffer(AddressBook.bytesFor(BOOK_CAPACITY)),
    now: 1_000_000,
  }
  const first = new Stand(life.config, undefined, { ...memories, lports }).resolveRss()
  for (let i = 0; i < 4; i++) {
    const way = { step: 'open', target: { vip: VIP, port: 6378, client: ENDS.src }, sport: i + 1 }
    const input = inputOf({ step: 'way', way: { ...way, seq: 1, payload: 0 } } as Step, first)
    if (input) give(input, first)
  }
  const { table } = first.engine.conns
  const end = table.top
  assert.equal(table.used, 4)
  for (let i = 0; first.engine.addressBook.used < BOOK_CAPACITY; i++)
    first.engine.addressBook.wordOf(0x3fff_0000, 0, 0, i)
  // What is set up first needs room at once; services come last.
  const text = life.config.replace("'2001:db8:10::1/128'", "'2001:db8:10::9/128', $&")
  const bare = ({ conns }: Engine) => conns.table.holdUpTo(end)
  const next = new Stand(text, undefined, { ...memories, lports, bare })
  assert.ok(next.engine.addressBook.used < 20)
  assert.deepEqual(adoptRecords(next.engine, 1_000_000), { conns: 4, cleared: 0 })
})

test('who sends and gets a datagram of which fragments are awaited keeps its words', () => {
  const stand = new Stand(life.config)
  const { addressBook } = stand.engine
  const [first] = pieces6(datagram({ ...ENDS, payload: new Uint8Array(3000) }), 1500)
  put(stand, first as Uint8Array)
  assert.equal(stand.verdictName(), 'PARKED')
  for (const end of ends) stand.change([end])
  freeWords(stand.engine)
  const vip = ipAddress(VIP) as Ipv6
  assert.notEqual(addressBook.find(...vip), NO_WORD)
  stand.pass(60_000, 100)
  freeWords(stand.engine)
  assert.equal(addressBook.find(...vip), NO_WORD)
})
