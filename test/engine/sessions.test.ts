/** What is told of connections that have ended, and that nothing is kept when nobody wants it. Holds invariant I15. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Session, SessionReading } from '../../src/control/sessions/words.ts'
import { FlowStats } from '../../src/engine/flow-stats.ts'
import { LongClock } from '../../src/engine/long-clock.ts'
import { Stat } from '../../src/engine/service.ts'
import { SessionRing, Sessions } from '../../src/engine/sessions.ts'
import { ARM, CLIENT, type Dir, frameOf, RS, SYN } from '../kit/connection.ts'
import { offload, type TcpFields } from '../kit/frame.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

/** A stand whose connections are recorded, with the ends of its connection. */
class Recorded {
  readonly ring: SessionRing
  readonly stand: Stand
  #delta = 0
  #rs = RS

  constructor(records = 64) {
    this.ring = new SessionRing(new SharedArrayBuffer(SessionRing.bytesFor(records)), records)
    this.stand = new Stand(SEED_CONFIG, undefined, { sessions: this.ring }).resolveRss()
  }

  /** A segment from the client ('in') or the RS ('out'), after `ms`. */
  send(dir: Dir, change: Partial<TcpFields>, ms = 0): void {
    this.stand.now += ms
    const base = dir === 'in' ? CLIENT : this.#rs
    const seen = this.stand.forward(ARM[dir], { ...base, ...change })
    if (dir === 'out' || change.flags !== 'S') return
    this.#delta = seen.seq
    this.#rs = { ...RS, dport: seen.sport, ack: this.#delta + 1 }
  }

  open(): void {
    this.send('in', SYN)
    this.send('out', { flags: 'S.', seq: 9000 }, 7)
    this.send('in', {}, 5)
  }

  /** Sessions since the last call; the wall is the engine's clock. */
  ended(): Session[] {
    const reading = new SessionReading()
    const sessions: Session[] = []
    while (this.ring.read(reading.cells)) sessions.push(reading.session(ms => ms))
    return sessions
  }

  /** Lets all time out. => The one session */
  one(ms = 120_000): Session {
    this.stand.pass(ms)
    const sessions = this.ended()
    assert.equal(sessions.length, 1)
    return sessions[0]
  }
}

test('a conversation that the client closes, every field', () => {
  const r = new Recorded()
  const start = new Date(r.stand.now).toISOString()
  r.open()
  r.send('in', { flags: 'P.', payload: new Uint8Array(100) }, 1)
  r.send('out', { flags: 'P.', payload: new Uint8Array(30) }, 2)
  r.send('in', { flags: 'F.', seq: 1101, ack: 9031 }, 3)
  r.send('out', { flags: 'F.', seq: 9031 }, 4)
  r.send('in', { flags: '.', seq: 1102, ack: 9032 }, 5)
  const { lip, ...session } = r.one()
  assert.match(lip, /^192\.168\.168\.7:\d+$/)
  assert.deepEqual(session, {
    protocol: 'TCP',
    client: '202.108.10.2:33896',
    vip: '202.108.10.1:6379',
    rs: '192.168.168.2:6379',
    end: 'fin_client',
    state: 'TIME_WAIT',
    start,
    duration_ms: 7 + 5 + 1 + 2 + 3 + 4 + 5,
    client_handshake_ms: 12,
    rs_handshake_ms: 7,
    in_packets: 5,
    in_bytes: 5 * 40 + 100,
    out_packets: 3,
    out_bytes: 3 * 40 + 30,
    forwarding: 'fullnat',
  })
})

test('why it ended: who closed, who broke off, who was silent', () => {
  // Behind the state: what was sent after the SYN, each `in FLAGS` or `out FLAGS`.
  const open = ['out S.', 'in .']
  const cases: [end: string, state: string, ...segments: string[]][] = [
    ['timeout', 'SYN_RECV'],
    ['reset', 'ESTABLISHED', ...open],
    ['fin_rs', 'FIN_WAIT', ...open, 'out F.'],
    ['fin_client', 'CLOSE_WAIT', ...open, 'in F.'],
    ['rst_client', 'CLOSE', ...open, 'in R'],
    ['rst_rs', 'CLOSE', ...open, 'out R.'],
    // Refused: the RS answers the SYN with an RST.
    ['rst_rs', 'CLOSE', 'out R.'],
    // The state machine does not move for it (IPVS's table), but it is why nothing came of it.
    ['rst_client', 'SYN_RECV', 'in R'],
    ['rst_rs', 'CLOSE', ...open, 'in F.', 'out R.'],
    ['fin_client', 'TIME_WAIT', ...open, 'in F.', 'out F.', 'out R.'],
  ]
  for (const [end, state, ...segments] of cases) {
    const r = new Recorded()
    r.send('in', SYN)
    for (const segment of segments) {
      const [dir, flags = ''] = segment.split(' ')
      r.send(dir as Dir, { flags })
    }
    const session = r.one()
    assert.deepEqual([session.end, session.state], [end, state], segments.join(', '))
  }
})

test('handshakes that were not finished have no time', () => {
  let r = new Recorded()
  r.send('in', SYN)
  r.send('in', SYN, 1000)
  let session = r.one()
  assert.deepEqual([session.rs_handshake_ms, session.client_handshake_ms], [null, null])
  assert.deepEqual([session.in_packets, session.duration_ms], [2, 1000])
  r = new Recorded()
  r.send('in', SYN)
  r.send('out', { flags: 'S.' }, 20)
  session = r.one()
  assert.deepEqual([session.rs_handshake_ms, session.client_handshake_ms], [20, null])
})

test('the same port again before the wheel has turned is another session', () => {
  const r = new Recorded()
  r.open()
  r.send('in', { flags: 'F.' })
  r.send('out', { flags: 'F.' })
  r.send('in', {})
  r.send('in', { ...SYN, seq: 500_000 }, 1000)
  const [first, ...more] = r.ended()
  assert.deepEqual(more, [])
  assert.deepEqual(
    [first?.end, first?.state, first?.in_packets, first?.out_packets],
    ['fin_client', 'TIME_WAIT', 4, 2],
  )
  const second = r.one()
  assert.deepEqual([second.end, second.in_packets, second.out_packets], ['timeout', 1, 0])
})

test('the record of a conn that is used again begins at zero', () => {
  const r = new Recorded()
  for (let i = 0; i < 3; i++) {
    r.open()
    r.send('out', { flags: 'R.' })
    const { in_packets, in_bytes, out_packets, client_handshake_ms } = r.one(8000)
    assert.deepEqual([in_packets, in_bytes, out_packets, client_handshake_ms], [2, 80, 2, 12])
  }
})

test('sums are those of the RS, also of frames to be segmented', () => {
  const r = new Recorded()
  r.open()
  const { stand } = r
  const frame = frameOf(stand, 'in', { flags: 'P.', payload: new Uint8Array(5000) })
  stand.inputRaw(ARM.in, offload(frame, 1000))
  r.send('out', { flags: 'R.' })
  const { in_packets, in_bytes, out_packets, out_bytes } = r.one()
  const dests = stand.engine.dests
  const stat = (cell: number) => dests.stat(0, cell)
  assert.deepEqual(
    [in_packets, in_bytes, out_packets, out_bytes],
    [stat(Stat.IN_PACKETS), stat(Stat.IN_BYTES), stat(Stat.OUT_PACKETS), stat(Stat.OUT_BYTES)],
  )
  assert.equal(in_packets, 2 + 5)
})

test('one that is cut says so, whatever became of it before', () => {
  const r = new Recorded()
  r.open()
  r.stand.change([{ put: 'cut', place: 0 }])
  r.stand.pass(2, 1)
  const [{ end, state }] = r.ended()
  assert.deepEqual([end, state], ['cut', 'ESTABLISHED'])
  r.open()
  r.send('in', { flags: 'F.' })
  r.stand.change([{ put: 'cut', place: 0 }])
  r.stand.pass(2, 1)
  const [half] = r.ended()
  assert.deepEqual([half.end, half.state], ['cut', 'CLOSE_WAIT'])
})

test('records that find the ring full are counted', () => {
  const r = new Recorded(8)
  for (let i = 0; i < 20; i++) r.stand.segment(ARM.in, { ...SYN, sport: 2000 + i })
  r.stand.pass(60_000)
  assert.equal(r.ended().length, 8)
  assert.equal(r.ring.lost, 12)
})

test('at the end the living are told as well, as many as there is room for', () => {
  const r = new Recorded(8)
  const { sessions } = r.stand.engine
  assert.ok(sessions)
  for (let i = 0; i < 10; i++) r.stand.segment(ARM.in, { ...SYN, sport: 2000 + i })
  r.open()
  const next = sessions.stop(0, r.stand.now)
  const first = r.ended()
  assert.equal(first.length, 8)
  assert.equal(sessions.left(next), 3)
  assert.equal(sessions.stop(next, r.stand.now), -1)
  const all = [...first, ...r.ended()]
  assert.equal(new Set(all.map(({ client }) => client)).size, 11)
  for (const { end } of all) assert.equal(end, 'stopped')
  assert.equal(r.ring.lost, 0)
})

test('what is told of one that is taken over can be told, whatever lies there', () => {
  const r = new Recorded()
  r.open()
  const { table } = r.stand.engine.conns
  const from = FlowStats.bytesFor(table.capacity)
  for (const [opened, end, known] of [
    [r.stand.now - 40, 1, true],
    [Number.NaN, 1, false],
    [-1, 1, false],
    [r.stand.now + 1000, 1, false],
    [r.stand.now - 40, 99, false],
    [0, 0, false],
  ] as const) {
    const memory = new ArrayBuffer(Sessions.bytesFor(table.capacity))
    const options = { memory, ring: r.ring, arms: 2 }
    const sessions = new Sessions(options, table, new LongClock(r.stand.now))
    new Float64Array(memory, from, 1)[0] = opened
    new Int32Array(memory, from + 16, 1)[0] = end
    sessions.adopt(0, r.stand.now | 0)
    sessions.end(0, r.stand.now | 0)
    const [session] = r.ended()
    assert.ok(session)
    const start = new Date(r.stand.now - (known ? 40 : 12)).toISOString()
    assert.equal(session.start, start, `${opened}`)
  }
})

test('connections of health checks are not told', () => {
  const r = new Recorded()
  const { table } = r.stand.engine.conns
  const memory = new ArrayBuffer(Sessions.bytesFor(table.capacity))
  r.send('in', SYN)
  const conn = table.nextUsed(0, table.capacity)
  for (const arms of [0, 1]) {
    const sessions = new Sessions({ memory, ring: r.ring, arms }, table, r.stand.engine.long)
    sessions.open(conn, r.stand.now)
    assert.equal(sessions.left(0), arms)
    sessions.end(conn, r.stand.now)
    assert.equal(r.ended().length, arms)
  }
})

test('off means no table', () => {
  assert.equal(new Stand().engine.sessions, null)
})
