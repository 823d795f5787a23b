/** The words for what the engine says: the lines of DPVS to the character, and some of our own. Holds invariant I13. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MODULES } from '../../../src/api/log-levels.ts'
import { Drop, Event } from '../../../src/engine/counters.ts'
import { FlightReader, FlightRing, Want, wantFlight } from '../../../src/engine/flight.ts'
import { SAID_AT } from '../../../src/engine/flight-records.ts'
import { Neigh } from '../../../src/engine/neigh-state.ts'
import { IN, OUT, State } from '../../../src/engine/tcp-state.ts'
import { Chosen, TraceRing } from '../../../src/engine/trace.ts'
import { RECORD_CELLS, TraceKind, type TraceName } from '../../../src/engine/trace-kinds.ts'
import { fieldsOf } from '../../../src/see/words/trace-fields.ts'
import { kindOf, type Words, wordsOf } from '../../../src/see/words/trace-words.ts'
import { ipv4Int, macInts } from '../../../src/wire/address.ts'
import { FLAG } from '../../../src/wire/tcp.ts'
import { traceRecord, type Values } from '../../kit/trace-record.ts'

const CIP = ipv4Int('202.108.10.2')
const VIP = ipv4Int('202.108.10.1')
const LIP = ipv4Int('192.168.168.7')
const RIP = ipv4Int('192.168.168.2')
const NAMES = { worker: 5, arms: ['ext0', 'int0'] }

const CLIENT = [CIP, 33_896]
const SERVICE = [VIP, 6379]
const TCP = 6
const ENDS = { protocol: TCP, client: CLIENT, vip: SERVICE, lip: [LIP, 1028], rs: [RIP, 6379] }

/** The record goes through the flight recorder, so that kinds and cells are those that a reader sees. */
function words<Name extends TraceName>(name: Name, values: Values<Name> = {}): Words {
  return wordsOfRecord(traceRecord(name, values))
}

function wordsOfRecord(record: Int32Array): Words {
  const memory = new SharedArrayBuffer(FlightRing.bytesFor(128))
  wantFlight(memory, Want.MOMENTS, 0)
  const flight = new FlightRing(memory, 128)
  flight.settle()
  const trace = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(2)), 2)
  trace.listen(flight)
  trace.record.set(record)
  trace.say(record[0])
  flight.settle()
  const reader = new FlightReader(memory, 128, true)
  assert.ok(reader.next())
  return wordsOf(reader.record.subarray(SAID_AT), NAMES)
}

test('the log keeps to the lines of DPVS, and has warnings whatever its level', () => {
  const record = new Int32Array(RECORD_CELLS)
  const kinds = (debug: boolean) => {
    const ring = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(32)), 32)
    ring.log(debug)
    for (const kind of Object.values(TraceKind)) ring.say(kind)
    const seen: number[] = []
    while (ring.read(record)) seen.push(record[0])
    return seen
  }
  const { ADDRESS_CLAIMED, NEIGH_FAILED, NEIGH_MOVED, NEIGH_FLAPS, SYN_PROXY } = TraceKind
  const { SCHEDULED, RESET, RESET_RS, CONN_KEPT, PARKED_DROP } = TraceKind
  const own: number[] = [SCHEDULED, RESET, RESET_RS, CONN_KEPT, PARKED_DROP]
  assert.deepEqual(
    kinds(true),
    Object.values(TraceKind).filter(kind => !own.includes(kind)),
  )
  assert.deepEqual(kinds(false), [
    ...[ADDRESS_CLAIMED, NEIGH_FAILED, NEIGH_MOVED, NEIGH_FLAPS],
    SYN_PROXY,
  ])
})

const debug = (text: string): Words => ({ level: 'debug', text })

test('the lines of the seed, in their order', () => {
  const lookup = (hit: number) => words('LOOKUP', { protocol: TCP, src: CLIENT, dst: SERVICE, hit })
  const state = (direction: number, flags: number, from: number, to: number) =>
    words('STATE', { protocol: TCP, direction, flags, client: CLIENT, rs: ENDS.rs, from, to })

  assert.deepEqual(
    [
      lookup(0),
      words('LPORT_FETCHED', { lip: ENDS.lip }),
      words('CONN_NEW', ENDS),
      state(IN, FLAG.SYN, State.NONE, State.SYN_RECV),
      words('LOOKUP', { protocol: TCP, src: ENDS.rs, dst: ENDS.lip, hit: 1 }),
      words('NEIGH', { from: Neigh.REACHABLE, to: Neigh.REACHABLE, address: RIP, arm: 1 }),
      lookup(1),
      state(IN, FLAG.ACK, State.SYN_RECV, State.ESTABLISHED),
      state(IN, FLAG.FIN | FLAG.ACK, State.ESTABLISHED, State.CLOSE_WAIT),
      state(OUT, FLAG.FIN | FLAG.ACK | FLAG.PSH, State.CLOSE_WAIT, State.TIME_WAIT),
      words('CONN_DEL', ENDS),
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
    const { text } = words('STATE', { direction: IN, flags: FLAG.RST, from: number, to: number })
    assert.ok(text.endsWith(`  state ${name}->${name} conn.refcnt 2`), text)
    assert.ok(text.includes(' [...R] '), text)
  }
})

test('every state of a neighbour has its name', () => {
  for (const [name, number] of Object.entries(Neigh)) {
    const { text } = words('NEIGH', { from: number, to: Neigh.NONE, address: RIP, arm: 1 })
    assert.equal(text, `NEIGHBOUR: ${name} trans state to NONE.`)
  }
})

test('ports above 32767 on either side', () => {
  assert.equal(
    words('LOOKUP', { protocol: 17, src: [-1, 65_535], dst: [1, 65_534], hit: 1 }).text,
    'IPVS: conn lookup: [5] UDP 255.255.255.255:65535 -> 0.0.0.1:65534 hit ',
  )
})

test('a segment without a connection that is no SYN', () => {
  assert.deepEqual(
    words('NOT_SYN', { protocol: TCP, src: CLIENT, dst: SERVICE, flags: FLAG.ACK | FLAG.PSH }),
    debug(
      'IPVS: tcp_conn_sched: [5] try sched non-SYN packet: [..A.] 202.108.10.2/33896->202.108.10.1/6379',
    ),
  )
})

test('lines of our own name the reason', () => {
  assert.deepEqual(
    words('REFUSED', {
      protocol: TCP,
      src: CLIENT,
      dst: SERVICE,
      reason: Drop.LPORT_EXHAUSTED,
    }),
    debug('IPVS: refused: [5] TCP 202.108.10.2:33896 -> 202.108.10.1:6379 lport_exhausted'),
  )
  assert.deepEqual(
    words('TOA_FAILED', { ...ENDS, reason: Event.TOA_NO_ROOM }),
    debug(
      'IPVS: no TOA: [5] TCP 202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379 toa_no_room',
    ),
  )
})

test('warnings and news name the arm', () => {
  const from = macInts('02:00:00:00:00:01')
  const to = macInts('fe:ff:ff:ff:ff:fe')
  assert.deepEqual(words('ADDRESS_CLAIMED', { address: VIP, arm: 0, mac: to }), {
    level: 'warn',
    text: 'ARP: fe:ff:ff:ff:ff:fe on ext0 claims our address 202.108.10.1',
  })
  assert.deepEqual(words('NEIGH_FAILED', { address: RIP, arm: 1, dropped: 1 }), {
    level: 'warn',
    text: 'NEIGHBOUR: 192.168.168.2 on int0 does not answer, 1 packet dropped',
  })
  assert.deepEqual(words('NEIGH_MOVED', { address: RIP, arm: 1, from, to }), {
    level: 'info',
    text: 'NEIGHBOUR: 192.168.168.2 on int0 moved from 02:00:00:00:00:01 to fe:ff:ff:ff:ff:fe',
  })
  assert.deepEqual(words('NEIGH_FLAPS', { address: RIP, arm: 1, from, to }), {
    level: 'warn',
    text: 'NEIGHBOUR: 192.168.168.2 on int0 changes its MAC again and again, now from 02:00:00:00:00:01 to fe:ff:ff:ff:ff:fe: two have the address, or somebody pretends to; arms[].neighbours fixes the right one',
  })
})

test('every kind of record has words', () => {
  for (const [name, kind] of Object.entries(TraceKind)) {
    const { text } = wordsOfRecord(Int32Array.of(kind))
    assert.ok(!/undefined|unknown kind/.test(text), `${name}: ${text}`)
  }
  assert.equal(wordsOf(Int32Array.of(99), NAMES).level, 'warn')
})

test('every kind has a module, and the level of its words', () => {
  for (const [name, kind] of Object.entries(TraceKind)) {
    const known = kindOf(Int32Array.of(kind))
    assert.equal(known.level, wordsOfRecord(Int32Array.of(kind)).level, name)
    assert.ok(MODULES.includes(known.module), name)
    assert.equal(known.event, name.toLowerCase())
  }
  assert.deepEqual(kindOf(Int32Array.of(99)), {
    level: 'warn',
    module: 'log',
    event: 'unknown_record',
  })
})

/** How a flag that is set is said. */
const FLAG_WORDS = new Map([
  ['hit', 'hit'],
  ['active', 'from now on'],
])

/** Fields and words are made by two pieces of code; what one says the other must not miss. */
test('the fields of a record have what its words have', () => {
  const from = macInts('02:00:00:00:00:01')
  const to = macInts('fe:ff:ff:ff:ff:fe')
  const packet = { protocol: TCP, src: CLIENT, dst: SERVICE }
  const { client, vip, rs } = ENDS
  const neighbour = { address: RIP, arm: 1 }
  const samples: { [Name in TraceName]: Values<Name> } = {
    LOOKUP: { ...packet, hit: 1 },
    LPORT_FETCHED: { lip: ENDS.lip },
    CONN_NEW: ENDS,
    CONN_DEL: ENDS,
    STATE: {
      protocol: TCP,
      direction: IN,
      flags: FLAG.SYN,
      client,
      rs,
      from: State.NONE,
      to: State.SYN_RECV,
    },
    NEIGH: { ...neighbour, from: Neigh.PROBE, to: Neigh.REACHABLE },
    NOT_SYN: { ...packet, flags: FLAG.ACK },
    REFUSED: { ...packet, reason: Drop.LPORT_EXHAUSTED },
    TOA_FAILED: { ...ENDS, reason: Event.TOA_NO_ROOM },
    SCHEDULED: {
      protocol: TCP,
      client,
      vip,
      rs,
      weight: 100,
      servers: 3,
      by: Chosen.PERSISTENCE,
    },
    RESET: ENDS,
    RESET_RS: ENDS,
    CONN_KEPT: { ...ENDS, state: State.TIME_WAIT },
    PARKED_DROP: { pair: 17, reason: Drop.NEIGH_UNRESOLVED },
    ADDRESS_CLAIMED: { address: VIP, arm: 0, mac: from },
    NEIGH_FAILED: { ...neighbour, dropped: 3 },
    NEIGH_FLAPS: { ...neighbour, from, to },
    SYN_PROXY: { service: SERVICE, active: 1, syns: 12_345 },
    NEIGH_MOVED: { ...neighbour, from, to },
  }
  for (const name of Object.keys(samples) as TraceName[]) {
    const record = traceRecord(name, samples[name])
    const fields = fieldsOf(record, NAMES)
    const { text } = wordsOf(record, NAMES)
    for (const [key, value] of Object.entries(fields)) {
      assert.notEqual(value, undefined, `${name} ${key}`)
      // What its line of DPVS does not say, or says in another way.
      if (name === 'NEIGH' && (key === 'address' || key === 'arm')) continue
      if (name !== 'STATE' && ['tried', 'free', 'delta', 'state', 'replaced'].includes(key))
        continue
      const flag = FLAG_WORDS.get(key)
      const said = flag ?? (name === 'NOT_SYN' ? String(value).replace(':', '/') : String(value))
      if (name === 'NOT_SYN' && key === 'protocol') continue
      assert.ok(text.includes(said), `${name} ${key}: ${said} in ${text}`)
    }
    assert.ok(Object.keys(fields).length >= 1, name)
  }
})
