/** UDP where a transcript cannot say it: what is counted, timeouts, who is believed, and what is left of a connection. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { CELL, KEY, RECORD, stateCell } from '../../src/engine/conn-layout.ts'
import { Outcome } from '../../src/engine/outcomes.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { Stat } from '../../src/engine/service.ts'
import { UdpState } from '../../src/engine/udp-state.ts'
import { LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { type DatagramFields, datagram } from '../kit/datagram.ts'
import { type DecodedUdp, decode } from '../kit/decode.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { concat, ethernet, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, SEED_CONFIG, STAND_START, Stand } from '../kit/stand.ts'

const { src, sport, dst, dport } = SYN
const PAYLOAD = new Uint8Array(12).fill(7)
const QUERY: DatagramFields = { src, sport, dst, dport, payload: PAYLOAD }
const ANSWER: DatagramFields = {
  src: RS.src,
  sport: RS.sport,
  dst: RS.dst,
  dport: RS.dport,
  payload: PAYLOAD,
}

function forward(stand: Stand, arm: string, fields: DatagramFields): DecodedUdp {
  const out = stand.datagram(arm, fields)
  assert.equal(out.length, 1, stand.verdictName())
  assert.ok(out[0].decoded.kind === 'udp')
  return out[0].decoded
}

const state = (stand: Stand, which: number) =>
  stand.engine.counters.states[stateCell(KEY.UDP, which)]

test('all that counts connections counts those of UDP apart, and none of them is active', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const { dests, outcomes } = stand.engine
  forward(stand, WAN, QUERY)
  assert.deepEqual([state(stand, UdpState.ONEWAY), state(stand, UdpState.NORMAL)], [1, 0])
  assert.deepEqual([dests.active(0), dests.inactive(0)], [0, 1])
  forward(stand, LAN, ANSWER)
  assert.deepEqual([state(stand, UdpState.ONEWAY), state(stand, UdpState.NORMAL)], [0, 1])
  assert.deepEqual([dests.active(0), dests.inactive(0)], [0, 1])
  assert.deepEqual(
    [Stat.CONNS, Stat.IN_PACKETS, Stat.OUT_PACKETS, Stat.IN_BYTES].map(cell => dests.stat(0, cell)),
    [1, 1, 1, 40],
  )
  // An answer speaks for the RS at once, and silence until the end against it.
  assert.deepEqual([...outcomes.cells.subarray(0, 2)], [0, 1])
  forward(stand, WAN, { ...QUERY, sport: 1 })
  stand.pass(302_000, 100)
  assert.equal(outcomes.cells[Outcome.FAILED], 1)
  assert.equal(outcomes.cells[Outcome.DONE], 1)
  assert.deepEqual([dests.active(0), dests.inactive(0)], [0, 0])
  assert.equal(state(stand, UdpState.NORMAL), 0)
  assert.equal(stand.engine.lips[0]?.used, 0)
})

test('a frame of several datagrams is counted as on the wire', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  stand.datagram(WAN, { ...QUERY, payload: new Uint8Array(4500), gso: 1000 } as DatagramFields)
  const { dests } = stand.engine
  assert.equal(dests.stat(0, Stat.IN_PACKETS), 5)
  assert.equal(dests.stat(0, Stat.IN_BYTES), 4500 + 5 * 28)
})

test('datagrams in one frame that do not fit are not cut up, with DF or without', () => {
  for (const df of [false, true]) {
    const stand = new Stand(UDP_CONFIG).resolveRss()
    const fields = { ...QUERY, df, payload: new Uint8Array(3000), gso: 1473 }
    const out = stand.datagram(WAN, fields as DatagramFields)
    assert.deepEqual(
      out.map(({ arm, decoded }) => [arm, decoded.kind]),
      [[WAN, 'icmp']],
    )
  }
})

test('timeouts are of the state, and the time of a service is that of every state', () => {
  const own = UDP_CONFIG.replace('protocol: udp', 'protocol: udp\n    conn_timeout: 20')
  const timeouts = '\nudp: { timeouts: { oneway: 60, normal: 10 } }'
  const lives = (config: string, answered: boolean): number => {
    const stand = new Stand(config).resolveRss()
    forward(stand, WAN, QUERY)
    if (answered) forward(stand, LAN, ANSWER)
    while (stand.engine.conns.table.used > 0)
      assert.deepEqual(stand.pass(100, 100).length >= 0, true)
    return Math.floor((stand.now - STAND_START) / 1000)
  }
  const about = (seconds: number, expected: number) =>
    assert.ok(seconds === expected || seconds === expected + 1, `${seconds} s, not ${expected}`)
  about(lives(UDP_CONFIG + timeouts, false), 60)
  // It is shorter than that of the state before.
  about(lives(UDP_CONFIG + timeouts, true), 10)
  about(lives(own + timeouts, false), 20)
  about(lives(own + timeouts, true), 20)
  const stand = new Stand(UDP_CONFIG).resolveRss()
  stand.change([{ put: 'udp-timeouts', timeouts: [2, 5, 5] }])
  forward(stand, WAN, QUERY)
  stand.pass(6100)
  assert.equal(stand.engine.conns.table.used, 0)
})

test('answers go to the MAC of the client as it was last, if a good datagram has said so', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const other = '52:54:00:00:00:99'
  forward(stand, WAN, QUERY)
  assert.equal(forward(stand, LAN, ANSWER).dstMac, CLIENT_MAC)
  assert.deepEqual(stand.datagram(WAN, { ...QUERY, srcMac: other, checksum: 0xbad }), [])
  assert.equal(stand.verdictName(), 'UDP_CHECKSUM')
  assert.equal(forward(stand, LAN, ANSWER).dstMac, CLIENT_MAC)
  forward(stand, WAN, { ...QUERY, srcMac: other })
  assert.equal(forward(stand, LAN, ANSWER).dstMac, other)
})

test('what is spoilt and moves nothing leaves as spoilt', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  forward(stand, WAN, QUERY)
  forward(stand, LAN, ANSWER)
  const bytes = concat(
    vnetHeader(),
    ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, datagram(QUERY)),
  )
  bytes[bytes.length - 1] ^= 1
  stand.judge(WAN, bytes)
  assert.equal(stand.verdictName(), 'arm 1')
  assert.throws(() => stand.drain(), /bad UDP checksum/)
})

test('what lies behind the datagram goes along as it is', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const whole = datagram({ ...QUERY, payload: new Uint8Array(20).fill(9) })
  const short = datagram({ ...QUERY, payload: new Uint8Array(8).fill(9) })
  // A shorter datagram, with its own length and checksum, in the longer packet.
  whole.set(short.subarray(20, 28), 20)
  const out = stand.input(WAN, ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, whole))
  assert.equal(out.length, 1)
  const { decoded, bytes } = out[0]
  assert.ok(decoded.kind === 'udp')
  assert.equal(decoded.payload.length, 8)
  assert.deepEqual(
    [...bytes.subarray(-12)],
    Array.from({ length: 12 }, () => 9),
  )
})

test('a checksum that comes to 0 is written as 0xffff', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const first = forward(stand, WAN, { ...QUERY, payload: new Uint8Array(2) })
  const payload = Uint8Array.of(first.checksum >> 8, first.checksum & 255)
  assert.equal(forward(stand, WAN, { ...QUERY, payload }).checksum, 0xffff)
  // And where there was none as well.
  assert.equal(forward(stand, WAN, { ...QUERY, payload, checksum: 0 }).checksum, 0xffff)
})

test('TCP and UDP at one address and port are two services, each with its own RS for a client', () => {
  const config = `${SEED_CONFIG.replace('protocol: tcp', 'protocol: tcp\n    persistence: 60')}
  - address: 202.108.10.1
    port: 6379
    protocol: udp
    persistence: 60
    real_servers: [{ address: 192.168.168.3 }, { address: 192.168.168.4 }]
`.replaceAll('192.168.168.3 }', '192.168.168.13 }')
  const stand = new Stand(config).resolveRss()
  const to = () => forward(stand, WAN, { ...QUERY, sport: 1 + stand.engine.conns.table.used }).dst
  const first = to()
  assert.notEqual(first, '192.168.168.2')
  assert.equal(stand.forward(WAN, SYN).dst, '192.168.168.2')
  assert.deepEqual([to(), to(), to()], [first, first, first])
})

test('connections that are cut end in silence', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  forward(stand, WAN, QUERY)
  forward(stand, LAN, ANSWER)
  stand.change([{ put: 'cut', place: 0 }])
  assert.deepEqual(stand.pass(100), [])
  assert.equal(stand.engine.conns.table.used, 0)
  assert.equal(stand.events('RST_ON_CUT'), 0)
})

test('an lport gives TCP back the number that it had come to before UDP', () => {
  const both = `${SEED_CONFIG}  - address: 202.108.10.1
    port: 6379
    protocol: udp
    real_servers: [{ address: 192.168.168.2 }]
udp: { timeouts: { oneway: 1 } }
`
  const stand = new Stand(both, undefined, { lports: { mask: 65_535, residue: 2000 } }).resolveRss()
  stand.forward(WAN, SYN)
  stand.pass(40_000)
  const last = stand.engine.lips[0]?.lastSeq(-1062688766, 6379, 2000)
  assert.ok(last !== undefined && last !== 0)
  forward(stand, WAN, QUERY)
  stand.pass(3000)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.equal(stand.engine.lips[0]?.lastSeq(-1062688766, 6379, 2000), last)
})

test('another engine takes over connections of UDP, and none whose service is of TCP', () => {
  const memory = new ArrayBuffer(connBytes(262_144))
  const first = new Stand(UDP_CONFIG, undefined, { connMemory: memory }).resolveRss()
  forward(first, WAN, QUERY)
  forward(first, LAN, ANSWER)
  const heirOf = (config: string) => {
    const next = new Stand(config, undefined, { connMemory: memory.slice(0), now: first.now })
    next.now = first.now
    const adopted = adoptRecords(next.engine, first.now | 0)
    return { next: next.resolveRss(), adopted }
  }
  const { next, adopted } = heirOf(UDP_CONFIG)
  assert.deepEqual(adopted, { conns: 1, cleared: 0 })
  assert.equal(state(next, UdpState.NORMAL), 1)
  assert.deepEqual([next.engine.dests.active(0), next.engine.dests.inactive(0)], [0, 1])
  assert.equal(forward(next, LAN, ANSWER).dst, src)
  assert.deepEqual(heirOf(SEED_CONFIG).adopted, { conns: 0, cleared: 1 })
})

test('UOA is counted in the record, up to the trail', () => {
  const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: opp, uoa_max_trail: 255 }`).resolveRss()
  for (let i = 0; i < 300; i++) {
    const { uoa } = forward(stand, WAN, QUERY)
    assert.equal(uoa, i < 255 ? `opp ${src}.${sport}` : null)
  }
  assert.equal(stand.engine.conns.table.cells[RECORD.at(0) | CELL.UOA_SENT], 255)
})

test('what may leave behind a header of UOA, and so without a checksum, is summed first', () => {
  const spoilt = { ...QUERY, checksum: 0xbad }
  const refused = (stand: Stand) => {
    assert.deepEqual(stand.datagram(WAN, spoilt), [])
    assert.equal(stand.verdictName(), 'UDP_CHECKSUM')
  }
  const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: opp }`).resolveRss()
  for (let i = 0; i < 3; i++) {
    refused(stand)
    assert.equal(forward(stand, WAN, QUERY).uoa, `opp ${src}.${sport}`)
  }
  // From now on it keeps its checksum, by which the RS sees what it is.
  for (const [uoa, sent] of [['opp', stand], ...['ipo', 'off'].map(begun)] as const) {
    const [{ bytes }] = wrong(sent, spoilt)
    const header = (bytes[24] & 15) * 4
    assert.notEqual(bytes[24 + header + 6] * 256 + bytes[24 + header + 7], 0, uoa)
    assert.throws(() => decode(bytes), /checksum/, uoa)
  }
})

/** A stand whose connection has had one datagram. */
function begun(uoa: string): [string, Stand] {
  const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: ${uoa} }`).resolveRss()
  forward(stand, WAN, QUERY)
  return [uoa, stand]
}

/** What is sent for a datagram that is not right, as it is. */
function wrong(stand: Stand, fields: DatagramFields) {
  const frame = ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, datagram(fields))
  stand.judge(WAN, concat(vnetHeader(), frame))
  return stand.collect()
}

test('UOA of a datagram with a partial checksum', () => {
  for (const uoa of ['opp', 'ipo']) {
    const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: ${uoa} }`).resolveRss()
    const out = stand.datagram(WAN, { ...QUERY, gso: 0 } as DatagramFields)
    assert.equal(out.length, 1)
    assert.ok(out[0].decoded.kind === 'udp')
    assert.equal(out[0].decoded.uoa, `${uoa} ${src}.${sport}`)
    assert.equal(out[0].decoded.vnet.flags, uoa === 'opp' ? 0 : 1)
  }
})
