/** The ladder: its text against files that show it in full, its rows against what happened. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { CaptureFile } from '../../../src/see/capture/capture-file.ts'
import { momentsOfCapture } from '../../../src/see/capture/capture-moments.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import {
  byConnection,
  Ladder,
  type LadderRow,
  ladderRows,
  type PacketRow,
} from '../../../src/see/ladder/ladder.ts'
import { LadderText } from '../../../src/see/ladder/text.ts'
import type { FrameIn, FrameOut, Moment } from '../../../src/see/moments/moment.ts'
import { CLIENT, SYN as CLIENT_SYN, LAN, RS, WAN } from '../../kit/connection.ts'
import { concat } from '../../kit/frame.ts'
import { Stand } from '../../kit/stand.ts'
import { playRecorded } from '../../kit/transcript.ts'
import '../../kit/utc.ts'

const SYN = '202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1000, win 29200, length 0'
const PLAIN = { width: 80, ascii: true, colours: false, absolute: false, mixed: false }

const transcript = (name: string): Moment[] => playRecorded(name, 5, 7).moments()

/** A SYN that waits for the RS's MAC, and goes on 40 ms later. */
function parked(): Moment[] {
  const stand = new Stand().record()
  stand.segment('dpdk0', SYN)
  stand.pass(40)
  stand.arpReply('192.168.168.2', '52:54:00:00:01:02')
  return stand.moments()
}

/** A SYN whose next hop never answers. */
function unresolved(): Moment[] {
  const stand = new Stand().record()
  stand.segment('dpdk0', SYN)
  stand.pass(10_000)
  return stand.moments()
}

const SCENES: Record<string, () => Moment[]> = {
  'seed-client-close': () => transcript('seed-client-close'),
  'server-close': () => transcript('server-close'),
  'idle-established': () => transcript('idle-established'),
  'retransmitted-syn': () => transcript('retransmitted-syn'),
  'reuse-time-wait': () => transcript('reuse-time-wait'),
  'reuse-half-closed': () => transcript('reuse-half-closed'),
  'reuse-keep': () => transcript('reuse-keep'),
  cut: () => transcript('cut'),
  'nat64-seed-client-close': () => transcript('nat64-seed-client-close'),
  'nat64-errors': () => transcript('nat64-errors'),
  nat: () => transcript('nat'),
  dr: () => transcript('dr'),
  tunnel: () => transcript('tunnel'),
  'snat-ping-errors': () => transcript('snat-ping-errors'),
  'syn-proxy': () => transcript('syn-proxy'),
  'unknown-port': () => transcript('unknown-port'),
  'bare-ack-rst': () => transcript('bare-ack-rst'),
  'parked-syn': parked,
  'unresolved-syn': unresolved,
}

function draw(rows: readonly LadderRow[], options: Partial<typeof PLAIN> = {}): string[] {
  const text = new LadderText({ ...PLAIN, ...options })
  return rows.flatMap(row => text.lines(row))
}

for (const [name, moments] of Object.entries(SCENES)) {
  test(`${name}.txt`, () => {
    const drawn = draw(byConnection(ladderRows(moments()))).map(line => `${line.trimEnd()}\n`)
    const file = join(CHECKOUT, 'test', 'see', 'ladder', 'drawn', `${name}.txt`)
    assert.equal(drawn.join(''), readFileSync(file, 'utf8'))
  })
}

test('from 80 columns on every line fits, in any manner', () => {
  for (const name of Object.keys(SCENES)) {
    const rows = ladderRows(SCENES[name]())
    for (const width of [80, 81, 100, 132, 250]) {
      for (const options of [
        {},
        { ascii: false, absolute: true },
        { mixed: true, absolute: true },
      ]) {
        for (const line of draw(rows, { width, ...options }))
          assert.ok(line.length <= width, `${name} ${width}: ${line.length} ${line}`)
      }
    }
  }
})

test('colours change nothing but the colour', () => {
  const rows = ladderRows(transcript('idle-established'))
  const codes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')
  const coloured = draw(rows, { colours: true })
  assert.ok(coloured.some(line => codes.test(line)))
  assert.deepEqual(
    coloured.map(line => line.replaceAll(codes, '')),
    draw(rows),
  )
})

test('numbers as on the wire stand below the arrows', () => {
  const lines = draw(ladderRows(transcript('seed-client-close')), { absolute: true })
  const below = lines[lines.findIndex(line => line.includes(' S 0 ')) + 1]
  assert.match(below, /\|4164191644 +\| +\|2976553321 +\|$/)
})

test('a stream gives the rows that all moments at once give, also if frames leave late', () => {
  const moments = transcript('seed-client-close')
  const all = ladderRows(moments)
  const stream = (list: readonly Moment[]) => {
    const ladder = new Ladder({ clientArms: ['dpdk0'] })
    return [...list.flatMap(moment => ladder.add(moment)), ...ladder.end()]
  }
  assert.deepEqual(stream(moments), all)
  // A burst: everything comes in before anything leaves.
  const late = [
    ...moments.filter(({ kind }) => kind === 'in'),
    ...moments.filter(({ kind }) => kind !== 'in'),
  ]
  assert.deepEqual(stream(late), all)
})

test('relative numbers are the same on both sides, absolute ones differ by the delta', () => {
  const rows = ladderRows(transcript('seed-client-close')).filter(isPacket)
  assert.equal(rows.length, 10)
  for (const { outer, inner, toward, fate } of rows) {
    assert.ok(outer?.segment && inner?.segment)
    assert.equal(fate, 'sent')
    // A transcript has no sequence numbers of bare ACKs.
    if (outer.segment.payload > 0 || /[SF]/.test(outer.segment.flags))
      assert.equal(outer.seq, inner.seq)
    assert.equal(outer.ack, inner.ack)
    const delta = toward === 'rs' ? 0 : outer.segment.ack - inner.segment.ack
    if (toward === 'client') assert.equal(delta >>> 0, (4164191644 - 2976553321) >>> 0)
  }
  assert.deepEqual(rows.map(({ toward }) => (toward === 'rs' ? '>' : '<')).join(''), '><>><<>><>')
})

test('a frame whose leaving is lost does not keep the others back', () => {
  const moments = transcript('seed-client-close')
  const without = moments.filter(
    moment => moment.kind !== 'out' || moment.pair !== pairOf(moments, 0),
  )
  const ladder = new Ladder({ clientArms: ['dpdk0'] })
  const rows = without.flatMap(moment => ladder.add(moment))
  assert.equal(rows.filter(isPacket).length, 10)
  assert.equal(rows.filter(isPacket)[0].fate, 'unseen')
})

test('endpoints used anew are another connection', () => {
  const moments = transcript('seed-client-close')
  const again = ladderRows([...moments, ...moments])
  const heads = again.filter(({ kind }) => kind === 'conn').map(({ conn }) => conn)
  assert.deepEqual(heads, [1, 2])
  assert.ok(again.slice(again.length / 2).every(({ conn }) => conn === 2))
})

test('a file has the two connections of one port, and what was cut, as they were', () => {
  const arms = ['dpdk0', 'dpdk1'].map(name => ({ name, description: name }))
  const head = { application: '', os: '', comment: '', arms, snaplen: 160, otherArm: '' }
  for (const name of ['reuse-time-wait', 'reuse-keep', 'reuse-half-closed', 'reuse-no-rs', 'cut']) {
    const moments = transcript(name)
    const file = new CaptureFile(head)
    const parts = [...file.begin(), ...moments.flatMap(one => file.moment(one)), ...file.end()]
    const read = momentsOfCapture(readCapture(concat(...parts)))
    const packets = (all: readonly Moment[]) =>
      ladderRows(all)
        .filter(isPacket)
        .map(({ conn, outer, inner, again, fate, reason, stateBefore, state }) => {
          const legs = [outer, inner].map(leg => leg && [leg.seq, leg.ack])
          return { conn, legs, again, fate, reason, stateBefore, state }
        })
    assert.deepEqual(packets(read), packets(moments), name)
    const notes = (all: readonly Moment[]) =>
      draw(ladderRows(all)).filter(line => /(ended|reset)/.test(line))
    assert.deepEqual(notes(read), notes(moments), name)
  }
})

test('a SYN with another number behind a close begins a connection, whatever else is not known', () => {
  for (const name of ['reuse-time-wait', 'reuse-keep', 'reuse-half-closed']) {
    // As from a capture of somebody's own balancer: no states, no words.
    const bare = transcript(name)
      .filter(({ kind }) => kind !== 'event')
      .map(moment => (moment.kind === 'in' ? { ...moment, states: null, said: [] } : moment))
    const rows = ladderRows(bare)
    const ofConn = (row: LadderRow) => row.conn > 0
    const whole = ladderRows(transcript(name))
    const numbers = (all: readonly LadderRow[]) =>
      all
        .filter(ofConn)
        .filter(isPacket)
        .map(({ conn, outer, again }) => [conn, outer?.seq, outer?.ack, again])
    assert.equal(new Set(rows.filter(ofConn).map(({ conn }) => conn)).size, 2, name)
    assert.deepEqual(numbers(rows), numbers(whole), name)
  }
  const late = ladderRows(transcript('reuse-late-syn')).filter(({ kind }) => kind === 'conn')
  assert.equal(late.length, 1)
})

test('a connection is known by the SYN that its RS has answered', () => {
  const stand = new Stand().resolveRss().record()
  stand.segment(WAN, CLIENT_SYN)
  const second = { ...CLIENT_SYN, seq: CLIENT_SYN.seq + 5000 }
  const ack = stand.forward(WAN, second).seq + 1
  const [client, rs] = [
    { ...CLIENT, seq: second.seq + 1 },
    { ...RS, ack },
  ]
  stand.segment(LAN, { ...rs, flags: 'S.', seq: 9000 })
  stand.segment(WAN, { ...client, flags: 'F.' })
  stand.segment(LAN, { ...rs, flags: 'F.', ack: ack + 1 })
  // A late copy of it.
  stand.segment(WAN, second)
  const moments = stand.moments()
  const conns = (all: readonly Moment[]) => ladderRows(all).filter(({ kind }) => kind === 'conn')
  assert.equal(conns(moments).length, 1)
  assert.equal(stand.events('SYN_REUSED'), 0)
})

test('keepalives and retransmissions are told apart', () => {
  const [syn, , ...others] = transcript('idle-established').filter(
    (moment): moment is FrameIn => moment.kind === 'in',
  )
  const data = others.find(({ bytes }) => bytes.length === 14 + 40 + 100)
  assert.ok(data)
  const probe = { ...data, bytes: withSeq(data.bytes.slice(0, 54), 1100) }
  const marks = [syn, data, data, probe].map(frame => ({ ...frame, pair: 0 }))
  assert.deepEqual(
    ladderRows(marks)
      .filter(isPacket)
      .map(({ again }) => again),
    [null, null, 'retransmission', 'keepalive'],
  )
})

test('what an arm refuses is not sent, and says why', () => {
  const moments = transcript('seed-client-close').map(moment =>
    moment.kind === 'out' ? { ...moment, drop: 'tx_queue_full' } : moment,
  )
  const rows = ladderRows(moments)
  assert.ok(
    rows
      .filter(isPacket)
      .every(({ fate, reason }) => fate === 'unsent' && reason === 'tx_queue_full'),
  )
  assert.match(draw(rows).join('\n'), /not sent, tx_queue_full: the device queue was full/)
})

function isPacket(row: LadderRow): row is PacketRow {
  return row.kind === 'packet'
}

function pairOf(moments: readonly Moment[], index: number): number {
  return moments.filter((moment): moment is FrameOut => moment.kind === 'out')[index].pair
}

/** The frame as a bare ACK of this sequence number. */
function withSeq(frame: Uint8Array, seq: number): Uint8Array {
  const view = new DataView(frame.buffer)
  view.setUint16(16, 40)
  view.setUint32(38, seq)
  return frame
}
