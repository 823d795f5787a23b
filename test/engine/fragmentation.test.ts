/** What came in fragments, or is too large for its arm, is translated whole and leaves in fragments. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLIENT, established, LAN, RS, WAN } from '../kit/connection.ts'
import { datagram, offloadUdp } from '../kit/datagram.ts'
import {
  body,
  notLost,
  pieces,
  put,
  putAll,
  segment,
  sentSegment,
  sentWhole,
} from '../kit/fragments.ts'
import { checksum, concat, ethernet, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, type Out, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const VIP = '202.108.10.1'

test('a segment in fragments is translated like a whole one, and counted as on the wire', () => {
  const stand = established()
  const { stats } = stand.engine.dests
  const before = stats.slice(0, 8)
  const payload = body(1400)
  const fields = { ...CLIENT, flags: 'P.', payload }
  const cut = pieces(segment(fields), 576)
  assert.equal(cut.length, 3)
  notLost(stand, () => {
    const there = sentSegment(putAll(stand, cut.reverse()), LAN)
    assert.deepEqual(there.payload, payload)
    assert.deepEqual(
      [there.src, there.dst, there.sport, there.dport],
      [RS.dst, RS.src, RS.dport, 6379],
    )
    assert.deepEqual(there.sizes, [572, 572, 20 + 324])
    assert.deepEqual([there.id, there.df], [9, false])
    assert.equal(there.srcMac, stand.macOf(LAN))
    assert.equal(there.dstMac, RS_MAC)
  })
  assert.equal(stats[1] - before[1], 3, 'packets')
  assert.equal(stats[3] - before[3], 1440 + 40, 'bytes')
  const answer = { ...RS, flags: 'P.', payload }
  const back = sentSegment(
    putAll(stand, pieces(segment(answer, { fragment: 0x4000 }), 1000), LAN),
    WAN,
  )
  assert.deepEqual([back.src, back.dst, back.payload], [VIP, CLIENT.src, payload])
  assert.equal(back.df, true, 'DF stays')
  assert.deepEqual(back.sizes, [996, 1440 - 976])
})

test('a SYN in fragments opens a connection', () => {
  const stand = new Stand().resolveRss()
  const syn = segment({ ...CLIENT, flags: 'S', seq: 1000, ack: 0, payload: body(100) })
  const out = sentSegment(putAll(stand, pieces(syn, 76)), LAN)
  assert.equal(out.flags, 'S')
  assert.deepEqual(out.payload, body(100))
  assert.equal(stand.events('CONNS_OPENED'), 1)
})

const NARROW = SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 1000')

/** The sender is told that it is to send smaller ones. */
function isTooBig(out: readonly Out[]): void {
  assert.equal(out.length, 1)
  const [{ decoded }] = out
  assert.ok(decoded.kind === 'icmp')
  assert.deepEqual([decoded.type, decoded.code], [3, 4])
}

test('what is larger than the MTU of its arm is cut if DF is clear', () => {
  const stand = established(NARROW)
  const payload = body(1460)
  notLost(stand, () => {
    const out = sentSegment(put(stand, segment({ ...CLIENT, flags: 'P.', payload })), LAN)
    assert.deepEqual(out.sizes, [996, 524])
    assert.deepEqual([out.payload, out.id], [payload, 9])
  })
  isTooBig(put(stand, segment({ ...CLIENT, flags: 'P.', payload }, { fragment: 0x4000 })))
  assert.equal(stand.events('FRAGMENTED'), 1)
})

test('an ID of 0 is none that fragments could have', () => {
  const stand = established(NARROW)
  const ids = new Set<number>()
  for (let i = 0; i < 20; i++) {
    const out = sentSegment(put(stand, segment({ ...CLIENT, payload: body(1200) }, { id: 0 })), LAN)
    ids.add(out.id)
  }
  assert.ok(!ids.has(0))
  assert.ok(ids.size > 15, `${ids.size} IDs`)
})

test('only those IP options go into later fragments that are to be copied', () => {
  const stand = established(NARROW)
  // Record route (7) is not copied, router alert (148) is; NOP and the end of the list are neither.
  const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 1, 0x94, 4, 0, 0)
  const out = put(stand, segment({ ...CLIENT, payload: body(2000) }, { options }))
  assert.equal(out.length, 3)
  const headers = out.map(({ bytes }) => bytes.subarray(24 + 20, 24 + (bytes[24] & 15) * 4))
  assert.deepEqual(headers[0], options)
  assert.deepEqual(headers[1], Uint8Array.of(0x94, 4, 0, 0))
  assert.deepEqual(headers[2], headers[1])
  sentWhole(out, LAN)
})

test('a partial checksum is completed before the segment is cut', () => {
  const stand = established(NARROW)
  const packet = segment({ ...CLIENT, payload: body(1400) })
  const pseudo = concat(packet.subarray(12, 20), Uint8Array.of(0, 6, 1420 >> 8, 1420 & 255))
  const sum = 0xffff - checksum(pseudo)
  packet.set([sum >> 8, sum & 255], 20 + 16)
  const frame = ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, packet)
  const vnet = vnetHeader({ flags: 1, csumStart: 34, csumOffset: 16 })
  const out = sentSegment(stand.input(WAN, frame, vnet), LAN)
  assert.deepEqual(out.payload, body(1400))
  assert.deepEqual(out.sizes, [996, 464])
})

test('segments that a kernel is still to make become smaller ones, if DF is clear', () => {
  for (const fragment of [0, 0x4000]) {
    const stand = established(NARROW)
    const packet = segment({ ...CLIENT, payload: body(14_600) }, { fragment })
    const pseudo = concat(packet.subarray(12, 20), Uint8Array.of(0, 6, 14_620 >> 8, 14_620 & 255))
    const sum = 0xffff - checksum(pseudo)
    packet.set([sum >> 8, sum & 255], 20 + 16)
    const vnet = vnetHeader({
      flags: 1,
      csumStart: 34,
      csumOffset: 16,
      gsoType: 1,
      gsoSize: 1460,
      hdrLen: 54,
    })
    const out = stand.input(WAN, ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, packet), vnet)
    if (fragment !== 0) {
      isTooBig(out)
      continue
    }
    assert.equal(out.length, 1)
    assert.ok(out[0].decoded.kind === 'tcp')
    assert.equal(out[0].decoded.vnet.gsoSize, 960)
  }
})

test('what came in fragments waits whole for the MAC of an RS, and is cut when it is there', () => {
  const stand = new Stand()
  const syn = segment({ ...CLIENT, flags: 'S', seq: 1000, ack: 0, payload: body(1000) })
  assert.deepEqual(putAll(stand, pieces(syn, 576)), [])
  assert.equal(stand.verdictName(), 'PARKED')
  const out = stand.arpReply('192.168.168.2', RS_MAC)
  assert.deepEqual(sentSegment(out, LAN).sizes, [572, 20 + 476])
})

test('a fragment with DF keeps its size, and is too big for an arm that is narrower', () => {
  const stand = established(SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 600'))
  const packet = segment({ ...CLIENT, payload: body(2000) }, { fragment: 0x4000 })
  assert.deepEqual(sentSegment(putAll(stand, pieces(packet, 576)), LAN).df, true)
  isTooBig(putAll(stand, pieces(packet, 1500)))
})

const UDP_CONFIG = SEED_CONFIG.replace('protocol: tcp', 'protocol: udp').replace(
  '- name: dpdk1',
  '$&\n    mtu: 1400',
)

test('a datagram of UDP in fragments, there and back, over an arm that is narrower', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const { stats } = stand.engine.dests
  const ends = { src: CLIENT.src, sport: 5000, dst: VIP, dport: 6379, df: false }
  const question = datagram({ ...ends, payload: body(8000) })
  notLost(stand, () => {
    const { packet, sizes } = sentWhole(putAll(stand, pieces(question, 1500).reverse()), LAN)
    assert.deepEqual(sizes, [1396, 1396, 1396, 1396, 1396, 20 + 8008 - 5 * 1376])
    assert.deepEqual(packet.subarray(28), question.subarray(28))
  })
  assert.equal(stand.events('CONNS_OPENED'), 1)
  assert.deepEqual([stats[1], stats[3]], [6, 8028 + 5 * 20])
  const back = { src: RS.src, sport: 6379, dst: RS.dst, dport: 1025, df: false }
  const answer = datagram({ ...back, payload: body(3000) })
  const { packet, sizes } = sentWhole(putAll(stand, pieces(answer, 1400), LAN), WAN)
  assert.deepEqual([...packet.subarray(12, 20)], [202, 108, 10, 1, 202, 108, 10, 2])
  assert.deepEqual(sizes, [1396, 1396, 20 + 3008 - 2 * 1376])
})

test('what is cut again carries no UOA: it goes ahead, alone', () => {
  for (const uoa of ['opp', 'ipo']) {
    const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: ${uoa} }`).resolveRss()
    const ends = { src: CLIENT.src, sport: 5000, dst: VIP, dport: 6379, df: false }
    const question = datagram({ ...ends, payload: body(900) })
    notLost(stand, () => {
      const [ahead, ...out] = putAll(stand, pieces(question, 576))
      assert.ok(ahead.decoded.kind === 'udp')
      assert.equal(ahead.decoded.uoa, `${uoa} ${CLIENT.src}.5000`)
      assert.equal(ahead.decoded.payload.length, 0)
      const { packet, sizes } = sentWhole(out, LAN)
      assert.deepEqual(sizes, [572, 20 + 908 - 552])
      assert.deepEqual(packet.subarray(28), question.subarray(28))
      assert.equal(packet[9], 17)
    })
    assert.deepEqual([stand.events('UOA_ALONE'), stand.events('UOA_ADDED')], [1, 0])
  }
})

test('a datagram whose checksum is wrong opens nothing, however it came', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const ends = { src: CLIENT.src, sport: 5000, dst: VIP, dport: 6379, df: false }
  putAll(stand, pieces(datagram({ ...ends, payload: body(3000), checksum: 1 }), 1500))
  assert.equal(stand.verdictName(), 'UDP_CHECKSUM')
  assert.equal(stand.events('CONNS_OPENED'), 0)
})

test('many datagrams in one frame of a kernel (UDP GSO) are too large, or not: none is cut', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const ends = { src: CLIENT.src, sport: 5000, dst: VIP, dport: 6379, df: false }
  for (const [bytes, verdict] of [
    [1000, 'arm 1'],
    // Its sender is told.
    [1400, 'arm 0'],
  ] as const) {
    const packet = datagram({ ...ends, payload: body(bytes * 3) })
    stand.inputRaw(WAN, offloadUdp(ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, packet), bytes))
    assert.equal(stand.verdictName(), verdict)
  }
})
