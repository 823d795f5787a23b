/** The words for what the engine says: the lines of DPVS to the character, and some of our own. Holds invariant I13. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MODULES } from '../../../src/api/log-levels.ts'
import { Drop, Event } from '../../../src/engine/counters.ts'
import { FlightReader, FlightRing, SAID_AT, Want, wantFlight } from '../../../src/engine/flight.ts'
import { Neigh } from '../../../src/engine/neigh-state.ts'
import { IN, OUT, State } from '../../../src/engine/tcp-state.ts'
import { Chosen, RECORD_CELLS, TraceKind, TraceRing } from '../../../src/engine/trace.ts'
import { fieldsOf } from '../../../src/see/words/trace-fields.ts'
import { kindOf, type Words, wordsOf } from '../../../src/see/words/trace-words.ts'
import { ipv4Int, macInts } from '../../../src/wire/address.ts'
import { FLAG } from '../../../src/wire/tcp.ts'

const CIP = ipv4Int('202.108.10.2')
const VIP = ipv4Int('202.108.10.1')
const LIP = ipv4Int('192.168.168.7')
const RIP = ipv4Int('192.168.168.2')
const CLIENT_PORTS = (33_896 << 16) | 6379
const RS_PORTS = (6379 << 16) | 1028
const NAMES = { worker: 5, arms: ['ext0', 'int0'] }

/** The record goes through the flight recorder, so that kinds and cells are those that a reader sees. */
function words(kind: number, ...cells: number[]): Words {
  const memory = new SharedArrayBuffer(FlightRing.bytesFor(64))
  wantFlight(memory, Want.MOMENTS, 0)
  const flight = new FlightRing(memory, 64)
  flight.settle()
  const trace = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(2)), 2)
  trace.record(flight)
  trace.write(kind, 1234, ...cells)
  flight.settle()
  const reader = new FlightReader(memory, 64, true)
  assert.ok(reader.next())
  return wordsOf(reader.record.subarray(SAID_AT, SAID_AT + RECORD_CELLS), NAMES)
}

test('the log keeps to the lines of DPVS, and has warnings whatever its level', () => {
  const record = new Int32Array(RECORD_CELLS)
  const kinds = (debug: boolean) => {
    const ring = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(32)), 32)
    ring.log(debug)
    for (const kind of Object.values(TraceKind)) ring.write(kind, 0)
    const seen: number[] = []
    while (ring.read(record)) seen.push(record[0])
    return seen
  }
  const { ADDRESS_CLAIMED, NEIGH_FAILED, NEIGH_MOVED } = TraceKind
  const { SCHEDULED, RESET, RESET_RS, CONN_KEPT, PARKED_DROP } = TraceKind
  const own: number[] = [SCHEDULED, RESET, RESET_RS, CONN_KEPT, PARKED_DROP]
  assert.deepEqual(
    kinds(true),
    Object.values(TraceKind).filter(kind => !own.includes(kind)),
  )
  assert.deepEqual(kinds(false), [ADDRESS_CLAIMED, NEIGH_FAILED, NEIGH_MOVED])
})

const debug = (text: string): Words => ({ level: 'debug', text })

test('the lines of the seed, in their order', () => {
  const lookup = (hit: number) => words(TraceKind.LOOKUP, 6, CIP, VIP, CLIENT_PORTS, hit)
  const state = (dir: number, flags: number, before: number, after: number) =>
    words(TraceKind.STATE, 6, dir, flags, CIP, RIP, 33_896, 6379, before, after, 2)
  const conn = (kind: number, refs: number) =>
    words(kind, 6, CIP, VIP, CLIENT_PORTS, LIP, RIP, RS_PORTS, refs)

  assert.deepEqual(
    [
      lookup(0),
      words(TraceKind.LPORT_FETCHED, LIP, 1028),
      conn(TraceKind.CONN_NEW, 2),
      state(IN, FLAG.SYN, State.NONE, State.SYN_RECV),
      words(TraceKind.LOOKUP, 6, RIP, LIP, RS_PORTS, 1),
      words(TraceKind.NEIGH, Neigh.REACHABLE, Neigh.REACHABLE, RIP, 1),
      lookup(1),
      state(IN, FLAG.ACK, State.SYN_RECV, State.ESTABLISHED),
      state(IN, FLAG.FIN | FLAG.ACK, State.ESTABLISHED, State.CLOSE_WAIT),
      state(OUT, FLAG.FIN | FLAG.ACK | FLAG.PSH, State.CLOSE_WAIT, State.TIME_WAIT),
      conn(TraceKind.CONN_DEL, 0),
    ],
    [
      'IPVS: conn lookup: [5] TCP 202.108.10.2:33896 -> 202.108.10.1:6379 miss ',
      'SAPOOL: sa_pool_fetch: 192.168.168.7:1028 fetched!',
      'IPVS: new conn:  [5] TCP 202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379 refs 2',
      'IPVS: state trans: TCP in [S...] 202.108.10.2:33896->192.168.168.2:6379  state NONE->SYN_RECV conn.refcnt 2',
      'IPVS: conn lookup: [5] TCP 192.168.168.2:6379 -> 192.168.168.7:1028 hit ',
      'NEIGHBOUR: REACHABLE trans state to REACHABLE.',
      'IPVS: conn lookup: [5] TCP 202.108.10.2:33896 -> 202.108.10.1:6379 hit ',
      'IPVS: state trans: TCP in [..A.] 202.108.10.2:33896->192.168.168.2:6379  state SYN_RECV->ESTABLISHED conn.refcnt 2',
      'IPVS: state trans: TCP in [.FA.] 202.108.10.2:33896->192.168.168.2:6379  state ESTABLISHED->CLOSE_WAIT conn.refcnt 2',
      'IPVS: state trans: TCP out [.FA.] 202.108.10.2:33896->192.168.168.2:6379  state CLOSE_WAIT->TIME_WAIT conn.refcnt 2',
      'IPVS: del conn:  [5] TCP 202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379 refs 0',
    ].map(debug),
  )
})

test('every state has its name of the log', () => {
  for (const [name, number] of Object.entries(State)) {
    const { text } = words(TraceKind.STATE, 6, IN, FLAG.RST, CIP, RIP, 1, 2, number, number, 2)
    assert.ok(text.endsWith(`  state ${name}->${name} conn.refcnt 2`), text)
    assert.ok(text.includes(' [...R] '), text)
  }
})

test('every state of a neighbour has its name', () => {
  for (const [name, number] of Object.entries(Neigh)) {
    const { text } = words(TraceKind.NEIGH, number, Neigh.NONE, RIP, 1)
    assert.equal(text, `NEIGHBOUR: ${name} trans state to NONE.`)
  }
})

test('ports above 32767 in either half of a cell', () => {
  const ports = (65_535 << 16) | 65_534
  assert.equal(
    words(TraceKind.LOOKUP, 17, -1, 1, ports, 1).text,
    'IPVS: conn lookup: [5] UDP 255.255.255.255:65535 -> 0.0.0.1:65534 hit ',
  )
})

test('a segment without a connection that is no SYN', () => {
  assert.deepEqual(
    words(TraceKind.NOT_SYN, 6, CIP, VIP, CLIENT_PORTS, FLAG.ACK | FLAG.PSH),
    debug(
      'IPVS: tcp_conn_sched: [5] try sched non-SYN packet: [..A.] 202.108.10.2/33896->202.108.10.1/6379',
    ),
  )
})

test('lines of our own name the reason', () => {
  assert.deepEqual(
    words(TraceKind.REFUSED, 6, CIP, VIP, CLIENT_PORTS, Drop.LPORT_EXHAUSTED),
    debug('IPVS: refused: [5] TCP 202.108.10.2:33896 -> 202.108.10.1:6379 lport_exhausted'),
  )
  assert.deepEqual(
    words(TraceKind.TOA_FAILED, CIP, VIP, CLIENT_PORTS, LIP, RIP, RS_PORTS, Event.TOA_NO_ROOM),
    debug(
      'IPVS: no TOA: [5] TCP 202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379 toa_no_room',
    ),
  )
})

test('warnings and news name the arm', () => {
  const [oldHi, oldLo] = macInts('02:00:00:00:00:01')
  const [newHi, newLo] = macInts('fe:ff:ff:ff:ff:fe')
  assert.deepEqual(words(TraceKind.ADDRESS_CLAIMED, VIP, 0, newHi, newLo), {
    level: 'warn',
    text: 'ARP: fe:ff:ff:ff:ff:fe on ext0 claims our address 202.108.10.1',
  })
  assert.deepEqual(words(TraceKind.NEIGH_FAILED, RIP, 1, 1), {
    level: 'warn',
    text: 'NEIGHBOUR: 192.168.168.2 on int0 does not answer, 1 packet dropped',
  })
  assert.deepEqual(words(TraceKind.NEIGH_MOVED, RIP, 1, oldHi, oldLo, newHi, newLo), {
    level: 'info',
    text: 'NEIGHBOUR: 192.168.168.2 on int0 moved from 02:00:00:00:00:01 to fe:ff:ff:ff:ff:fe',
  })
})

test('every kind of record has words', () => {
  for (const [name, kind] of Object.entries(TraceKind)) {
    const { text } = words(kind)
    assert.ok(!/undefined|unknown kind/.test(text), `${name}: ${text}`)
  }
  assert.equal(words(99).level, 'warn')
})

test('every kind has a module, and the level of its words', () => {
  for (const [name, kind] of Object.entries(TraceKind)) {
    const known = kindOf(Int32Array.of(kind))
    assert.equal(known.level, words(kind).level, name)
    assert.ok(MODULES.includes(known.module), name)
    assert.equal(known.event, name.toLowerCase())
  }
  assert.deepEqual(kindOf(Int32Array.of(99)), {
    level: 'warn',
    module: 'log',
    event: 'unknown_record',
  })
})

/** Fields and words are made by two pieces of code; what one says the other must not miss. */
test('the fields of a record have what its words have', () => {
  const cells = (...list: number[]) => list
  const [macHi, macLo] = macInts('02:00:00:00:00:01')
  const [otherHi, otherLo] = macInts('fe:ff:ff:ff:ff:fe')
  const ends = cells(CIP, VIP, CLIENT_PORTS, LIP, RIP, RS_PORTS)
  const samples: Record<keyof typeof TraceKind, number[]> = {
    LOOKUP: cells(6, CIP, VIP, CLIENT_PORTS, 1),
    LPORT_FETCHED: cells(LIP, 1028),
    CONN_NEW: cells(6, ...ends, 2),
    CONN_DEL: cells(6, ...ends, 0),
    STATE: cells(6, IN, FLAG.SYN, CIP, RIP, 33_896, 6379, State.NONE, State.SYN_RECV, 2),
    NEIGH: cells(Neigh.PROBE, Neigh.REACHABLE, RIP, 1),
    NOT_SYN: cells(6, CIP, VIP, CLIENT_PORTS, FLAG.ACK),
    REFUSED: cells(6, CIP, VIP, CLIENT_PORTS, Drop.LPORT_EXHAUSTED),
    TOA_FAILED: cells(...ends, Event.TOA_NO_ROOM),
    SCHEDULED: cells(CIP, VIP, CLIENT_PORTS, RIP, 6379, 100, 3, Chosen.PERSISTENCE),
    RESET: ends,
    RESET_RS: ends,
    CONN_KEPT: cells(...ends, State.TIME_WAIT),
    PARKED_DROP: cells(17, Drop.NEIGH_UNRESOLVED),
    ADDRESS_CLAIMED: cells(VIP, 0, macHi, macLo),
    NEIGH_FAILED: cells(RIP, 1, 3),
    NEIGH_MOVED: cells(RIP, 1, macHi, macLo, otherHi, otherLo),
  }
  for (const [name, sample] of Object.entries(samples)) {
    const kind = TraceKind[name as keyof typeof TraceKind]
    const record = new Int32Array(RECORD_CELLS)
    record.set([kind, 0, ...sample])
    const fields = fieldsOf(record, NAMES)
    const { text } = wordsOf(record, NAMES)
    for (const [key, value] of Object.entries(fields)) {
      assert.notEqual(value, undefined, `${name} ${key}`)
      // What its line of DPVS does not say, or says in another way.
      if (name === 'NEIGH' && (key === 'address' || key === 'arm')) continue
      if (name !== 'STATE' && ['tried', 'free', 'delta', 'state', 'replaced'].includes(key))
        continue
      const said =
        key === 'hit' ? 'hit' : name === 'NOT_SYN' ? String(value).replace(':', '/') : String(value)
      if (name === 'NOT_SYN' && key === 'protocol') continue
      assert.ok(text.includes(said), `${name} ${key}: ${said} in ${text}`)
    }
    assert.ok(Object.keys(fields).length >= 1, name)
  }
})
