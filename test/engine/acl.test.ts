/** Whom a service takes, and how many at once: what opens no connection is refused by lists and rates, and what is open is not asked. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/config/changes.ts'
import { listParts } from '../../src/config/list-parts.ts'
import { packList, prefixesOf } from '../../src/config/prefix-lists.ts'
import { Event } from '../../src/engine/counters.ts'
import { CLIENT, LAN, openMany, RS, SYN, WAN } from '../kit/connection.ts'
import type { TcpFields } from '../kit/frame.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const UDP_CONFIG = SEED_CONFIG.replace('protocol: tcp', 'protocol: udp')
const with_ = (keys: string, config = SEED_CONFIG) =>
  new Stand(`${config}    ${keys}\n`).resolveRss()
const KEY = { protocol: 'tcp', address: '202.108.10.1', port: 6379 } as const

const [TO_CLIENT, TO_RS] = ['arm 0', 'arm 1']

/** => what the stand says of a client's segment */
function said(stand: Stand, change: Partial<TcpFields> = {}): string {
  stand.segment(WAN, { ...SYN, ...change })
  return stand.verdictName()
}

const list = (name: string, texts: string[]): Change[] =>
  listParts(name, packList(prefixesOf(texts)))
const acl = (deny: string[], allow: string[] | null, established: 'drop' | 'keep'): Change => ({
  put: 'acl',
  ...KEY,
  acl: { deny, allow, established },
})

test('deny first; with an allow list only those on it; without any everybody', () => {
  const denying = with_('deny: [202.108.10.2]')
  assert.equal(said(denying), 'ACL_DENIED')
  assert.equal(said(denying, { src: '202.108.10.3' }), TO_RS)

  const allowing = with_('allow: [202.108.10.0/30]\n    deny: [202.108.10.1/32, 202.108.10.3/32]')
  assert.equal(said(allowing), TO_RS)
  assert.equal(said(allowing, { src: '202.108.10.3' }), 'ACL_DENIED')
  assert.equal(said(allowing, { src: '202.108.10.4' }), 'ACL_NOT_ALLOWED')
})

test('sets are one list for all that name them; an empty one as allow list lets nobody in', () => {
  const sets = (prefixes: string) => `ipsets: [{ name: some, prefixes: [${prefixes}] }]\n`
  const of = (keys: string, prefixes: string) =>
    new Stand(`${SEED_CONFIG}    ${keys}\n${sets(prefixes)}`).resolveRss()
  const denying = of("deny: ['ipset:some', 202.108.10.9]", '202.108.10.2, 2001:db8::/32')
  assert.equal(said(denying), 'ACL_DENIED')
  assert.equal(said(denying, { src: '202.108.10.9' }), 'ACL_DENIED')
  assert.equal(said(denying, { src: '202.108.10.3' }), TO_RS)
  const either = of("allow: ['ipset:some', 202.108.10.9]", '202.108.10.2')
  assert.equal(said(either), TO_RS)
  assert.equal(said(either, { src: '202.108.10.9' }), TO_RS)
  assert.equal(said(either, { src: '202.108.10.3' }), 'ACL_NOT_ALLOWED')
  assert.equal(said(of("allow: ['ipset:some']", '')), 'ACL_NOT_ALLOWED')
})

test('what is no SYN and belongs to no connection is refused in silence, too', () => {
  const config = `${SEED_CONFIG}    deny: [202.108.10.2]\ntcp: { bare_ack: rst }\n`
  const stand = new Stand(config).resolveRss()
  assert.equal(said(stand, { flags: '.', ack: 1 }), 'ACL_DENIED')
  assert.equal(said(stand, { flags: '.', ack: 1, src: '202.108.10.3' }), TO_CLIENT)
})

test('a connection is not asked again, and keep lets it live whatever the list says', () => {
  const stand = with_('allow: [202.108.10.0/24]\n    acl_established: keep')
  assert.equal(said(stand), TO_RS)
  const name = 'allow of TCP 202.108.10.1:6379'
  stand.change(list(name, ['10.0.0.0/8']))
  stand.pass(50)
  assert.equal(said(stand), TO_RS)
  assert.equal(said(stand, { sport: SYN.sport + 1 }), 'ACL_NOT_ALLOWED')
  assert.equal(stand.engine.conns.table.used, 1)
})

test('a change of a list ends those that it refuses, some in each ms; the RS hears of it and the client does not', () => {
  const stand = with_('deny: [203.0.113.0/24]')
  openMany(40)(stand)
  assert.equal(said(stand, { src: '202.108.10.9' }), TO_RS)
  const { table } = stand.engine.conns
  const held = table.used
  // One of them is answered, so that its RS may believe it whole.
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
  assert.equal(stand.verdictName(), TO_CLIENT)
  stand.change(list('deny of TCP 202.108.10.1:6379', ['202.108.10.2', '203.0.113.0/24']))
  assert.equal(table.used, held)
  const first = stand.pass(1)
  assert.ok(table.used < held && table.used > 1, `${table.used} are left`)
  const sent = [...first, ...stand.pass(20, 1)]
  assert.equal(table.used, 1)
  assert.equal(stand.engine.counters.events[Event.ACL_ENDED], held - 1)
  assert.deepEqual(
    sent.map(({ arm }) => arm),
    [LAN],
  )
  assert.equal(stand.engine.cuts.busy, false)
})

test('a list of several services is one, and goes when nobody names it', () => {
  const stand = with_('')
  stand.change([...list('/deny', ['202.108.10.2']), acl(['/deny'], null, 'drop')])
  assert.equal(said(stand), 'ACL_DENIED')
  stand.change(list('/deny', []))
  assert.equal(said(stand), TO_RS)
  stand.change([
    { put: 'no-acl', ...KEY },
    { put: 'no-list', name: '/deny' },
  ])
  assert.equal(said(stand, { sport: 1 }), TO_RS)
  assert.throws(() => stand.change([acl(['/deny'], null, 'drop')]), /no list/)
})

test('a list that comes in parts counts with its last one', () => {
  const stand = with_('')
  const many = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/25`)
  const [one, two, three, ...more] = list('/deny', [...many, '202.108.10.2'])
  assert.ok(one && two && three && more.length === 0)
  stand.change([...list('/deny', []), acl(['/deny'], null, 'drop'), one, two])
  assert.equal(said(stand, { sport: 1 }), TO_RS)
  stand.change([three])
  assert.equal(said(stand), 'ACL_DENIED')
})

test('datagrams are judged as SYNs are', () => {
  const stand = with_('deny: [202.108.10.2]\n    connection_rate: 1', UDP_CONFIG)
  const send = (src: string) => {
    stand.datagram(WAN, {
      src,
      sport: 5,
      dst: CLIENT.dst,
      dport: CLIENT.dport,
      payload: new Uint8Array(1),
    })
    return stand.verdictName()
  }
  assert.equal(send('202.108.10.2'), 'ACL_DENIED')
  assert.equal(send('202.108.10.3'), TO_RS)
  assert.equal(send('202.108.10.4'), 'SERVICE_RATE')
})

test('a service opens so many in a second, and a burst at once; what belongs to a connection is not counted', () => {
  const stand = with_('connection_rate: 10\n    connection_burst: 3')
  const open = (sport: number) => said(stand, { sport })
  assert.deepEqual([1, 2, 3, 4].map(open), [TO_RS, TO_RS, TO_RS, 'SERVICE_RATE'])
  // Of what is open already.
  assert.equal(open(1), TO_RS)
  stand.pass(99)
  assert.equal(open(4), 'SERVICE_RATE')
  stand.pass(1)
  assert.deepEqual([4, 5].map(open), [TO_RS, 'SERVICE_RATE'])
  stand.pass(10_000)
  assert.deepEqual([5, 6, 7, 8].map(open), [TO_RS, TO_RS, TO_RS, 'SERVICE_RATE'])
})

test('a client has its own rate, and one that is over it costs the service nothing', () => {
  const stand = with_('connection_rate: 4\n    client_rate: 2')
  const open = (host: number, sport: number) => said(stand, { src: `202.108.10.${host}`, sport })
  assert.deepEqual(
    [1, 2, 3, 4].map(sport => open(2, sport)),
    [TO_RS, TO_RS, 'CLIENT_RATE', 'CLIENT_RATE'],
  )
  assert.deepEqual(
    [1, 2].map(sport => open(3, sport)),
    [TO_RS, TO_RS],
  )
  assert.equal(open(4, 1), 'SERVICE_RATE')
  stand.pass(250)
  // The one that the service has refused had lost nothing.
  assert.equal(open(4, 1), TO_RS)
})

test('clients beyond the table cost no memory, and none is refused for them', () => {
  const stand = with_('client_rate: 1')
  for (let i = 0; i < 40_000; i++) {
    stand.engine.setup.guards.rates.refusal(service(stand), 0x0a00_0000 | i, stand.now | 0)
  }
  assert.equal(said(stand), TO_RS)
  assert.equal(said(stand, { sport: 1 }), 'CLIENT_RATE')
})

test('another rate begins with a full bucket, the same goes on with what it has', () => {
  const stand = with_('connection_rate: 1')
  assert.deepEqual([said(stand), said(stand, { sport: 1 })], [TO_RS, 'SERVICE_RATE'])
  const [put] = stand.model.initial.filter(({ put }) => put === 'service')
  assert.ok(put?.put === 'service')
  stand.change([put])
  assert.equal(said(stand, { sport: 1 }), 'SERVICE_RATE')
  stand.change([
    { ...put, service: { ...put.service, connectionRate: { perSecond: 2, burst: 2 } } },
  ])
  assert.deepEqual(
    [1, 2, 3].map(sport => said(stand, { sport })),
    [TO_RS, TO_RS, 'SERVICE_RATE'],
  )
})

test('an image has lists, rates and a walk that is under way', () => {
  const config = `${SEED_CONFIG}    deny: [203.0.113.0/24]\n    client_rate: 41\n`
  const stand = new Stand(config).resolveRss()
  openMany(40)(stand)
  stand.change(list('deny of TCP 202.108.10.1:6379', ['202.108.10.2']))
  stand.pass(1)
  const left = stand.engine.conns.table.used
  assert.ok(left > 0)
  const other = new Stand(config, undefined, { now: stand.now }, stand.image())
  assert.equal(other.engine.conns.table.used, left)
  other.pass(20, 1)
  assert.equal(other.engine.conns.table.used, 0)
  assert.equal(said(other), 'ACL_DENIED')
})

function service(stand: Stand) {
  const [found] = stand.engine.setup.services.all()
  assert.ok(found)
  return found
}
