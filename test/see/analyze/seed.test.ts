/** The seed's two captures, made of its transcript: the RS's clock is 12.7 s ahead of the client's. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyze } from '../../../src/see/analyze/analyze.ts'
import { findingsOf } from '../../../src/see/analyze/findings.ts'
import { udp } from '../../kit/datagram.ts'
import { concat, ethernet, ipv4 } from '../../kit/frame.ts'
import { AHEAD_US, pcapOf, seedCaptures } from '../../kit/pcap.ts'

test("the seed's captures are one connection of which nothing is lost", () => {
  const { client, rs } = seedCaptures()
  const found = analyze({ name: 'client.pcap', bytes: client }, { name: 'rs.pcap', bytes: rs })
  assert.equal(found.isTurned, false)
  assert.equal(found.conns.length, 1)
  const [conn] = found.conns
  const { outer, inner, sureness, why } = conn.pair
  assert.equal(outer.client, '202.108.10.2:33896')
  assert.equal(outer.server, '202.108.10.1:6379')
  assert.equal(inner.client, '192.168.168.7:1028')
  assert.equal(inner.server, '192.168.168.2:6379')
  assert.equal(sureness, 'certain')
  assert.deepEqual(why.slice(0, 2), [
    'TOA names the client',
    "the RS's initial sequence number is the same",
  ])
  assert.equal(conn.ways.clientDelta >>> 0, (2976553321 - 4164191644) >>> 0)
  assert.equal(conn.ways.rsDelta, 0)
  const offsetOff = Math.abs(found.clock.offsetNs - AHEAD_US * 1000)
  assert.ok(found.clock.boundNs !== null && offsetOff <= found.clock.boundNs, `${offsetOff}`)
  assert.ok(found.clock.boundNs < 110_000, `${found.clock.boundNs}`)
  const nothing = {
    lost: [],
    added: [],
    duplicated: [],
    outside: { entry: 0, exit: 0 },
    missed: { entry: 0, exit: 0 },
    split: 0,
    joined: 0,
    reordered: 0,
  }
  assert.deepEqual(conn.in, nothing)
  assert.deepEqual(conn.out, nothing)
  const { compared } = conn
  assert.deepEqual(compared.toa, { segments: 3, names: ['202.108.10.2:33896'] })
  assert.deepEqual(compared.mss, { syn: [1460, 1460], synAck: [1460, 1452] })
  assert.equal(compared.timestamps, 'removed')
  assert.deepEqual(compared.odd, [])
  assert.deepEqual(compared.changes, { seq: 6, ack: 4, toa_added: 3, timestamp_removed: 1, mss: 1 })
})

/** The same addresses as of IPv6, that of the TOA too. */
function asIpv6(text: string): string {
  return text
    .replace(/exp-8468 ca6c0a02/g, 'exp-8468 20010db8000000000000000000000002')
    .replace(/202\.108\.10\.(\d)\./g, '2001:db8::$1.')
    .replace(/192\.168\.168\.(\d)\./g, 'fd00::$1.')
}

test('the same over IPv6', () => {
  const { client, rs } = seedCaptures(asIpv6)
  const found = analyze({ name: 'client.pcap', bytes: client }, { name: 'rs.pcap', bytes: rs })
  const [{ pair, compared, in: came, out: left }] = found.conns
  assert.equal(found.conns.length, 1)
  const { outer, inner } = pair
  assert.deepEqual(
    [outer.client, outer.server, inner.client, inner.server],
    ['[2001:db8::2]:33896', '[2001:db8::1]:6379', '[fd00::7]:1028', '[fd00::2]:6379'],
  )
  assert.equal(pair.sureness, 'certain')
  assert.deepEqual(compared.toa, { segments: 3, names: ['[2001:db8::2]:33896'] })
  assert.deepEqual(compared.changes, { seq: 6, ack: 4, toa_added: 3, timestamp_removed: 1, mss: 1 })
  assert.deepEqual([...came.lost, ...left.lost], [])
  assert.equal(outer.packets.passed.broken, 0)
})

test('given in the wrong order they are exchanged', () => {
  const { client, rs } = seedCaptures()
  const found = analyze({ name: 'rs.pcap', bytes: rs }, { name: 'client.pcap', bytes: client })
  assert.equal(found.isTurned, true)
  assert.equal(found.conns[0].pair.outer.client, '202.108.10.2:33896')
  assert.ok(Math.abs(found.clock.offsetNs - AHEAD_US * 1000) < 110_000)
})

test('datagrams beside it are counted and told, with UOA too', () => {
  const { client, rs } = seedCaptures()
  const ends = { src: '192.168.168.7', dst: '192.168.168.2', sport: 1025, dport: 53 }
  const plain = udp(ends)
  const frames = [plain, ipv4({ ...ends, protocol: 248 }, plain.subarray(20))]
  const more = pcapOf(
    frames.map(packet => ({
      atUs: 1,
      frame: ethernet('2:0:0:0:0:1', '2:0:0:0:0:2', 0x0800, packet),
    })),
  ).subarray(24)
  const mixed = concat(rs, more)
  const found = analyze({ name: 'client.pcap', bytes: client }, { name: 'rs.pcap', bytes: mixed })
  assert.equal(found.conns.length, 1)
  assert.deepEqual(
    findingsOf(found)
      .filter(({ code }) => code === 'udp')
      .map(({ text }) => text),
    ['rs.pcap: 2 datagrams of UDP not looked at, only TCP is'],
  )
})
