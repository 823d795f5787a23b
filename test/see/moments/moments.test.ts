/**
 * The flight recorder and its moments: what a conversation looks like, and that a slow reader is told what it missed.
 * Holds invariant I14.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FlightReader, FlightRing, Want, wantFlight } from '../../../src/engine/flight.ts'
import { BODY_AT, FlightKind } from '../../../src/engine/flight-records.ts'
import type { FrameIn, FrameOut, Moment } from '../../../src/see/moments/moment.ts'
import { momentFromJson, momentToJson } from '../../../src/see/moments/moment-json.ts'
import { RS } from '../../kit/connection.ts'
import { Stand } from '../../kit/stand.ts'
import { playRecorded } from '../../kit/transcript.ts'

// From dist/test/see/moments.
const ENDS = {
  protocol: 'TCP',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
}

const seed = (): Moment[] => playRecorded('seed-client-close', 5, 7).moments()

test('the conversation of the seed: ten frames in, ten out, in pairs', () => {
  const moments = seed()
  const came = moments.filter((moment): moment is FrameIn => moment.kind === 'in')
  const left = moments.filter((moment): moment is FrameOut => moment.kind === 'out')
  assert.deepEqual([came.length, left.length, moments.length], [10, 10, 21])
  const end = moments.at(-1)
  assert.deepEqual([end?.kind, end?.conn], ['event', ENDS])
  assert.deepEqual(
    left.map(({ pair }) => pair),
    came.map(({ pair }) => pair),
  )
  for (const moment of [...came, ...left]) assert.deepEqual(moment.conn, ENDS)
  assert.deepEqual(
    came.map(({ direction, states }) => `${direction} ${states?.before} ${states?.after}`),
    [
      'in null SYN_RECV',
      'out SYN_RECV SYN_RECV',
      'in SYN_RECV ESTABLISHED',
      'in ESTABLISHED ESTABLISHED',
      'out ESTABLISHED ESTABLISHED',
      'out ESTABLISHED ESTABLISHED',
      'in ESTABLISHED ESTABLISHED',
      'in ESTABLISHED CLOSE_WAIT',
      'out CLOSE_WAIT TIME_WAIT',
      'in TIME_WAIT TIME_WAIT',
    ],
  )
  assert.deepEqual(
    came[0]?.said.map(({ event }) => event),
    ['lookup', 'scheduled', 'lport_fetched', 'conn_new', 'state'],
  )
  const synAck = left[1]?.changes.find(({ what }) => what === 'mss')
  assert.deepEqual([synAck?.before, synAck?.after], ['1460', '1452'])
  assert.ok(left[0]?.changes.some(({ what }) => what === 'toa_added'))
  for (const { changes } of left) {
    for (const never of ['payload', 'flags', 'window']) {
      assert.ok(!changes.some(({ what }) => what === never), never)
    }
  }
})

test('a moment goes through JSON and back', () => {
  for (const moment of seed()) {
    const line = JSON.stringify(momentToJson(moment))
    assert.deepEqual(momentFromJson(JSON.parse(line)), moment)
  }
})

test('RSTs on expiry belong to the connection that ended', () => {
  const stand = new Stand().resolveRss().record()
  stand.segment(
    'dpdk0',
    '202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0',
  )
  stand.segment(
    'dpdk1',
    `192.168.168.2.6379 > 192.168.168.7.1025: Flags [S.], seq 7, ack ${RS.ack}, win 100, length 0`,
  )
  stand.segment(
    'dpdk0',
    '202.108.10.2.4000 > 202.108.10.1.6379: Flags [.], ack 8, win 100, length 0',
  )
  stand.moments()
  stand.pass(85_000)
  stand.arpReply('192.168.168.2', '52:54:00:00:01:02')
  stand.pass(10_000)
  const rsts = stand.moments().filter(moment => moment.kind === 'out' && moment.own !== null)
  const ofConn = rsts.filter(moment => (moment as FrameOut).own === 'rst_on_expiry')
  assert.equal(ofConn.length, 2)
  for (const { conn, pair } of ofConn) {
    assert.equal(conn?.client, '202.108.10.2:4000')
    assert.equal(pair, 0)
  }
})

test('a parked SYN leaves later, with the pair that it came with', () => {
  const stand = new Stand().record()
  stand.segment(
    'dpdk0',
    '202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0',
  )
  const [syn] = stand.moments().filter(({ kind }) => kind === 'in') as FrameIn[]
  assert.deepEqual(syn?.verdict, { parked: true })
  stand.arpReply('192.168.168.2', '52:54:00:00:01:02')
  const left = stand.moments().find(({ kind }) => kind === 'out') as FrameOut
  assert.equal(left.pair, syn?.pair)
  assert.equal(left.conn?.client, '202.108.10.2:4000')
})

test('a refused frame names its reason, and what belongs to no connection has none', () => {
  const stand = new Stand().resolveRss().record()
  stand.segment('dpdk0', '202.108.10.2.4000 > 202.108.10.1.81: Flags [S], seq 1, win 100, length 0')
  const [moment] = stand.moments() as FrameIn[]
  assert.deepEqual([moment?.verdict, moment?.conn], [{ drop: 'tcp_no_service' }, null])
})

/** A ring of `cells`, and a reader of it from the beginning. */
function ring(cells: number): { writer: FlightRing; reader: FlightReader } {
  const memory = new SharedArrayBuffer(FlightRing.bytesFor(cells))
  wantFlight(memory, Want.MOMENTS, 65_535)
  const writer = new FlightRing(memory, cells)
  return { writer, reader: new FlightReader(memory, cells, false) }
}

test('whatever the sizes, a reader sees records in order and whole, or is told how many it missed', () => {
  const arena = Int32Array.from({ length: 64 }, (_, i) => i * 3)
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(0)), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(steps, sizes => {
      const { writer, reader } = ring(256)
      let written = 0
      let seen = 0
      const readAll = () => {
        while (reader.next()) {
          const bytes = reader.record[8] ?? 0
          assert.equal(reader.record[5], reader.record[7], 'a torn record')
          assert.equal(reader.record[5], seen + reader.lost)
          assert.equal(reader.bytes.length, bytes)
          for (let i = 0; i < bytes >> 2; i++) assert.equal(reader.record[BODY_AT + i], i * 3)
          seen++
        }
      }
      for (const size of sizes) {
        if (size === 0) readAll()
        else writer.frame(FlightKind.IN, written, written++, size, 0, arena, 0)
        writer.settle()
      }
      readAll()
      assert.equal(seen + reader.lost, written)
    }),
  )
})

test('what is taken back was never there', () => {
  const { writer, reader } = ring(256)
  const arena = new Int32Array(64)
  for (let i = 0; i < 50; i++) {
    writer.frame(FlightKind.IN, i, 0, 100, 0, arena, 0)
    const before = writer.position
    writer.frame(FlightKind.IN, 1000, 0, 200, 0, arena, 0)
    writer.takeBack(before, 1)
    writer.settle()
    assert.ok(reader.next())
    assert.equal(reader.record[5], i)
    assert.ok(!reader.next())
  }
  assert.equal(reader.lost, 0)
})
