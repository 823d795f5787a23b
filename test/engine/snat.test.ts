/** Match services and SNAT where a transcript cannot say it: whose a packet is, lports, offloads, and what outlives an engine. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../src/config/changes.ts'
import { parseConfig } from '../../src/config/config.ts'
import { PlaceList } from '../../src/config/places.ts'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { CELL, RECORD } from '../../src/engine/conn-layout.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { Stat } from '../../src/engine/service.ts'
import { endpointText } from '../../src/wire/address.ts'
import { checkBooks } from '../kit/books.ts'
import { FIRST_COME } from '../kit/connection.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { offload, tcpFrame } from '../kit/frame.ts'
import { RS_MAC, Stand } from '../kit/stand.ts'

const ARMS = `
arms:
  - name: ext0
    addresses: [202.108.10.1/24]
    local_addresses: [202.108.10.3, 202.108.10.4, 202.108.10.5]
    routes: [{ to: default, via: 202.108.10.254 }]
    neighbours: [{ address: 202.108.10.254, mac: "52:54:00:00:00:fe" }]
  - name: int0
    addresses: [192.168.168.3/16]
    local_addresses: [192.168.168.7]
`
const [ONE, TWO, THREE] = ['202.108.10.3', '202.108.10.4', '202.108.10.5']
const syn = (host: string, port: number, to = '10.1.2.3.80') =>
  `${host}.${port} > ${to}: Flags [S], seq 1000, win 29200, length 0`
const outside = ({ src, sport }: DecodedTcp) => `${src}:${sport}`
const by = (address: string) => `addresses: [{ address: ${address} }]`

test('the narrowest takes a packet, and any service before that', () => {
  const stand = new Stand(`${ARMS}
services:
  - { address: 10.9.9.9, port: 80, real_servers: [{ address: 192.168.168.9 }] }
snat:
  - { in: int0, ${by(ONE)} }
  - { source: 192.168.168.0/24, ${by(TWO)} }
  - { source: 192.168.168.0/24, destination: 10.7.0.0/16, ${by(THREE)} }
`)
  const of = (line: string) => stand.forward('int0', line).src
  assert.equal(of(syn('192.168.168.2', 1)), TWO)
  assert.equal(of(syn('192.168.168.2', 1, '10.7.1.1.80')), THREE)
  // Further inside, behind a router.
  assert.equal(of(syn('192.168.169.2', 1)), ONE)
  stand.arpReply('192.168.168.9', RS_MAC)
  const balanced = stand.forward('int0', syn('192.168.170.2', 2, '10.9.9.9.80'))
  assert.deepEqual([balanced.src, balanced.dst], ['192.168.168.7', '192.168.168.9'])
})

/** 3 lports of an address. */
const lports = { mask: 16_383, residue: 5 }
const TWO_ADDRESSES = `${ARMS}
snat:
  - in: int0
    addresses: [{ address: ${ONE}, weight: 100 }, { address: ${TWO} }]
${FIRST_COME}`

test('lports are of a destination and port; an address without any is passed over, and then a SYN is dropped', () => {
  const stand = new Stand(TWO_ADDRESSES, undefined, { lports })
  const seen = new Set<string>()
  for (let port = 1; port <= 6; port++)
    seen.add(outside(stand.forward('int0', syn('192.168.168.2', port))))
  assert.equal(seen.size, 6)
  stand.segment('int0', syn('192.168.168.2', 9))
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  // Another destination has its own.
  assert.ok(seen.has(outside(stand.forward('int0', syn('192.168.168.2', 9, '10.1.2.4.80')))))
  checkBooks(stand.engine, lports)
  stand.pass(40_000, 100)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.deepEqual(
    stand.engine.lips.map(pool => pool?.used),
    [0, 0, 0, 0],
  )
  checkBooks(stand.engine, lports)
})

const ONE_WAY = `${ARMS}
snat: [{ in: int0, ${by(ONE)} }]
`

test('a SYN that comes again finds its connection, and one behind the end of it begins another', () => {
  const stand = new Stand(ONE_WAY)
  const first = outside(stand.forward('int0', syn('192.168.168.2', 5)))
  assert.equal(outside(stand.forward('int0', syn('192.168.168.2', 5))), first)
  assert.equal(stand.engine.conns.table.used, 1)
  stand.forward(
    'ext0',
    '10.1.2.3.80 > 202.108.10.3.1025: Flags [R.], seq 0, ack 1001, win 0, length 0',
  )
  const again = stand.forward(
    'int0',
    '192.168.168.2.5 > 10.1.2.3.80: Flags [S], seq 70000000, win 29200, length 0',
  )
  assert.equal(again.seq, 70_000_000)
  assert.equal(stand.engine.conns.table.used, 1)
  assert.equal(stand.events('SYN_REUSED'), 1)
  const dest = stand.engine.dests
  assert.equal(dest.stat(0, Stat.CONNS), 2)
})

test('a frame of 64 KiB stays whole, its partial checksum with it', () => {
  const stand = new Stand(ONE_WAY)
  stand.forward('int0', syn('192.168.168.2', 5))
  const payload = new Uint8Array(40_000).fill(3)
  const fields = { src: '192.168.168.2', sport: 5, dst: '10.1.2.3', dport: 80, seq: 1001, ack: 1 }
  const frame = tcpFrame({
    ...fields,
    flags: '.',
    payload,
    srcMac: RS_MAC,
    dstMac: stand.macOf('int0'),
  })
  const [out] = stand.inputRaw('int0', offload(frame, 1448))
  assert.ok(out?.decoded.kind === 'tcp', stand.verdictName())
  assert.equal(out.decoded.src, ONE)
  assert.equal(out.decoded.payload.length, 40_000)
  assert.deepEqual([out.decoded.vnet.gsoSize, out.decoded.vnet.hdrLen], [1448, 54])
})

test('connections outlive their engine, and none of them in the place of another', () => {
  const connMemory = new ArrayBuffer(connBytes(262_144))
  const stand = new Stand(TWO_ADDRESSES, undefined, { connMemory })
  const listed = ({ engine }: Stand) => {
    const { cells } = engine.conns.table
    return [0, 1, 2].map(conn => {
      const at = RECORD.at(conn)
      return endpointText(cells[at | CELL.LIP], cells[at | CELL.RS_PORTS] & 0xffff)
    })
  }
  for (let port = 1; port <= 3; port++) stand.forward('int0', syn('192.168.168.2', port))
  const before = listed(stand)
  const next = new Stand(TWO_ADDRESSES, undefined, { connMemory, now: stand.now })
  assert.deepEqual(adoptRecords(next.engine, stand.now | 0), { conns: 3, cleared: 0 })
  assert.deepEqual(listed(next), before)
  const image = new Stand(TWO_ADDRESSES, undefined, { now: next.now }, next.image())
  for (const one of [next, image]) {
    const [address, port] = (before[1] ?? '').split(':')
    const answer = one.forward(
      'ext0',
      `10.1.2.3.80 > ${address}.${port}: Flags [S.], seq 9000, ack 1001, win 29200, length 0`,
    )
    assert.deepEqual([answer.dst, answer.dport], ['192.168.168.2', 2])
    assert.equal(one.forward('int0', syn('192.168.168.2', 9)).dst, '10.1.2.3')
  }
  // One that says another destination outside than inside is nobody's.
  const at = RECORD.at(0)
  next.engine.conns.table.cells[at | CELL.RIP]++
  assert.equal(adoptRecords(next.engine, next.now | 0).cleared, 1)
})

test('an address that another arm has from now on takes what goes out by that one', () => {
  const on = (...lips: [string, string]) => `
arms:
  - { name: ext0, addresses: [202.108.10.1/24], local_addresses: [${lips[0]}], routes: [{ to: 10.1.0.0/16 }] }
  - { name: ext1, addresses: [203.0.113.1/24], local_addresses: [${lips[1]}], routes: [{ to: 10.2.0.0/16 }] }
  - { name: int0, addresses: [192.168.168.3/24] }
snat: [{ in: int0, ${by(ONE)} }]
`
  const [before, after] = [on(ONE, TWO), on(TWO, ONE)].map(text => parseConfig(text, 'x.yaml'))
  assert.ok(before && after)
  const list = () => new PlaceList(8, () => true)
  const places = { dests: list(), lips: list() }
  compare(null, before).changes(places)
  const stand = new Stand(on(ONE, TWO))
  for (const address of ['10.1.2.3', '10.2.2.3']) stand.carryOut([neighbour(address)])
  assert.equal(stand.forward('int0', syn('192.168.168.2', 5)).src, ONE)
  stand.segment('int0', syn('192.168.168.2', 5, '10.2.2.3.80'))
  assert.equal(stand.verdictName(), 'TCP_NO_SERVICE')

  stand.carryOut(compare(before, after).changes(places))
  const sent = stand.segment('int0', syn('192.168.168.2', 5, '10.2.2.3.80'))
  assert.equal(stand.verdictName(), 'arm 1')
  const [out] = sent.filter(({ decoded }) => decoded.kind === 'tcp')
  assert.equal(out?.arm, 'ext1')
  assert.equal(out.decoded.kind === 'tcp' && out.decoded.src, ONE)
  stand.segment('int0', syn('192.168.168.2', 6))
  assert.equal(stand.verdictName(), 'TCP_NO_SERVICE')
})

const neighbour = (address: string) => ({
  put: 'neighbour' as const,
  ...{ arm: address.startsWith('10.1.') ? 0 : 1, address, mac: RS_MAC },
})
