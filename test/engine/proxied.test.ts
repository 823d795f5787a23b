/**
 * Headers of the PROXY protocol where a transcript cannot say it: bytes, offloads, datagrams, headers of clients, what is left in the
 * record. The sequence space is in transcripts/proxy-*.txt, and whole conversations in sim/sim.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { CELL, HEADER_DUE, RECORD } from '../../src/engine/conn-layout.ts'
import { Event } from '../../src/engine/counters.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { CLIENT, frameOf, LAN, open, RS, SYN, WAN } from '../kit/connection.ts'
import type { DecodedTcp, DecodedUdp } from '../kit/decode.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { offload } from '../kit/frame.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const with_ = (mode: string, config = SEED_CONFIG) =>
  config.replace('scheduler: wrr', `scheduler: wrr\n    proxy_protocol: ${mode}`)
const V1 = 'PROXY TCP4 202.108.10.2 202.108.10.1 33896 6379\r\n'
const V2 = '0d0a0d0a000d0a515549540a2111000cca6c0a02ca6c0a01846818eb'
const OWN_V1 = 'PROXY TCP4 192.0.2.1 192.0.2.2 80 81\r\n'
const OWN_V2 = '0d0a0d0a000d0a515549540a2111000cc0000201c000020200500051'
const bytes = (text: string) => Buffer.from(text, 'latin1')
const binary = (hex: string) => Buffer.from(hex, 'hex')

/** A client whose handshake is done. */
function begun(mode: string, around: object = {}): Stand {
  const stand = new Stand(with_(mode), undefined, around).resolveRss()
  open(stand)
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
  stand.segment(WAN, CLIENT)
  return stand
}

function payloadOf(stand: Stand, payload: Uint8Array): Buffer {
  return Buffer.from(stand.forward(WAN, { ...CLIENT, flags: 'P.', payload }).payload)
}

const [BODY, OURS_V1, OURS_V2] = [bytes('GET / HTTP/1.0\r\n\r\n'), bytes(V1), binary(V2)]
const HEADERS: [mode: string, own: Uint8Array, told: Uint8Array, event: keyof typeof Event][] = [
  ['v1', bytes(''), OURS_V1, 'PROXY_ADDED'],
  ['v2', bytes(''), OURS_V2, 'PROXY_ADDED'],
  ['v1-insecure', bytes(''), OURS_V1, 'PROXY_ADDED'],
  ['v2-insecure', bytes(''), OURS_V2, 'PROXY_ADDED'],
  ['v1', bytes(OWN_V1), OURS_V1, 'PROXY_REPLACED'],
  ['v1', binary(OWN_V2), OURS_V1, 'PROXY_REPLACED'],
  ['v2', bytes(OWN_V1), OURS_V2, 'PROXY_REPLACED'],
  ['v2', binary(OWN_V2), OURS_V2, 'PROXY_REPLACED'],
  ['v1-insecure', bytes(OWN_V1), bytes(OWN_V1), 'PROXY_KEPT'],
  ['v1-insecure', binary(OWN_V2), bytes(OWN_V1), 'PROXY_REPLACED'],
  ['v2-insecure', bytes(OWN_V1), binary(OWN_V2), 'PROXY_REPLACED'],
  ['v2-insecure', binary(OWN_V2), binary(OWN_V2), 'PROXY_KEPT'],
]
for (const [mode, own, told, event] of HEADERS) {
  test(`${mode}, and ${own.length} bytes of the client's own header: ${told.length} at the RS`, () => {
    const stand = begun(mode)
    const said = Buffer.concat([own, BODY])
    for (let i = 0; i < 2; i++)
      assert.equal(
        payloadOf(stand, said).toString('latin1'),
        Buffer.concat([told, BODY]).toString('latin1'),
      )
    assert.ok(stand.engine.counters.events[Event[event]])
    // What follows, and what acknowledges it, is moved by the difference; before and after the RS has the header.
    const seq = CLIENT.seq + said.length
    for (let i = 0; i < 2; i++) {
      const next = stand.forward(WAN, { ...CLIENT, seq, payload: bytes('x') })
      assert.equal(next.seq, (RS.ack + told.length + BODY.length) >>> 0)
      const ack = stand.forward(LAN, { ...RS, ack: (next.seq + 1) >>> 0 })
      assert.equal(ack.ack, seq + 1)
    }
  })
}

test('the FIN of a client whose header has become longer is heard', () => {
  const stand = begun('v1-insecure')
  const own = binary(`0d0a0d0a000d0a515549540a21210024${'ff'.repeat(36)}`)
  const said = Buffer.concat([own, BODY])
  const told = payloadOf(stand, said)
  const grown = told.length - said.length - OURS_V1.length
  assert.ok(grown > 1, `${grown} bytes more than delta knows of`)
  stand.forward(LAN, { ...RS, ack: (RS.ack + told.length) >>> 0 })
  const seq = CLIENT.seq + said.length
  const fin = stand.forward(WAN, { ...CLIENT, flags: 'F.', seq })
  assert.equal(fin.seq, (RS.ack + told.length) >>> 0)
  assert.equal(stand.engine.conns.table.state(0), State.CLOSE_WAIT)
})

test('a header of its own that is longer than a segment, and comes again in pieces, is replaced by the first of them', () => {
  const own = Buffer.concat([binary(OWN_V2.replace('000c', '07d0')), new Uint8Array(2016 - 28)])
  for (const [mode, told] of [
    ['v1', OURS_V1],
    ['v2', OURS_V2],
    ['v1-insecure', bytes(OWN_V1)],
  ] as const) {
    const stand = begun(mode)
    const payload = Buffer.concat([own, BODY])
    const [out] = stand.inputRaw(WAN, offload(frameOf(stand, 'in', { payload, flags: 'P.' }), 1448))
    const whole = out?.decoded as DecodedTcp
    assert.deepEqual(Buffer.from(whole.payload), Buffer.concat([told, BODY]))
    const piece = stand.forward(WAN, { ...CLIENT, payload: payload.subarray(0, 1448) })
    assert.deepEqual(Buffer.from(piece.payload), told, mode)
    assert.equal(piece.seq, RS.ack)
    // To the client all of its header has arrived, and it goes on behind it.
    const ack = stand.forward(LAN, { ...RS, ack: (RS.ack + told.length) >>> 0 })
    assert.equal(ack.ack, CLIENT.seq + own.length)
    const next = stand.forward(WAN, { ...CLIENT, seq: CLIENT.seq + own.length, payload: BODY })
    assert.equal(next.seq, (RS.ack + told.length) >>> 0)
  }
})

test('what is too short to tell what the client has said does not go on', () => {
  const stand = begun('v2-insecure')
  payloadOf(stand, Buffer.concat([bytes(OWN_V1), BODY]))
  stand.segment(WAN, { ...CLIENT, payload: bytes(OWN_V1.slice(0, 20)) })
  assert.equal(stand.verdictName(), 'TCP_PROXY_ORDER')
})

test('a part of a header of its own is not taken for one', () => {
  const stand = begun('v2-insecure')
  assert.deepEqual(payloadOf(stand, bytes('PROXY TC')), Buffer.concat([OURS_V2, bytes('PROXY TC')]))
  // What was settled stays: the RS may have that already.
  const whole = payloadOf(stand, bytes(OWN_V1))
  assert.deepEqual(whole, Buffer.concat([OURS_V2, bytes(OWN_V1)]))
})

test('a client of 100,000 bytes: a frame that is to be segmented has the header too', () => {
  for (const [mode, header] of [
    ['v1', OURS_V1],
    ['v2', OURS_V2],
  ] as const) {
    const stand = begun(mode)
    const payload = new Uint8Array(60_000).map((_, i) => i * 7)
    const frame = frameOf(stand, 'in', { payload, flags: 'P.' })
    const [out] = stand.inputRaw(WAN, offload(frame, 1448))
    const decoded = out?.decoded as DecodedTcp
    assert.deepEqual(Buffer.from(decoded.payload), Buffer.concat([header, payload]))
    assert.equal(stand.engine.counters.events[Event.PROXY_ALONE], 0)
  }
})

test('a frame of 64 KiB has no room for it: it goes ahead', () => {
  const stand = begun('v2')
  const payload = new Uint8Array(65_535 - 40)
  const out = stand.inputRaw(WAN, offload(frameOf(stand, 'in', { payload, flags: 'P.' }), 1448))
  assert.deepEqual(
    out.map(({ decoded }) => (decoded as DecodedTcp).payload.length),
    [28, payload.length],
  )
})

test('what was spoilt on its way is not made good', () => {
  const stand = begun('v1')
  const frame = frameOf(stand, 'in', { flags: 'P.', payload: BODY })
  frame[frame.length - 1] ^= 1
  assert.equal(stand.input(WAN, frame).length, 0)
  assert.equal(stand.verdictName(), 'TCP_CHECKSUM')
})

test('urgent bytes stay where they are in the stream', () => {
  const stand = begun('v2')
  const [out] = stand.segment(WAN, { ...CLIENT, flags: 'PU.', urgent: 3, payload: BODY })
  const frame = Buffer.from(out?.bytes ?? [])
  assert.equal(frame.readUInt16BE(10 + 14 + 20 + 18), 28 + 3)
})

test('a record says all of it to the engine that follows, before the header and after it', () => {
  for (const sent of [false, true]) {
    const connMemory = new ArrayBuffer(connBytes(262_144))
    const first = begun('v1', { connMemory })
    const said = Buffer.concat([binary(OWN_V2), BODY])
    if (sent) payloadOf(first, said)
    const next = new Stand(with_('off'), undefined, {
      connMemory: connMemory.slice(0),
    }).resolveRss()
    assert.deepEqual(adoptRecords(next.engine, next.now), { conns: 1, cleared: 0 })
    assert.deepEqual(payloadOf(next, said), Buffer.concat([OURS_V1, BODY]))
  }
})

test('a record that knows of no header but has the bit is cleared', () => {
  const connMemory = new ArrayBuffer(connBytes(262_144))
  const first = begun('off', { connMemory })
  first.engine.conns.table.cells[RECORD.at(0) | CELL.BINDING] |= HEADER_DUE
  const next = new Stand(with_('off'), undefined, { connMemory: connMemory.slice(0) }).resolveRss()
  assert.deepEqual(adoptRecords(next.engine, next.now), { conns: 0, cleared: 1 })
})

const { src, sport, dst, dport } = SYN
const QUERY = { src, sport, dst, dport, payload: bytes('hello') }
const UDP_OURS = V2.replace('2111', '2112')

function datagrams(stand: Stand, fields: object): Buffer[] {
  return stand
    .datagram(WAN, { ...QUERY, ...fields })
    .map(({ decoded }) => Buffer.from((decoded as DecodedUdp).payload))
}

test('UDP: the first datagram has it, and there is no UOA', () => {
  const stand = new Stand(with_('v2', `${UDP_CONFIG}\nudp: { uoa: opp }\n`)).resolveRss()
  assert.deepEqual(datagrams(stand, {}), [Buffer.concat([binary(UDP_OURS), bytes('hello')])])
  assert.deepEqual(datagrams(stand, {}), [bytes('hello')])
  assert.equal(stand.engine.counters.events[Event.UOA_ADDED], 0)
})

test('UDP: without room the first goes without, and no other one has it', () => {
  const stand = new Stand(with_('v2', UDP_CONFIG)).resolveRss()
  const large = new Uint8Array(1470)
  assert.deepEqual(datagrams(stand, { payload: large }), [Buffer.from(large)])
  assert.deepEqual(datagrams(stand, {}), [bytes('hello')])
  assert.equal(stand.engine.counters.events[Event.PROXY_NO_ROOM], 1)
})

test("UDP: a client's own header is replaced, or kept", () => {
  const payload = Buffer.concat([binary(OWN_V2.replace('2111', '2112')), bytes('hello')])
  const secure = new Stand(with_('v2', UDP_CONFIG)).resolveRss()
  assert.deepEqual(datagrams(secure, { payload }), [
    Buffer.concat([binary(UDP_OURS), bytes('hello')]),
  ])
  const insecure = new Stand(with_('v2-insecure', UDP_CONFIG)).resolveRss()
  assert.deepEqual(datagrams(insecure, { payload }), [payload])
})

test('UDP: each datagram of a service with one_packet has one', () => {
  const config = UDP_CONFIG.replace('protocol: udp', 'protocol: udp\n    one_packet: true')
  const stand = new Stand(with_('v2', config)).resolveRss()
  for (let i = 0; i < 2; i++) assert.equal(datagrams(stand, {})[0]?.length, 28 + 5)
})
