/** SNAT over IPv6 where a transcript cannot say it: who is on the link and set up by nobody, digests, and what outlives an engine. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../src/config/changes.ts'
import { parseConfig } from '../../src/config/config.ts'
import { neighbours } from '../../src/control/threads/snapshots.ts'
import { Standing } from '../../src/control/threads/standing.ts'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { COLUMN_CELLS, RECORD } from '../../src/engine/conn-layout.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { checkBooks } from '../kit/books.ts'
import { answer } from '../kit/nd.ts'
import { type Out, Stand } from '../kit/stand.ts'

const ARMS = `
arms:
  - name: ext0
    addresses: ["2001:db8:10::1/64"]
    local_addresses: ["2001:db8:10::3", "2001:db8:10::4"]
    routes: [{ to: "::/0", via: "2001:db8:10::fe" }]
    neighbours: [{ address: "2001:db8:10::fe", mac: "52:54:00:00:00:fe" }]
  - name: int0
    addresses: ["2001:db8:168::3/64"]
`
const ONE_WAY = `${ARMS}
snat: [{ in: int0, family: ipv6, addresses: [{ address: "2001:db8:10::3" }] }]
`
const FAR = '2001:db8:99::9'
const syn = (port: number, to: string, host = '2001:db8:168::2') =>
  `${host}.${port} > ${to}.80: Flags [S], seq 1000, win 29200, length 0`
const kinds = (out: Out[]) => out.map(({ decoded }) => decoded.kind)

test('who is on the link is asked for by neighbour discovery, and shown as what he is', () => {
  const stand = new Stand(ONE_WAY)
  const near = '2001:db8:10::99'
  assert.deepEqual(kinds(stand.segment('int0', syn(1, near))), ['icmpv6'])
  const ext0 = { mac: stand.macOf('ext0'), addresses: [{ address: '2001:db8:10::1' }] }
  const [out] = stand.input('ext0', answer(ext0, near, '52:54:00:00:00:99'))
  assert.ok(out?.decoded.kind === 'tcp')
  assert.deepEqual([out.decoded.src, out.decoded.dst], ['2001:db8:10::3', near])
  assert.equal(out.decoded.dstMac, '52:54:00:00:00:99')
  const listed = neighbours(stand.engine, stand.config, 1).map(one => `${one.address} ${one.mac}`)
  assert.ok(listed.includes(`${near} 52:54:00:00:00:99`), listed.join())
  // Nobody else has to be asked again.
  assert.deepEqual(kinds(stand.segment('int0', syn(2, near))), ['tcp'])
})

test('of two with one digest each has its own connection', () => {
  const stand = new Stand(ONE_WAY)
  const { addressBook } = stand.engine
  // As if the key were nothing: only the first words' bits are left of any address.
  addressBook.digest = () => 7
  const first = stand.forward('int0', syn(1, FAR))
  const second = stand.forward('int0', syn(1, '2001:db8:98::9'))
  assert.deepEqual([first.dst, second.dst], [FAR, '2001:db8:98::9'])
  const third = stand.forward('int0', syn(1, FAR, '2001:db8:168::4'))
  assert.equal(stand.engine.conns.table.used, 3)
  for (const [{ dst, sport }, host] of [
    [second, '2001:db8:168::2'],
    [third, '2001:db8:168::4'],
  ] as const) {
    const line = `${dst}.80 > 2001:db8:10::3.${sport}: Flags [S.], seq 9000, ack 1001, win 29200, length 0`
    assert.equal(stand.forward('ext0', line).dst, host)
  }
  // Whom nobody has spoken to has the same, and is nobody's.
  stand.segment(
    'ext0',
    `2001:db8:97::9.80 > 2001:db8:10::3.${first.sport}: Flags [.], ack 1001, win 9, length 0`,
  )
  assert.equal(stand.verdictName(), 'TCP_NO_SERVICE')
})

test('connections outlive their engine, but for one to another address than its digest', () => {
  const connMemory = new ArrayBuffer(connBytes(262_144))
  const stand = new Stand(ONE_WAY, undefined, { connMemory })
  const ports = [1, 2, 3].map(port => stand.forward('int0', syn(port, FAR)).sport)
  const same = { connMemory, now: stand.now }
  const next = new Stand(ONE_WAY, undefined, same)
  assert.deepEqual(adoptRecords(next.engine, stand.now | 0), { conns: 3, cleared: 0 })
  checkBooks(next.engine, { mask: 0, residue: 0 })
  const image = new Stand(ONE_WAY, undefined, { now: next.now }, next.image())
  for (const one of [next, image]) {
    const line = `${FAR}.80 > 2001:db8:10::3.${ports[1]}: Flags [S.], seq 9000, ack 1001, win 29200, length 0`
    assert.equal(one.forward('ext0', line).dst, '2001:db8:168::2')
    assert.equal(one.forward('int0', syn(9, FAR)).dst, FAR)
  }
  next.engine.conns.table.syn[RECORD.column(1) + COLUMN_CELLS - 1]++
  assert.equal(adoptRecords(next.engine, next.now | 0).cleared, 1)
})

test('both families have their own services, the narrowest first', () => {
  const both = `${ARMS.replace('["2001:db8:10::1/64"]', '["2001:db8:10::1/64", 202.108.10.1/24]')
    .replace('["2001:db8:168::3/64"]', '["2001:db8:168::3/64", 192.168.168.3/24]')
    .replace('"2001:db8:10::4"]', '"2001:db8:10::4", 202.108.10.3]')
    .replace('neighbours: [', 'neighbours: [{ address: 202.108.10.9, mac: "52:54:00:00:00:09" }, ')}
snat:
  - { in: int0, addresses: [{ address: 202.108.10.3 }] }
  - { in: int0, family: ipv6, addresses: [{ address: "2001:db8:10::3" }] }
  - { source: "2001:db8:168::/65", addresses: [{ address: "2001:db8:10::4" }] }
`
  const stand = new Stand(both)
  assert.equal(stand.forward('int0', syn(1, FAR)).src, '2001:db8:10::4')
  assert.equal(stand.forward('int0', syn(1, FAR, '2001:db8:168::8000:0:0:1')).src, '2001:db8:10::3')
  assert.equal(stand.forward('int0', syn(1, '202.108.10.9', '192.168.168.2')).src, '202.108.10.3')
})

test('a worker that is started again knows by which address connections go on that their rule has no more', () => {
  const connMemory = new ArrayBuffer(connBytes(262_144))
  const first = new Stand(ONE_WAY, undefined, { connMemory })
  const { sport } = first.forward('int0', syn(1, FAR))
  const { initial, places } = first.model
  const standing = new Standing()
  standing.told(initial)
  const rule = parseConfig(ONE_WAY.replace(/10::3" }/, '10::4" }'), 'after.yaml')
  const changes = compare(first.config, rule).changes(places)
  first.change(changes)
  standing.told(changes)
  // What stands, without what the arms have anyway.
  const next = new Stand(ARMS, undefined, { connMemory, now: first.now })
  const rules = standing.changes().filter(({ put }) => ['service', 'rs'].includes(put))
  const busy = { dests: () => false, lips: () => false }
  next.change([...rules, ...standing.gone(busy).flat()])
  assert.deepEqual(adoptRecords(next.engine, next.now | 0), { conns: 1, cleared: 0 })
  const answer = `${FAR}.80 > 2001:db8:10::3.${sport}: Flags [S.], seq 9000, ack 1001, win 29200, length 0`
  for (const stand of [first, next])
    assert.equal(stand.forward('ext0', answer).dst, '2001:db8:168::2')
})

test('a host inside that answers clients by TCP speaks by UDP from the same port to anybody', () => {
  const stand = new Stand(`${ONE_WAY.replace('in: int0', '$&, protocol: udp')}services:
  - address: "2001:db8:10::1"
    port: 53
    real_servers: [{ address: "2001:db8:168::2", forwarding: nat }]
`)
  const [out] = stand.datagram('int0', `2001:db8:168::2.53 > ${FAR}.53: UDP, length 5`)
  assert.ok(out?.decoded.kind === 'udp', stand.verdictName())
  assert.equal(out.decoded.src, '2001:db8:10::3')
})
