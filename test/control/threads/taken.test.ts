/** What a NIC brings beside what is for our addresses, by the arms on it, their routes and the addresses of its host. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/config.ts'
import { takenBy } from '../../../src/control/threads/taken.ts'
import type { WayOut } from '../../../src/control/threads/ways.ts'
import { numberOf } from '../../../src/io/ranges.ts'
import { ipAddress } from '../../../src/wire/ip-address.ts'

const { arms } = parseConfig(
  `arms:
  - name: ext0
    kind: nic
    addresses: [192.0.2.1/24]
    routes: [{ to: default, via: 192.0.2.254 }, { to: "2001:db8::/64" }]
  - name: int0
    kind: nic
    addresses: [10.0.0.1/24, 10.9.0.1/32]
    routes: [{ to: 10.1.0.0/16 }, { to: "fd00::/64" }]
  - { name: int0.7, vlan: { arm: int0, id: 7 }, addresses: [10.7.0.1/24] }
`,
  'x.yaml',
)
const INT = [
  { arm: 1, vlan: 0 },
  { arm: 2, vlan: 7 },
]
const EXT = [{ arm: 0, vlan: 0 }]
const around = { arms, hosts: ['10.0.0.9', '198.51.100.9', '2001:db8::9'] }
const rs = (address: string, protocol: 'tcp' | 'udp' = 'tcp') => ({ protocol, address, port: 80 })
const ways = (...servers: ReturnType<typeof rs>[]) => ({ servers, out: [] })
const out = (match: object): { servers: []; out: WayOut[] } => {
  const any = { source: [0, -1], destination: [0, -1], in: -1, out: 0 } as const
  return { servers: [], out: [{ protocol: 'tcp', match: { ...any, ...match } }] }
}
const isIn = (ranges: readonly (readonly [bigint, bigint])[], address: string) => {
  const number = numberOf(ipAddress(address))
  return ranges.some(([first, last]) => first <= number && number <= last)
}

test('RSs of NAT are those that the arms on it lead to', () => {
  const all = ways(rs('10.0.0.2'), rs('10.7.0.2', 'udp'), rs('198.51.100.3'), rs('fd00::2'))
  const { four, six } = takenBy(INT, all, around)
  const ends = (taken = four) =>
    taken?.answers.map(({ protocol, servers }) => [protocol, servers.map(one => one.address)])
  assert.deepEqual(ends(), [
    [6, [ipAddress('10.0.0.2')]],
    [17, [ipAddress('10.7.0.2')]],
  ])
  assert.deepEqual(ends(six), [[6, [ipAddress('fd00::2')]]])
  assert.deepEqual(ends(takenBy(EXT, all, around).four), [[6, [ipAddress('198.51.100.3')]]])
  assert.equal(takenBy(EXT, all, around).six, undefined)
})

test('their clients are anybody but the host, and who is nobody', () => {
  const { four, six } = takenBy(INT, ways(rs('10.0.0.2'), rs('fd00::2')), around)
  const to = four?.answers[0]?.to ?? []
  for (const client of ['198.51.100.8', '10.0.0.8', '1.0.0.0', '223.255.255.255'])
    assert.ok(isIn(to, client), client)
  for (const one of [
    '10.0.0.9',
    '198.51.100.9',
    '0.1.2.3',
    '127.0.0.1',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
  ])
    assert.ok(!isIn(to, one), one)
  const to6 = six?.answers[0]?.to ?? []
  assert.ok(isIn(to6, '2001:db8::8'))
  for (const one of ['2001:db8::9', 'fe80::1', 'ff02::1', '::1']) assert.ok(!isIn(to6, one), one)
})

test('out by SNAT goes what a route leads to the arm outside, and comes in by no other than the criteria say', () => {
  const of = (match: object, on = INT) => takenBy(on, out(match), around).four?.outward ?? []
  const [any] = of({})
  assert.equal(any?.vlans, undefined)
  for (const [address, leads] of [
    ['8.8.8.8', true],
    ['192.0.2.7', true],
    // Another arm has a longer prefix; its own address alone brings none.
    ['10.1.2.3', false],
    ['10.0.0.7', false],
    ['10.7.0.7', false],
    ['10.9.0.1', true],
    ['198.51.100.9', false],
  ] as const)
    assert.equal(isIn(any?.to ?? [], address), leads, address)
  assert.deepEqual(of({ in: 2 })[0]?.vlans, [7])
  assert.deepEqual(of({ in: 1 })[0]?.vlans, [0])
  const [some] = of({ destination: [ipAddress('8.8.8.0'), ipAddress('8.8.8.9')] })
  assert.deepEqual(
    [isIn(some?.to ?? [], '8.8.8.9'), isIn(some?.to ?? [], '8.8.8.10')],
    [true, false],
  )
  assert.deepEqual(of({}, EXT), [], 'nothing comes in by the arm that it leaves by')
  assert.deepEqual(of({ in: 1 }, EXT), [])
})

test('criteria of IPv6 take nothing of IPv4', () => {
  const source = [ipAddress('fd00::2'), ipAddress('fd00::9')]
  const six = { source, destination: [ipAddress('::'), ipAddress(`${'ffff:'.repeat(7)}ffff`)] }
  const taken = takenBy(INT, out({ six }), around)
  assert.equal(taken.four, undefined)
  const [{ from = [], to = [] } = {}] = taken.six?.outward ?? []
  assert.deepEqual([isIn(from, 'fd00::9'), isIn(from, 'fd00::a')], [true, false])
  assert.deepEqual([isIn(to, '2001:db8::8'), isIn(to, 'fd00::8')], [true, false])
})
