/** A thousand services: which are shown, in which order, and as which lines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceInfo } from '../../src/api/commands.ts'
import { serversLike } from '../../src/page/servers-like.ts'
import { AS_IT_SUITS, type Folding, serviceLines, turned } from '../../src/page/service-list.ts'
import {
  ALL_SERVICES,
  chosenServices,
  type ServiceQuery,
  serviceQueryOf,
  servicesSortedBy,
  serviceWords,
} from '../../src/page/service-query.ts'
import { momentOf } from '../../src/see/numbers/summary.ts'
import { NUMBERS, SERVICES } from '../cli/canned.ts'

const [SEED] = SERVICES as [ServiceInfo]
const [RS] = SEED.real_servers as [ServiceInfo['real_servers'][number]]

/** One of each kind: of UDP, NAT64, what matches, one whose only real server is out, one without any. */
const KINDS: ServiceInfo[] = [
  { ...SEED, port: 80 },
  { ...SEED, protocol: 'udp', port: 53, scheduler: 'rr' },
  { ...SEED, address: '2001:db8::1', port: 443 },
  { ...SEED, address: 'from=192.0.2.9,oif=ext0', port: 0 },
  {
    ...SEED,
    port: 81,
    real_servers: [
      { ...RS, inhibited: true, reason: 'no answer within 2 s' },
      { ...RS, port: 6380, active_conns: 7 },
    ],
  },
  { ...SEED, address: '202.108.10.9', port: 82, real_servers: [] },
]
const rowsOf = (services: ServiceInfo[]) => {
  const numbers = { ...NUMBERS, services }
  return momentOf(numbers, numbers, numbers).services
}
const rows = rowsOf(KINDS)
const names = (query: Partial<ServiceQuery>) =>
  chosenServices(rows, { ...ALL_SERVICES, ...query }).map(i => rows[i]?.service)
const [tcp80, udp53, nat64, match, tcp81, empty] = rows.map(({ service }) => service)

test('a search takes parts of VIPs, real servers and schedulers, all words of it', () => {
  assert.deepEqual(names({ search: 'udp' }), [udp53])
  assert.deepEqual(names({ search: ' 2001:DB8 443 ' }), [nat64])
  assert.deepEqual(names({ search: 'match oif=ext0' }), [match])
  assert.deepEqual(names({ search: ':6380' }), [tcp81])
  assert.deepEqual(names({ search: 'rr 10.9' }), [empty])
  assert.deepEqual(names({ search: 'rr :53' }), [udp53])
  assert.deepEqual(names({ search: 'nobody' }), [])
})

test('those that fail, those with connections and those without', () => {
  assert.deepEqual(names({ show: 'failing' }), [tcp81, empty])
  assert.deepEqual(names({ show: 'idle' }), [empty])
  assert.deepEqual(names({ show: 'busy' }).length, 5)
})

test('columns sort both ways, and what is alike stays as in the config', () => {
  const all = [tcp80, udp53, nat64, match, tcp81, empty]
  assert.deepEqual(names({}), all)
  assert.deepEqual(names({ sort: 'active', order: 'desc' })[0], tcp81)
  assert.deepEqual(names({ sort: 'health' }), [empty, tcp81, tcp80, udp53, nat64, match])
  // Numbers in names are numbers.
  const sorted = chosenServices(
    rowsOf([
      { ...SEED, port: 100 },
      { ...SEED, port: 99 },
    ]),
    {
      ...ALL_SERVICES,
      sort: 'name',
    },
  )
  assert.deepEqual(sorted, [1, 0])
})

test('a header pressed again turns the order, then takes it back', () => {
  const once = servicesSortedBy(ALL_SERVICES, 'bits')
  assert.deepEqual([once.sort, once.order], ['bits', 'desc'])
  const twice = servicesSortedBy(once, 'bits')
  assert.deepEqual([twice.sort, twice.order], ['bits', 'asc'])
  assert.deepEqual(servicesSortedBy(twice, 'bits'), ALL_SERVICES)
  assert.equal(servicesSortedBy(once, 'name').order, 'asc')
})

test('the question is that of the address, or the usual one', () => {
  const query: ServiceQuery = { search: '10.0', show: 'idle', sort: 'conns', order: 'desc' }
  assert.deepEqual(serviceQueryOf(serviceWords(query)), query)
  assert.deepEqual(serviceWords(ALL_SERVICES), {})
  assert.deepEqual(serviceQueryOf({ show: 'x', sort: 'y', order: 'z' }), ALL_SERVICES)
})

/** `service`, `rs` or the words of a line. */
function lines(services: ServiceInfo[], folding: Folding): string[] {
  const of = rowsOf(services)
  const chosen = services.map((_, i) => i)
  return serviceLines(services, of, chosen, folding).map(line =>
    line.kind === 'text' ? line.text : line.kind,
  )
}

test('few services are unfolded: what they are, their real servers, and why one is out', () => {
  assert.deepEqual(lines(KINDS.slice(4), AS_IT_SUITS), [
    ...['service', 'wrr · LIPs 192.168.168.7', 'rs'],
    ...['192.168.168.2:6379 is out: no answer within 2 s', 'rs'],
    ...['service', 'wrr · LIPs 192.168.168.7', 'It has no real server.'],
  ])
})

test('a service has had as many connections as its real servers', () => {
  const [rs] = SEED.real_servers
  assert.ok(rs)
  const real_servers = [3, 4].map(conns => ({ ...rs, stats: { ...rs.stats, conns } }))
  const services = [{ ...SEED, real_servers }]
  const [line] = serviceLines(services, rowsOf(services), [0], AS_IT_SUITS)
  assert.ok(line?.kind === 'service')
  assert.equal(line.total, 7)
})

test('a thousand are folded, until one is turned, or all are', () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({ ...SEED, port: i + 1 }))
  const name = rowsOf(many.slice(2, 3))[0]?.service ?? ''
  assert.equal(lines(many, AS_IT_SUITS).length, 1000)
  const one = turned(AS_IT_SUITS, name)
  assert.deepEqual(lines(many, one).slice(2, 6), [
    ...['service', 'wrr · LIPs 192.168.168.7', 'rs', 'service'],
  ])
  assert.equal(lines(many, turned(one, name)).length, 1000)
  assert.equal(lines(many, { all: true, turned: new Set([name]) }).length, 3000 - 2)
})

test('what there is to say of a service is broken into lines, and what needs a word has one', () => {
  const local = Array.from({ length: 30 }, (_, i) => ({
    ...{ arm: 'int0', conflicts: 0, conns: 0 },
    address: `192.168.168.${i + 1}`,
  }))
  const said = lines([{ ...SEED, quic: true, local_addresses: local }], AS_IT_SUITS)
  const words = said.filter(text => text !== 'service' && text !== 'rs')
  assert.ok(words.every(text => text.length <= 130) && words.length > 4)
  assert.ok(words.some(text => text.startsWith('quic: A client of QUIC')))
  for (const { address } of local) assert.ok(words.some(text => text.includes(address)))
})

test('real servers that fit what is typed, each once and not too many', () => {
  assert.deepEqual(serversLike(KINDS, ' 168.2:63 '), ['192.168.168.2:6379', '192.168.168.2:6380'])
  const many = [{ real_servers: Array.from({ length: 200 }, (_, port) => ({ ...RS, port })) }]
  assert.equal(serversLike(many, '').length, 50)
})
