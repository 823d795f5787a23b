/** One conversation, spoiled in one way at a time: each is told by its name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyze } from '../../../src/see/analyze/analyze.ts'
import { reportOf } from '../../../src/see/analyze/report.ts'
import { analysisRows } from '../../../src/see/analyze/rows.ts'
import { interfaceBlock, packetBlock, sectionBlock } from '../../../src/see/capture/pcapng.ts'
import type { PacketRow } from '../../../src/see/ladder/ladder.ts'
import {
  analysed,
  around,
  changed,
  DELTA,
  MSS,
  type Seen,
  START_US,
  talk,
} from '../../kit/both-sides.ts'
import { concat, type TcpFields } from '../../kit/frame.ts'
import { pcapOf } from '../../kit/pcap.ts'

/** A long segment as several, as the wire has it. */
function cutUp(segment: Seen): Seen[] {
  const { payload = new Uint8Array(), seq } = segment.fields
  return Array.from({ length: payload.length / MSS }, (_, k) => ({
    ...changed(segment, {
      seq: seq + k * MSS,
      id: (segment.fields.id ?? 0) + k,
      payload: payload.subarray(k * MSS, (k + 1) * MSS),
      flags: (k + 1) * MSS === payload.length ? 'P.' : '.',
    }),
    atUs: segment.atUs + k,
  }))
}

test('nothing is said of a conversation that went well', () => {
  assert.deepEqual(analysed(talk()).codes, [])
})

test('a frame of many segments on one side is not loss on the other, whichever it is', () => {
  for (const side of ['outer', 'inner'] as const) {
    const made = talk()
    made[side].splice(3, 1, ...cutUp(made[side][3]))
    const { codes, report } = analysed(made)
    assert.deepEqual(codes, ['note offload'], side)
    assert.equal(report.connections[0].in.lost, 0)
  }
})

test('of a frame that was cut up, the segment that is missing is told with its bytes', () => {
  const made = talk()
  made.inner.splice(3, 1, ...cutUp(made.inner[3]).toSpliced(4, 1))
  // What the RS has not got it does not acknowledge.
  for (const side of [made.inner, made.outer]) {
    const delta = side === made.inner ? DELTA : 0
    for (const k of side.keys())
      if (
        side[k].fields.sport < 10_000 &&
        side[k].fields.sport !== 1025 &&
        side[k].fields.flags !== 'S.'
      )
        side[k] = changed(side[k], { ack: 1001 + 4 * MSS + delta })
  }
  const { codes, report, analysis } = analysed(made)
  assert.deepEqual(codes, ['loss lost_in', 'note offload'])
  assert.deepEqual([report.connections[0].in.lost, report.connections[0].in.lostBytes], [1, MSS])
  assert.match(
    report.findings[0].examples[0],
    /P\. 1:14481 ack 1 len 14480 id 103 .*, 1448 bytes of it$/,
  )
  assert.ok(
    analysisRows(analysis).some(
      row => row.kind === 'note' && row.text === '1448 bytes of it never left',
    ),
  )
})

test('what the receiver acknowledges was there, though no capture has it', () => {
  const made = talk()
  made.inner.splice(3, 1)
  const { codes, report } = analysed(made)
  assert.deepEqual(codes, ['note missed'])
  assert.match(report.findings[0].text, /^b\.pcap lacks 1 segment that were there/)
  const other = talk()
  other.outer.splice(3, 1)
  assert.match(analysed(other).report.findings[0].text, /^a\.pcap lacks 1 segment/)
})

test('a changed payload, flag, option, sequence number is a fault; a changed window is not', () => {
  const spoil = (at: number, fields: Partial<TcpFields>) => {
    const made = talk()
    made.inner[at] = changed(made.inner[at], fields)
    return analysed(made).codes
  }
  const inner = talk().inner
  const payload = inner[3].fields.payload?.slice() ?? new Uint8Array()
  payload[9000] ^= 1
  assert.deepEqual(spoil(3, { payload }), ['fault payload_changed'])
  assert.deepEqual(spoil(3, { flags: '.' }), ['fault flags_changed'])
  assert.deepEqual(spoil(3, { seq: inner[3].fields.seq + 3 }), ['fault seq_changed'])
  assert.deepEqual(spoil(3, { ack: 9002 }), ['fault ack_changed'])
  assert.deepEqual(spoil(3, { win: 501 }), ['note window_changed'])
  assert.deepEqual(spoil(3, { options: Uint8Array.of(30, 4, 1, 1) }), ['fault options_changed'])
})

test('a TOA that names somebody else is a fault', () => {
  const toa = (port: number) => Uint8Array.of(254, 8, port >> 8, port & 255, 198, 51, 100, 9)
  const made = talk()
  made.inner[0] = changed(made.inner[0], { options: toa(40_000) })
  assert.deepEqual(analysed(made).codes, [])
  made.inner[2] = changed(made.inner[2], { options: toa(40_001) })
  assert.deepEqual(analysed(made).codes, ['fault options_changed'])
})

test('resets of the balancer are its own, not losses', () => {
  const made = talk()
  const cut = { outer: made.outer.slice(0, 7), inner: made.inner.slice(0, 7) }
  const reset = (segment: Seen, seq: number) => ({
    ...changed(segment, { flags: 'R', seq, ack: 0, payload: new Uint8Array(), id: 0 }),
    atUs: START_US + 9e6,
  })
  cut.outer.push(reset(made.outer[5], 9701))
  cut.inner.push(reset(made.inner[3], 1001 + 10 * MSS + DELTA))
  const { codes, report, analysis } = analysed(cut)
  assert.deepEqual(codes, ['note reset_by_balancer'])
  assert.match(report.findings[0].text, /^2 resets/)
  const own = analysisRows(analysis).filter(
    (row): row is PacketRow => row.kind === 'packet' && row.fate === 'own',
  )
  assert.deepEqual(own.map(({ toward }) => toward).sort(), ['client', 'rs'])
})

test('a duplicate of the balancer is a fault, one of the capture is none', () => {
  const made = talk()
  made.inner.splice(4, 0, { ...made.inner[3], atUs: made.inner[3].atUs + 20 })
  assert.deepEqual(analysed(made).codes, ['fault duplicated'])
  const once = talk()
  once.outer.splice(4, 0, { ...once.outer[3], atUs: once.outer[3].atUs + 20 })
  assert.deepEqual(analysed(once).codes, ['note captured_twice'])
})

test('a connection that was never forwarded is on one side only', () => {
  const [good, bad] = [talk(), talk(40_001)]
  const { codes, report } = analysed({
    outer: [...good.outer, bad.outer[0]].sort((a, b) => a.atUs - b.atUs),
    inner: good.inner,
  })
  assert.deepEqual(codes, ['loss alone_outer'])
  assert.deepEqual(report.findings[0].examples, [
    '198.51.100.9:40001 > 203.0.113.1:80, 1 segment, not answered',
  ])
})

test('one capture with both arms is enough, and its clock is one', () => {
  const made = talk()
  const both = [...made.outer, ...made.inner].sort((a, b) => a.atUs - b.atUs)
  const analysis = analyze({ name: 'any.pcap', bytes: around(both) })
  const report = reportOf(analysis)
  assert.deepEqual(report.findings, [])
  assert.deepEqual([report.clock.same, report.clock.offset], [true, 0])
  assert.equal(report.connections[0].lip, '10.0.0.7:1025')
  assert.equal(report.delays.in?.p50Us, 50)
  assert.equal(report.delays.out?.p50Us, 50)
})

test('whatever is in front of IP, the same is found, and of MACs that are not there nothing is said', () => {
  const made = () => {
    const { outer, inner } = talk()
    for (const { frame } of inner) frame[5] ^= 1
    return { outer, inner }
  }
  const whole = analysed(made())
  assert.notEqual(whole.report.connections[0].macs, null)
  const fronts: [number, number[]][] = [
    [101, []],
    [0, [2, 0, 0, 0]],
    [108, [0, 0, 0, 2]],
    [113, [0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 8, 0]],
    [276, [8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0]],
  ]
  for (const [link, front] of fronts) {
    const as = (name: string, packets: readonly Seen[]) => {
      const behind = ({ atUs, frame }: Seen) => {
        return { atUs, frame: concat(Uint8Array.from(front), frame.subarray(14)) }
      }
      return { name, bytes: pcapOf(packets.map(behind), link) }
    }
    const { outer, inner } = made()
    const analysis = analyze(as('a.pcap', outer), as('b.pcap', inner))
    const { connections } = reportOf(analysis)
    assert.deepEqual(
      connections,
      [{ ...connections[0], clientDelta: DELTA, macs: null }],
      `${link}`,
    )
    assert.deepEqual([connections[0].in.lost, connections[0].out.lost], [0, 0])
    const changes = analysisRows(analysis).flatMap(row =>
      row.kind === 'packet' ? row.changes.map(({ what }) => what) : [],
    )
    assert.ok(changes.includes('seq') && !changes.includes('mac'), `${link}`)
    // One side with MACs and the other without is no change of MACs either.
    const mixed = analyze({ name: 'a.pcap', bytes: around(outer) }, as('b.pcap', inner))
    assert.equal(reportOf(mixed).connections[0].macs, null)
  }
})

test('packets of a link type that is not read are told by its number and name', () => {
  const wifi = interfaceBlock('wlan0', '', 0)
  new DataView(wifi.buffer).setUint16(8, 105, true)
  const blocks = talk().outer.map(({ frame: bytes, atUs }, k) =>
    packetBlock({
      atUs,
      interface: k === 0 ? 1 : 0,
      direction: 'in',
      length: bytes.length,
      bytes,
      comments: [],
      lost: 0,
    }),
  )
  const parts = [
    sectionBlock({ application: '', os: '', comment: '' }),
    interfaceBlock('eth0', '', 0),
  ]
  const { findings } = reportOf(
    analyze({ name: 'two.pcapng', bytes: concat(...parts, wifi, ...blocks) }),
  )
  const told = findings.filter(({ code }) => code === 'link_type').map(({ text }) => text)
  assert.deepEqual(told, ['two.pcapng: 1 packet of link type 105 (IEEE 802.11) passed over'])
})

test('VLAN tags and short captures change nothing', () => {
  const made = talk()
  const tag = (frame: Uint8Array) =>
    concat(frame.slice(0, 12), Uint8Array.of(0x81, 0, 0, 5), frame.slice(12))
  made.outer = made.outer.map(segment => ({ ...segment, frame: tag(segment.frame), snaplen: 80 }))
  made.inner = made.inner.map(segment => ({ ...segment, snaplen: 96 }))
  const { codes, report } = analysed(made)
  assert.deepEqual(codes, [])
  assert.equal(report.connections[0].clientDelta, DELTA)
})

test('nothing is said of what is before or behind the other capture', () => {
  const made = talk()
  const bytes = pcapOf(made.inner.slice(2, 8))
  const report = reportOf(
    analyze({ name: 'a.pcap', bytes: around(made.outer) }, { name: 'b.pcap', bytes }),
  )
  assert.deepEqual(
    report.findings.map(({ code }) => code),
    ['outside'],
  )
  assert.equal(report.connections[0].clientDelta, DELTA)
})

test('a port that is used again is another connection', () => {
  const later = (segment: Seen, port: number): Seen => ({
    ...changed(segment, {
      seq: segment.fields.seq + 5_000_000,
      ack: segment.fields.ack ? segment.fields.ack + 5_000_000 : 0,
      ...(segment.fields.sport === 1025 ? { sport: port } : {}),
      ...(segment.fields.dport === 1025 ? { dport: port } : {}),
    }),
    atUs: segment.atUs + 8e6,
  })
  const made = talk()
  const both = {
    outer: [...made.outer, ...made.outer.map(segment => later(segment, 1025))],
    inner: [...made.inner, ...made.inner.map(segment => later(segment, 1026))],
  }
  const { codes, report } = analysed(both)
  assert.deepEqual(codes, [])
  assert.deepEqual(
    report.connections.map(({ client, lip }) => `${client} ${lip}`),
    ['198.51.100.9:40000 10.0.0.7:1025', '198.51.100.9:40000 10.0.0.7:1026'],
  )
})
