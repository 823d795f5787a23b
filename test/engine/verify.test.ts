/**
 * Whom the engine believes: what a third party throws into a conversation, corrupt or out of every window, moves nothing; what
 * honest ends send, again, late or from another gateway, does.
 * Holds invariant I7.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CELL, KEY } from '../../src/engine/conn-layout.ts'
import { Outcome } from '../../src/engine/outcomes.ts'
import { SessionRing } from '../../src/engine/sessions.ts'
import { State } from '../../src/engine/tcp-state.ts'
import {
  ARM,
  CLIENT,
  type Dir,
  established,
  frameOf,
  LAN,
  open,
  RS,
  SYN,
  WAN,
} from '../kit/connection.ts'
import { concat, mac, offload, type TcpFields, vnetHeader } from '../kit/frame.ts'
import { CLIENT_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'
import { tcp } from '../kit/talk.ts'

const OTHER_MAC = '52:54:00:00:00:99'
const FAR = 0x5000_0000
/** tcp.window_most. */
const WINDOW = 32 << 20

/** Ethernet frame with bits of its TCP checksum flipped. */
function spoilt(frame: Uint8Array): Uint8Array {
  const copy = frame.slice()
  copy[14 + 20 + 16] ^= 0x5a
  return copy
}

function stateOf({ engine }: Stand, conn = 0): string | undefined {
  return Object.entries(State).find(([, n]) => n === engine.conns.table.state(conn))?.[0]
}

/** Of the conn that all of these tests open. */
function macOf({ engine }: Stand): string {
  const { cells } = engine.conns.table
  const word = cells[CELL.WORD] >>> 16
  return (
    word.toString(16).padStart(4, '0') + (cells[CELL.MAC_LO] >>> 0).toString(16).padStart(8, '0')
  )
}

const hexOf = (text: string) => Buffer.from(mac(text)).toString('hex')

test('two SYNs a second with a wrong checksum do not count against any RS, and open nothing', () => {
  const stand = new Stand().resolveRss()
  for (let i = 0; i < 120; i++) {
    stand.input(WAN, spoilt(frameOf(stand, 'in', { ...SYN, sport: 10_000 + i })))
    assert.equal(stand.verdictName(), 'TCP_CHECKSUM')
    stand.pass(500)
  }
  stand.pass(40_000)
  assert.equal(stand.events('CONNS_OPENED'), 0)
  assert.equal(stand.engine.outcomes.cells[Outcome.FAILED], 0)
  assert.equal(stand.drops('TCP_CHECKSUM'), 120)
})

test('a SYN of which the checksum is partial, or to be cut up, has none to verify', () => {
  for (const gsoSize of [0, 1000]) {
    const stand = established(SEED_CONFIG, frame => offload(frame, gsoSize))
    assert.equal(stateOf(stand), 'ESTABLISHED')
  }
})

test('the return path moves with a good segment in the window, and with no other', () => {
  const from = { srcMac: OTHER_MAC }
  for (const [name, bytes, moves] of [
    ['a wrong checksum', (stand: Stand) => spoilt(frameOf(stand, 'in', from)), false],
    [
      'a number out of every window',
      (stand: Stand) => frameOf(stand, 'in', { ...from, seq: 1001 + FAR }),
      false,
    ],
    [
      'an ack of what was never sent',
      (stand: Stand) => frameOf(stand, 'in', { ...from, ack: 9001 + FAR }),
      false,
    ],
    ['a good one', (stand: Stand) => frameOf(stand, 'in', from), true],
    // The gateway has failed, and with it went the answers: the client sends again what its RS has acknowledged.
    [
      'a retransmission',
      (stand: Stand) => frameOf(stand, 'in', { ...from, seq: 1001 - 500_000 }),
      true,
    ],
    ['a keepalive', (stand: Stand) => frameOf(stand, 'in', { ...from, seq: 1000 }), true],
    [
      'the largest window ahead',
      (stand: Stand) => frameOf(stand, 'in', { ...from, seq: 1001 + WINDOW }),
      true,
    ],
    [
      'one byte further',
      (stand: Stand) => frameOf(stand, 'in', { ...from, seq: 1002 + WINDOW }),
      false,
    ],
  ] as const) {
    const stand = established()
    stand.input(WAN, bytes(stand))
    stand.collect()
    assert.equal(macOf(stand), hexOf(moves ? OTHER_MAC : CLIENT_MAC), name)
    const back = stand.forward(LAN, RS)
    assert.equal(back.dstMac, moves ? OTHER_MAC : CLIENT_MAC, name)
  }
})

test('who sends a wrong checksum is dropped by name, who sends an impossible number goes on and moves nothing', () => {
  for (const [dir, change] of [
    ['in', { flags: 'R', seq: 1001 }],
    ['in', { flags: 'F.' }],
    ['out', { flags: 'R', seq: 9001 }],
    ['out', { flags: 'F.' }],
    ['out', { flags: 'S.', seq: 9000 }],
    // Out of order, so it would move what RSTs on expiry say.
    ['out', { seq: 9101 }],
  ] as const) {
    const stand = established()
    const before = stand.engine.conns.table.cells.slice(0, 16)
    const unmoved = () => assert.deepEqual(stand.engine.conns.table.cells.slice(0, 16), before)
    stand.pass(1000)
    stand.input(ARM[dir], spoilt(frameOf(stand, dir, change)))
    assert.equal(stand.verdictName(), 'TCP_CHECKSUM')
    unmoved()
    const seq = ((change as TcpFields).seq ?? (dir === 'in' ? 1001 : 9001)) + FAR
    assert.equal(stand.input(ARM[dir], frameOf(stand, dir, { ...change, seq })).length, 1)
    unmoved()
    stand.input(ARM[dir], frameOf(stand, dir, change))
    assert.notDeepEqual(stand.engine.conns.table.cells.slice(0, 16), before)
  }
})

test('a segment that acknowledges far more than it can, and is spoilt, moves nothing for good', () => {
  const stand = established()
  // It is the next one of its RS but for a bit of its ack, 1 MiB ahead; an honest one follows.
  const ahead = frameOf(stand, 'out', { ack: RS.ack + (1 << 20) })
  assert.equal(stand.input(LAN, spoilt(ahead)).length, 0)
  assert.equal(stand.verdictName(), 'TCP_CHECKSUM')
  stand.input(LAN, frameOf(stand, 'out', { payload: Uint8Array.of(1) }))
  // So the client's RST is believed, and its port is free for another connection.
  stand.input(WAN, frameOf(stand, 'in', { flags: 'R' }))
  assert.equal(stateOf(stand), 'CLOSE')
})

test('an RS that refuses a SYN is believed only if it acknowledges it', () => {
  const failed = ({ engine }: Stand) => engine.outcomes.cells[Outcome.FAILED]
  for (const change of [
    { seq: 0, ack: RS.ack + FAR },
    { seq: 0, flags: 'R' },
  ]) {
    const stand = new Stand().resolveRss()
    open(stand)
    stand.segment(LAN, { ...RS, flags: 'R.', ...change })
    assert.deepEqual([stateOf(stand), failed(stand)], ['SYN_RECV', 0])
    stand.segment(LAN, { ...RS, flags: 'R.', seq: 0 })
    assert.deepEqual([stateOf(stand), failed(stand)], ['CLOSE', 1])
  }
})

test('a SYN that begins a connection anew may have any number, and its RS is believed with the new ones', () => {
  for (const answer of ['S.', 'R.']) {
    const stand = established()
    stand.segment(WAN, { ...CLIENT, flags: 'F.' })
    stand.segment(LAN, { ...RS, flags: 'F.' })
    assert.equal(stateOf(stand), 'TIME_WAIT')
    const syn = stand.forward(WAN, { ...SYN, seq: 1000 + 2 * FAR })
    const conn = stand.engine.conns.table.find(KEY.TCP, ...tupleOf(CLIENT)) >> 1
    const ends = { ...RS, dst: syn.src, dport: syn.sport }
    stand.segment(LAN, {
      ...ends,
      flags: answer,
      seq: answer === 'S.' ? 4_000_000_000 : 0,
      ack: syn.seq + 1,
    })
    if (answer === 'R.') {
      assert.equal(stateOf(stand, conn), 'CLOSE')
      continue
    }
    stand.segment(WAN, { ...CLIENT, seq: 1001 + 2 * FAR, ack: 4_000_000_001 })
    assert.equal(stateOf(stand, conn), 'ESTABLISHED')
  }
})

function tupleOf({ src, dst, sport, dport }: TcpFields): [number, number, number] {
  const int = (text: string) => text.split('.').reduce((sum, byte) => (sum << 8) | Number(byte), 0)
  return [int(src), int(dst), (sport << 16) | dport]
}

test('a client that gives up and begins once more, before its RS has answered, is answered', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  stand.pass(10_000)
  // An RS that has not answered is asked for by ARP as well.
  const [syn] = tcp(stand.segment(WAN, { ...SYN, seq: 1000 + 2 * FAR }))
  assert.ok(syn)
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
  stand.segment(WAN, { ...CLIENT, seq: 1001 + 2 * FAR })
  assert.equal(stateOf(stand), 'ESTABLISHED')
})

test('a conversation of 4 GiB each way is believed to its end', () => {
  const stand = established()
  const STEP = 0x0200_0000
  let [seq, ack, rsAck] = [1001, 9001, RS.ack]
  for (let i = 0; i < 140; i++) {
    seq = (seq + STEP) >>> 0
    stand.forward(WAN, { ...CLIENT, seq, ack })
    ack = (ack + STEP) >>> 0
    rsAck = (rsAck + STEP) >>> 0
    stand.forward(LAN, { ...RS, seq: ack, ack: rsAck })
  }
  stand.forward(WAN, { ...CLIENT, flags: 'F.', seq, ack })
  assert.equal(stateOf(stand), 'CLOSE_WAIT')
  stand.forward(LAN, { ...RS, flags: 'F.', seq: ack, ack: rsAck })
  assert.equal(stateOf(stand), 'TIME_WAIT')
})

/** What a third party throws in: anything with a wrong checksum, or with numbers that no window reaches. */
const thrown = fc.record({
  dir: fc.constantFrom<Dir>('in', 'out'),
  flags: fc.constantFrom('S', 'S.', '.', 'P.', 'F.', 'R', 'R.', '', 'SF', 'FPU'),
  how: fc.constantFrom('corrupt', 'far'),
  by: fc.integer({ min: 0x4000_1000, max: 0xbfff_f000 }),
  near: fc.integer({ min: -100_000, max: 100_000 }),
  payload: fc.uint8Array({ maxLength: 20 }),
  own: fc.boolean(),
})

test('whatever a third party throws into a conversation, all is as it would be without', () => {
  const alone = talk([])
  fc.assert(
    fc.property(fc.array(fc.array(thrown, { maxLength: 6 }), { maxLength: 8 }), all => {
      assert.deepEqual(talk(all), alone)
    }),
    { numRuns: 60 },
  )
})

/** A conversation, with what somebody else throws in behind each of its segments. => What was known behind each, and in the end */
function talk(all: readonly ThrownFrame[][]): ReturnType<typeof recordOf>[] {
  const stand = listened()
  const records = conversation().map(([dir, change], i) => {
    stand.input(ARM[dir], frameOf(stand, dir, change))
    for (const frame of all[i] ?? []) throwIn(stand, frame, i)
    const record = recordOf(stand)
    stand.pass(300, 100)
    return record
  })
  stand.pass(9000, 100)
  assert.equal(stand.engine.conns.table.used, 0)
  return [...records, recordOf(stand)]
}

/** With the table of sessions, and small in all else: there are many of them. */
function listened(): Stand {
  const sessions = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(16)), 16)
  const lports = { mask: 63, residue: RS.dport & 63 }
  const config = `${SEED_CONFIG}\nconnections: { table_size: 16 }`
  return new Stand(config, undefined, { sessions, lports }).resolveRss()
}

function conversation(): [Dir, Partial<TcpFields>][] {
  return [
    ['in', SYN],
    ['out', { flags: 'S.', seq: 9000 }],
    ['in', {}],
    ['in', { flags: 'P.', payload: new Uint8Array(100) }],
    ['out', { flags: 'P.', ack: RS.ack + 100, payload: new Uint8Array(50) }],
    ['in', { flags: 'F.', seq: 1101, ack: 9051 }],
    ['out', { flags: 'F.', seq: 9051, ack: RS.ack + 101 }],
    ['in', { seq: 1102, ack: 9052 }],
  ]
}

function throwIn(
  stand: Stand,
  { dir, flags, how, by, near, payload, own }: ThrownFrame,
  step: number,
): void {
  // A good SYN where no conversation stands begins one, whoever sends it.
  if (how === 'far' && dir === 'in' && flags === 'S' && (step < 2 || step > 4)) return
  // A second SYN+ACK may be the answer to a client that has begun once more.
  if (how === 'far' && dir === 'out' && flags === 'S.' && step === 1) return
  const base = dir === 'in' ? { seq: 1001, ack: 9001 } : { seq: 9001, ack: RS.ack }
  const off = how === 'far' ? by : near
  const change = { flags, payload, seq: (base.seq + off) >>> 0, ack: (base.ack + off) >>> 0 }
  // Of the next one in order the two numbers are taken unsummed, and one like those before refreshes the timer.
  if (how === 'corrupt' && !isJudged(stand, dir, change, own)) return
  if (how === 'far' && dir === 'in' && /^P?\.$/.test(flags) && own) return
  const frame = frameOf(stand, dir, own ? change : { ...change, srcMac: OTHER_MAC })
  stand.judge(ARM[dir], concat(vnetHeader(), how === 'corrupt' ? spoilt(frame) : frame))
  stand.collect()
}

type ThrownFrame = typeof thrown extends fc.Arbitrary<infer T> ? T : never

function isJudged(
  stand: Stand,
  dir: Dir,
  { flags, seq }: { flags: string; seq: number },
  own: boolean,
): boolean {
  if (!/^P?\.$/.test(flags)) return true
  if (dir === 'in') return !own
  return stand.engine.conns.table.cells[CELL.RST_SEQ] >>> 0 !== seq
}

/** All that a connection, the health of its RS and its neighbour come to. */
function recordOf({ engine }: Stand) {
  const { conns, outcomes, counters, neighs, sessions, lips } = engine
  const session = sessions?.save(1)
  return {
    conn: [...conns.table.cells.subarray(0, 16)],
    outcomes: [...outcomes.cells],
    states: [...counters.states],
    handshakes: [...counters.handshakes],
    neighbours: [
      ...counters.neighbours,
      ...neighs.macLo.subarray(0, 2),
      ...neighs.state.subarray(0, 2),
    ],
    cold: [...conns.table.cold.subarray(0, 4)],
    // Not the packets and bytes, which count whatever passes: when the last came each way.
    session: session && { last: [session.flows[4], session.flows[12]], cells: session.cells },
    lports: lips[0].used,
  }
}
