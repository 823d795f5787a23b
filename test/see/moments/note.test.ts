import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FrameIn, FrameOut, Moment } from '../../../src/see/moments/moment.ts'
import { noteOf, parseNote } from '../../../src/see/moments/note.ts'
import { anyMoment } from '../../kit/any-moment.ts'

const conn = {
  protocol: 'TCP',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
}
const ENDS = '202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379'
const common = { atUs: 1_700_000_000_000_042, pair: 17, conn, worker: 1 }
const frame = { arm: 'ext0', length: 60, bytes: new Uint8Array(60), gsoSize: 0, partial: false }
const came: FrameIn = {
  kind: 'in',
  ...common,
  ...frame,
  direction: 'in',
  verdict: { sent: 'int0' },
  states: { before: null, after: 'SYN_RECV' },
  said: [
    { event: 'lookup', text: 'IPVS: conn lookup: ...', fields: { hit: false } },
    { event: 'odd', text: 'IPVS: 1 | 2 ', fields: {} },
    { event: 'conn_new', text: 'IPVS: new conn: ...', fields: {} },
    { event: 'state', text: 'IPVS: state trans: ...', fields: {} },
    { event: 'neigh', text: 'no news', fields: { from: 'REACHABLE', to: 'REACHABLE' } },
    { event: 'neigh', text: 'news', fields: { from: 'NONE', to: 'REACHABLE' } },
  ],
}
const left: FrameOut = {
  kind: 'out',
  ...common,
  ...frame,
  arm: 'int0',
  direction: 'in',
  changes: [
    { what: 'mac', before: 'a > b', after: 'c > d' },
    { what: 'source', before: '202.108.10.2:33896', after: '192.168.168.7:1028' },
    { what: 'seq', before: '4164191644', after: '2976553321', delta: -1_187_638_323 },
    { what: 'ip_checksum', before: '0001', after: '0002' },
    { what: 'toa_added', before: '', after: '202.108.10.2:33896' },
    { what: 'timestamp_removed', before: 'TS val 125357496 ecr 0', after: '10 NOPs' },
    { what: 'mss', before: '1460', after: '1452' },
  ],
  own: null,
  drop: null,
}

test('what each kind of moment reads like', () => {
  const lines: [Moment, string][] = [
    [
      came,
      `pair 17 in from client | ${ENDS} | lookup miss | odd: IPVS: 1 / 2 | neigh: news | NONE -> SYN_RECV | to int0`,
    ],
    [
      left,
      `pair 17 out to rs | ${ENDS} | MACs rewritten, source 202.108.10.2:33896 to 192.168.168.7:1028, seq +3107328973 to 2976553321, IP checksum adjusted, TOA added 202.108.10.2:33896, timestamp to NOPs (TS val 125357496 ecr 0), MSS 1460 to 1452`,
    ],
    [
      {
        ...came,
        worker: 5,
        direction: null,
        conn: null,
        pair: 0,
        states: null,
        said: [],
        verdict: { drop: 'tcp_no_conn' },
      },
      'in, worker 5 | dropped: tcp_no_conn, no connection, and no SYN that could open one',
    ],
    [
      {
        ...came,
        direction: 'out',
        gsoSize: 1448,
        partial: true,
        states: null,
        said: [],
        verdict: { parked: true },
      },
      `pair 17 in from rs | ${ENDS} | segments of 1448 | partial checksum | waits for the MAC of its next hop`,
    ],
    [
      { ...came, conn: null, direction: null, states: null, said: [], verdict: { done: true } },
      'pair 17 in | ends here',
    ],
    [
      { ...left, direction: 'out', changes: [], drop: 'tx_queue_full' },
      `pair 17 out to client | ${ENDS} | dropped: tx_queue_full, the device queue was full`,
    ],
    [
      { ...left, pair: 0, direction: null, changes: [], own: 'rst_on_expiry' },
      `out | ${ENDS} | our own: RST, because the connection timed out`,
    ],
    [
      {
        kind: 'event',
        ...common,
        pair: 0,
        said: [{ event: 'conn_del', text: 'IPVS: del conn', fields: { state: 'CLOSE' } }],
      },
      `at 1700000000.000042 event | ${ENDS} | connection ended in CLOSE`,
    ],
  ]
  for (const [moment, line] of lines) assert.equal(noteOf(moment), line)
})

test('a comment of somebody else is no note', () => {
  for (const text of ['', 'hello', 'pair 17', 'a | b', 'pair x in'])
    assert.equal(parseNote(text), null)
})

/** What a note can tell of any moment; of other kinds there is nothing to tell. */
const NOTHING = {
  direction: null,
  said: [],
  states: null,
  verdict: null,
  changes: [],
  own: null,
  drop: null,
  gsoSize: 0,
  partial: false,
}

test('there and back', () => {
  fc.assert(
    fc.property(anyMoment, moment => {
      const { bytes: _, arm: __, length: ___, atUs, ...told } = moment as FrameIn
      const at = moment.kind === 'event' ? atUs : null
      assert.deepEqual(parseNote(noteOf(moment)), { ...NOTHING, ...told, atUs: at })
    }),
    { numRuns: 500 },
  )
})
