/** What the engine says, as programs read it: every kind with all its fields, and nothing left of the record before it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binding, CELL, KEY } from '../../src/engine/conn-layout.ts'
import { Drop, Event } from '../../src/engine/counters.ts'
import { Family, linkOf } from '../../src/engine/family.ts'
import { Neigh } from '../../src/engine/neigh-state.ts'
import { NeighTable } from '../../src/engine/neigh-table.ts'
import { Parsed } from '../../src/engine/parsed.ts'
import * as say from '../../src/engine/say.ts'
import { OUT, State } from '../../src/engine/tcp-state.ts'
import { Chosen, Over, Reset, TraceRing } from '../../src/engine/trace.ts'
import {
  RECORD_CELLS,
  TRACE_CELLS,
  TraceKind,
  type TraceName,
} from '../../src/engine/trace-kinds.ts'
import { fieldsOf } from '../../src/see/words/trace-fields.ts'
import { ipv4Int, macInts } from '../../src/wire/address.ts'
import { FLAG } from '../../src/wire/tcp.ts'
import { scheduled } from '../kit/scheduled.ts'

const NAMES = { worker: 1, arms: ['ext0', 'int0'] }
const CLIENT = '203.0.113.9:65535'
const VIP = '202.108.10.1:6379'
const LIP = '192.168.168.7:65534'
const RS = '192.168.168.2:40000'
const MACS = ['02:00:00:00:00:01', 'fe:ff:ff:ff:ff:fe'] as const
const SENTINEL = 0x5a5a_5a5a

const address = (endpoint: string) => ipv4Int(endpoint.split(':')[0])
const port = (endpoint: string) => Number(endpoint.split(':')[1])
const ports = (from: string, to: string) => (port(from) << 16) | port(to)

const packet = new Parsed()
packet.saddr = address(CLIENT)
packet.daddr = address(VIP)
packet.ports = ports(CLIENT, VIP)
packet.flags = FLAG.ACK
const datagram = Object.assign(new Parsed(), packet, { key: KEY.UDP })

/** The table's cells; it is the second connection. */
const conns = new Int32Array(32)
conns.set([address(CLIENT), address(VIP), ports(CLIENT, VIP), 0], 16)
conns.set([address(RS), address(LIP), ports(RS, LIP), 0, -7], 20)

class Table extends NeighTable {
  add(arm: number, word: number): number {
    const n = this.place()
    this.enter(n, linkOf(arm, Family.IPV4), word)
    return n
  }
}

const neighs = new Table(new ArrayBuffer(Table.bytesFor(2)), 2)
neighs.add(0, 0)
const n = neighs.add(1, address(RS))
neighs.state[n] = Neigh.PROBE
;[neighs.macHi[n], neighs.macLo[n]] = macInts(MACS[0])

const [macHi, macLo] = macInts(MACS[1])
const ends = { protocol: 'TCP', client: CLIENT, vip: VIP, lip: LIP, rs: RS }
const asked = { protocol: 'TCP', src: CLIENT, dst: VIP }
const neighbour = { address: '192.168.168.2', arm: 'int0' }

interface Saying {
  say(trace: TraceRing): void
  fields: object
}

const SAYINGS: Readonly<Record<TraceName, Saying[]>> = {
  LOOKUP: [
    { say: trace => say.sayLookup(trace, packet, true), fields: { ...asked, hit: true } },
    { say: trace => say.sayLookup(trace, packet, false), fields: { ...asked, hit: false } },
    {
      say: trace => say.sayLookup(trace, datagram, false),
      fields: { ...asked, protocol: 'UDP', hit: false },
    },
  ],
  LPORT_FETCHED: [
    {
      say: trace => say.sayLport(trace, { lip: address(LIP), family: 0 }, port(LIP), 2, 77),
      fields: { lip: LIP, tried: 2, free: 77 },
    },
  ],
  CONN_NEW: [
    { say: trace => say.sayOpened(trace, conns, 1), fields: { ...ends, delta: -7 } },
    {
      say: trace => {
        const other = conns.slice()
        other[16 + CELL.BINDING] = binding(KEY.UDP, 3, 1)
        say.sayOpened(trace, other, 1)
      },
      fields: { ...ends, protocol: 'UDP', delta: -7 },
    },
  ],
  CONN_DEL: [
    {
      say: trace => say.sayOver(trace, conns, 1, State.TIME_WAIT, Over.TIMER),
      fields: { ...ends, state: 'TIME_WAIT', replaced: false },
    },
    {
      say: trace => say.sayOver(trace, conns, 1, State.CLOSE, Over.REPLACED),
      fields: { ...ends, state: 'CLOSE', replaced: true },
    },
    {
      say: trace => say.sayOver(trace, conns, 1, State.ESTABLISHED, Over.CUT),
      fields: { ...ends, state: 'ESTABLISHED', replaced: false, cut: true },
    },
  ],
  STATE: [
    {
      say: trace =>
        say.sayState(trace, conns, 2 | OUT, FLAG.FIN | FLAG.ACK, State.ESTABLISHED, State.FIN_WAIT),
      fields: {
        protocol: 'TCP',
        direction: 'out',
        flags: '.FA.',
        client: CLIENT,
        rs: RS,
        from: 'ESTABLISHED',
        to: 'FIN_WAIT',
      },
    },
  ],
  NEIGH: [
    {
      say: trace => say.sayNeigh(trace, neighs, n, Neigh.DELAY),
      fields: { ...neighbour, from: 'DELAY', to: 'PROBE' },
    },
  ],
  NOT_SYN: [{ say: trace => say.sayNotSyn(trace, packet), fields: { ...asked, flags: '..A.' } }],
  REFUSED: [
    {
      say: trace => say.sayRefused(trace, packet, Drop.TCP_NO_RS),
      fields: { ...asked, reason: 'tcp_no_rs' },
    },
  ],
  TOA_FAILED: [
    {
      say: trace => say.sayNoToa(trace, conns, 1, Event.TOA_NO_ROOM),
      fields: { ...ends, reason: 'toa_no_room' },
    },
  ],
  SCHEDULED: [
    {
      say: trace =>
        say.sayScheduled(trace, packet, scheduled('rr', [3, 5]).dests[1], Chosen.PERSISTENCE),
      fields: {
        protocol: 'TCP',
        client: CLIENT,
        vip: '202.108.10.1:6379',
        rs: '0.0.0.1:80',
        weight: 5,
        servers: 2,
        by: 'persistence',
      },
    },
  ],
  RESET: [
    { say: trace => say.sayReset(trace, conns, 1, Reset.EXPIRY), fields: ends },
    { say: trace => say.sayReset(trace, conns, 1, Reset.CUT), fields: { ...ends, why: 'cut' } },
  ],
  RESET_RS: [{ say: trace => say.sayResetRs(trace, conns, 1), fields: ends }],
  CONN_KEPT: [
    {
      say: trace => say.sayKept(trace, conns, 1, State.CLOSE),
      fields: { ...ends, state: 'CLOSE' },
    },
  ],
  PARKED_DROP: [
    {
      say: trace => say.sayParkedDrop(trace, 17, Drop.NEIGH_UNRESOLVED),
      fields: { pair: 17, reason: 'neigh_unresolved' },
    },
  ],
  ADDRESS_CLAIMED: [
    {
      say: trace => say.sayClaimed(trace, address(VIP), 0, 0, macHi, macLo),
      fields: { address: '202.108.10.1', arm: 'ext0', mac: MACS[1] },
    },
  ],
  NEIGH_FAILED: [
    {
      say: trace => say.sayFailed(trace, neighs, n, 3),
      fields: { ...neighbour, dropped: 3 },
    },
  ],
  SYN_PROXY: [
    {
      say: trace => say.saySynProxy(trace, scheduled('rr', [3]), true, 12_345),
      fields: { service: '0.0.0.1:80', active: true, syns: 12_345 },
    },
  ],
  NEIGH_FLAPS: [
    {
      say: trace => say.sayFlaps(trace, neighs, n, macHi, macLo),
      fields: { ...neighbour, from: MACS[0], to: MACS[1] },
    },
  ],
  NEIGH_MOVED: [
    {
      say: trace => say.sayMoved(trace, neighs, n, macHi, macLo),
      fields: { ...neighbour, from: MACS[0], to: MACS[1] },
    },
  ],
}

test('every kind is said with all its fields, and programs read them in the order of its row', () => {
  const trace = new TraceRing(new ArrayBuffer(TraceRing.bytesFor(2)), 2)
  for (const [name, sayings] of Object.entries(SAYINGS)) {
    const kind = TraceKind[name as TraceName]
    for (const { say: said, fields } of sayings) {
      trace.record.fill(SENTINEL)
      said(trace)
      assert.equal(trace.record[0], kind, name)
      const cells = trace.record.subarray(0, TRACE_CELLS[kind])
      assert.ok(!cells.includes(SENTINEL), `${name}: ${cells}`)
      // As text: the order counts.
      const read = fieldsOf(trace.record, NAMES)
      assert.equal(JSON.stringify(read), JSON.stringify(fields), name)
    }
  }
  assert.equal(Math.max(...TRACE_CELLS), RECORD_CELLS)
})
