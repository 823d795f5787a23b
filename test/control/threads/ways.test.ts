/** What is ours for another reason than its destination, of RSs and match services that come, change and go. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../../src/config/changes.ts'
import { Ways } from '../../../src/control/threads/ways.ts'

const VIP = '192.0.2.1'
const MATCH = 'from=10.0.0.2-10.0.0.9'

type Forwarding = Extract<Change, { put: 'rs' }>['rs']['forwarding']

function rs(address: string, place: number, forwarding: Forwarding = 'nat', vip = VIP): Change {
  const key = { protocol: 'tcp' as const, vip, vport: 80, address, port: 8080, place, forwarding }
  return {
    put: 'rs',
    rs: { ...key, weight: 1, upperThreshold: 0, lowerThreshold: 0, backup: false },
  }
}
const noRs = (address: string): Change => ({
  put: 'no-rs',
  ...{ protocol: 'tcp', vip: VIP, vport: 80, address, port: 8080 },
})

function ways() {
  const held = new Set<number>()
  const all = new Ways(place => !held.has(place))
  return { all, held, addresses: () => all.all.servers.map(({ address }) => address) }
}

test('RSs of NAT, and none that is reached otherwise', () => {
  const { all, addresses } = ways()
  assert.equal(
    all.note([rs('10.0.0.2', 0), rs('10.0.0.3', 1, 'fullnat'), rs('10.0.0.4', 2, 'dr')]),
    true,
  )
  assert.deepEqual(addresses(), ['10.0.0.2'])
  assert.equal(all.note([rs('10.0.0.2', 0)]), false, 'told again')
})

test('one that goes, or is reached otherwise, stays while connections hold its place', () => {
  for (const change of [noRs('10.0.0.2'), rs('10.0.0.2', 0, 'fullnat')]) {
    const { all, held, addresses } = ways()
    all.note([rs('10.0.0.2', 0)])
    held.add(0)
    assert.equal(all.note([change]), false)
    assert.deepEqual([all.some, all.forget(), addresses()], [true, false, ['10.0.0.2']])
    held.clear()
    assert.deepEqual([all.forget(), addresses(), all.some], [true, [], false])
  }
})

test('its place is another’s: nobody held it any more', () => {
  const { all, held, addresses } = ways()
  all.note([rs('10.0.0.2', 0)])
  held.add(0)
  all.note([noRs('10.0.0.2')])
  all.note([rs('10.0.0.3', 0)])
  assert.deepEqual([all.forget(), addresses(), all.some], [false, ['10.0.0.3'], false])
})

test('one that comes back is there', () => {
  const { all, held, addresses } = ways()
  all.note([rs('10.0.0.2', 0)])
  held.add(0)
  all.note([noRs('10.0.0.2'), rs('10.0.0.2', 0)])
  held.clear()
  assert.deepEqual([all.forget(), addresses()], [false, ['10.0.0.2']])
})

test('a match service goes out while it is there, and while connections of its addresses are', () => {
  const { all, held } = ways()
  const match = { source: [1, 9], destination: [0, -1], in: 1, out: 0 } as const
  const service = { protocol: 'tcp', address: MATCH, port: 0, match } as never
  const out = () => all.all.out.map(one => one.match.source)
  assert.equal(all.note([{ put: 'service', service }]), true)
  const put = rs('192.0.2.3', 5, 'snat', MATCH) as Extract<Change, { put: 'rs' }>
  all.note([{ put: 'rs', rs: { ...put.rs, vport: 0, port: 0 } }])
  assert.deepEqual([out(), all.all.servers], [[[1, 9]], []])
  held.add(5)
  all.note([{ put: 'no-service', protocol: 'tcp', address: MATCH, port: 0 }])
  assert.deepEqual([all.forget(), out()], [false, [[1, 9]]])
  held.clear()
  assert.deepEqual([all.forget(), out()], [true, []])
})

test('one that comes back at another place is there, whoever has its old one', () => {
  const { all, held, addresses } = ways()
  all.note([rs('10.0.0.2', 0), noRs('10.0.0.2'), rs('10.0.0.2', 1)])
  held.add(1)
  all.note([rs('10.0.0.3', 0)])
  assert.deepEqual([all.forget(), addresses()], [false, ['10.0.0.2', '10.0.0.3']])
})
