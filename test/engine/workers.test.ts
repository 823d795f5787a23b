/**
 * Several workers are one balancer: whichever of them a packet reaches, the same one deals with it.
 * Holds invariant I16.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY } from '../../src/engine/conn-layout.ts'
import { ArmCell, Drop } from '../../src/engine/counters.ts'
import { refusals } from '../../src/engine/drop-book.ts'
import { IN, State } from '../../src/engine/tcp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { type Ends, icmpError, udp } from '../kit/datagram.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { arpFrame, ethernet, type TcpFields } from '../kit/frame.ts'
import { Several } from '../kit/several.ts'
import { RS_MAC, SEED_CONFIG } from '../kit/stand.ts'

const RIP = '192.168.168.2'
const LIP = '192.168.168.7'
const CIP = '202.108.10.2'
const VIP = '202.108.10.1'
const PORTS = Array.from({ length: 60 }, (_, i) => 40_000 + i)

function resolved(workers: number, config?: string): Several {
  const several = new Several(workers, config)
  // One answer, at the worker to which all ARP is steered, serves everybody.
  reply(several, 0)
  return several
}

function reply(several: Several, at: number, mac = RS_MAC) {
  const our = { mac: several.stands[0].macOf(LAN), ip: '192.168.168.3' }
  return several.input(at, LAN, arpFrame(2, { mac, ip: RIP }, our, our.mac))
}

function only(out: ReturnType<Several['segment']>): DecodedTcp {
  assert.equal(out.length, 1)
  assert.equal(out[0].decoded.kind, 'tcp')
  return out[0].decoded as DecodedTcp
}

test('connections of a LIP that is taken away go on, wherever their packets arrive, until its place is another LIP', () => {
  const several = resolved(3)
  const ends = PORTS.map(sport => only(several.segment(0, WAN, { ...SYN, sport })).sport)
  const answers = () =>
    ends.map((dport, i) => {
      const answer = { ...RS, dport, flags: 'S.', seq: 9000, ack: 4002 }
      return several.segment(i % 3, LAN, answer).length
    })
  for (const stand of several.stands) stand.change([{ put: 'no-lip', address: LIP, place: 0 }])
  assert.deepEqual(new Set(answers()), new Set([1]))
  for (const stand of several.stands) {
    stand.pass(120_000, 100)
    stand.change([{ put: 'lip', address: '192.168.168.9', place: 0 }])
    assert.equal(stand.engine.setup.isLip(ipv4Int(LIP)), false)
  }
})

test('a port that is used again stays with its worker, wherever the SYN arrives', () => {
  const several = resolved(3)
  const { steering, stands } = several
  for (const [i, sport] of PORTS.entries()) {
    const owner = steering.clientWorker(ipv4Int(CIP), sport)
    const client = { ...SYN, sport }
    const first = only(several.segment(i % 3, WAN, client))
    const refusal = { ...RS, dport: first.sport, flags: 'R.', seq: 0, ack: first.seq + 1 }
    only(several.segment((i + 1) % 3, LAN, refusal))
    const next = only(several.segment((i + 2) % 3, WAN, { ...client, seq: 5000 }))
    assert.deepEqual([next.flags, next.sport], ['S', first.sport])
    assert.equal(steering.lportWorker(next.sport), owner)
  }
  const reused = stands.reduce((sum, stand) => sum + stand.events('SYN_REUSED'), 0)
  const used = stands.reduce((sum, { engine }) => sum + engine.conns.table.used, 0)
  assert.deepEqual([reused, used], [PORTS.length, PORTS.length])
})

for (const workers of [2, 3, 4, 7]) {
  test(`${workers} workers: whole connections, each segment at the worker after the last one's`, () => {
    const several = resolved(workers)
    const { steering, stands } = several
    const free = stands.map(({ engine }) => engine.frames.free)
    let at = 0
    const step = (arm: string, fields: TcpFields) =>
      only(several.segment(at++ % workers, arm, fields))
    for (const sport of PORTS) {
      const owner = steering.clientWorker(ipv4Int(CIP), sport)
      const client = { ...SYN, sport }
      const syn = step(WAN, client)
      assert.deepEqual([syn.src, syn.dst, syn.dport], [LIP, RIP, 6379])
      assert.equal(steering.lportWorker(syn.sport), owner)
      const rs = { ...RS, dport: syn.sport, ack: (syn.seq + 1) >>> 0 }
      const answer = step(LAN, { ...rs, flags: 'S.', seq: 9000 })
      assert.deepEqual([answer.src, answer.dst, answer.dport], [VIP, CIP, sport])
      for (let i = 0; i < 3; i++) {
        assert.equal(
          step(WAN, { ...client, flags: 'P.', seq: 1001 + i, ack: 9001 }).sport,
          syn.sport,
        )
        assert.equal(step(LAN, { ...rs, flags: 'P.' }).dport, sport)
      }
      const { table } = stands[owner].engine.conns
      const t = table.find(KEY.TCP, ipv4Int(CIP), ipv4Int(VIP), (sport << 16) | 6379)
      assert.equal(t & 1, IN)
      assert.equal(table.state(t >> 1), State.ESTABLISHED)
    }
    const sum = (of: (stand: (typeof stands)[0]) => number) =>
      stands.reduce((total, stand) => total + of(stand), 0)
    assert.equal(
      sum(({ engine }) => engine.conns.table.used),
      PORTS.length,
    )
    assert.equal(
      sum(({ engine }) => engine.lips[0].used),
      PORTS.length,
    )
    assert.equal(
      sum(({ engine }) => engine.dests.active(0)),
      PORTS.length,
    )
    const handedOver = sum(stand => stand.events('HANDED_OVER'))
    assert.ok(handedOver > 0 && handedOver < at, `${handedOver} of ${at} handed over`)
    // Every slot is home.
    assert.deepEqual(
      stands.map(({ engine }) => engine.frames.free),
      free,
    )
  })
}

/** A connection of its owner's, and a packet in on `arm` at a worker that it does not belong to. => The owner's log of it */
function elsewhere(
  arm: string,
  packetOf: (client: Ends, rs: Ends) => Uint8Array,
): { several: Several; owner: number; log: string[]; rs: string } {
  const several = resolved(3)
  const [sport] = PORTS
  const owner = several.steering.clientWorker(ipv4Int(CIP), sport)
  const { sport: lport } = only(several.segment(owner, WAN, { ...SYN, sport }))
  for (let worker = 0; worker < 3; worker++) several.log(worker)
  const client = { src: CIP, sport, dst: VIP, dport: 6379 }
  const rs = { src: RIP, sport: 6379, dst: LIP, dport: lport }
  const other = (owner + 1) % 3
  const dst = several.stands[0].macOf(arm)
  const handed = several.stands[other].events('HANDED_OVER')
  const out = several.input(other, arm, ethernet(dst, RS_MAC, 0x0800, packetOf(client, rs)))
  assert.deepEqual(out, [])
  assert.equal(several.stands[other].events('HANDED_OVER'), handed + 1)
  assert.deepEqual(several.log(other), [])
  return { several, owner, log: several.log(owner), rs: `${RIP}:6379 -> ${LIP}:${lport}` }
}

test('an ICMP error is judged by the worker whose connection it is about, found there', () => {
  const unreachable = { type: 3, code: 3, seq: 2 ** 30 }
  const fromClient = elsewhere(WAN, client => icmpError({ about: client, ...unreachable }))
  const [line] = fromClient.log
  assert.equal(
    line,
    `IPVS: conn lookup: [${fromClient.owner + 1}] TCP ${CIP}:40000 -> ${VIP}:6379 hit `,
  )
  assert.equal(fromClient.several.stands[fromClient.owner].drops('ICMP_SEQUENCE'), 1)
  // A router on the way says it, about a packet with IP options.
  const options = Uint8Array.of(1, 1, 1, 0)
  const fromRs = elsewhere(LAN, (_, rs) =>
    icmpError({ about: rs, ...unreachable, src: '192.168.168.9', options }),
  )
  assert.deepEqual(fromRs.log, [`IPVS: conn lookup: [${fromRs.owner + 1}] TCP ${fromRs.rs} hit `])
  assert.equal(fromRs.several.stands[fromRs.owner].drops('ICMP_SEQUENCE'), 1)
})

test("UDP is dropped by its owner, whose connection of TCP between the same ends is not UDP's", () => {
  for (const [arm, side] of [
    [WAN, 0],
    [LAN, 1],
  ] as const) {
    const { several, owner, log } = elsewhere(arm, (...ends) => udp(ends[side]))
    assert.equal(log.length, 1)
    assert.match(log[0], new RegExp(`conn lookup: \\[${owner + 1}\\] UDP .* miss`))
    assert.equal(several.stands[owner].drops('UDP_NO_SERVICE'), 1)
  }
})

test('ICMP that is no error about a packet of ours stays with the worker that read it', () => {
  const several = resolved(3)
  const dst = several.stands[0].macOf(WAN)
  const client = { src: CIP, sport: 40_000, dst: VIP, dport: 6379 }
  for (const fields of [
    { type: 8 },
    { type: 3, dst: '202.108.10.9' },
    { type: 3, protocol: 1 },
    { type: 3, fragment: 0x0001 },
    { type: 3, bytes: 7 },
    { type: 13 },
  ]) {
    const packet = icmpError({ about: client, ...fields })
    for (let worker = 0; worker < 3; worker++)
      several.input(worker, WAN, ethernet(dst, RS_MAC, 0x0800, packet))
  }
  assert.deepEqual(
    several.stands.map(stand => stand.events('HANDED_OVER')),
    [0, 0, 0],
  )
})

test('what nobody owns is refused where it is, or by the worker that would own it', () => {
  const several = resolved(3)
  const { stands, steering } = several
  // 4099 & 3 = 3: no worker of three has this lport.
  several.segment(1, LAN, { ...RS, dport: 4099, flags: 'P.' })
  assert.equal(stands[1].drops('TCP_NO_SERVICE'), 1)
  several.segment(1, LAN, { ...RS, dport: 4098, flags: 'P.' })
  assert.equal(stands[2].drops('TCP_NO_SERVICE'), 1)
  const owner = steering.clientWorker(ipv4Int(CIP), 41_000)
  const other = (owner + 1) % 3
  const handed = stands[other].events('HANDED_OVER')
  for (let worker = 0; worker < 3; worker++) several.log(worker)
  several.segment(other, WAN, { ...SYN, sport: 41_000, flags: 'P.' })
  assert.equal(stands[owner].drops('TCP_NO_CONN'), 1)
  assert.equal(stands[other].events('HANDED_OVER'), handed + 1)
  assert.match(several.log(owner).join('\n'), new RegExp(`conn lookup: \\[${owner + 1}\\] TCP`))
  assert.deepEqual(
    several.log(other).filter(line => line.includes('lookup')),
    [],
  )
})

test('an answer to one worker is heard by all: parked frames of each go out', () => {
  const several = new Several(4)
  const parked = new Set<number>()
  for (const sport of PORTS) {
    const owner = several.steering.clientWorker(ipv4Int(CIP), sport)
    assert.deepEqual(several.segment(owner, WAN, { ...SYN, sport }), [])
    parked.add(owner)
  }
  assert.equal(parked.size, 4)
  // And one that was handed over, whose slot goes home at once.
  const [stand] = several.stands
  const free = stand.engine.frames.free
  const [foreign] = PORTS.filter(port => several.steering.clientWorker(ipv4Int(CIP), port) === 1)
  assert.deepEqual(several.segment(0, WAN, { ...SYN, sport: foreign, flags: 'S', seq: 2000 }), [])
  assert.equal(stand.engine.frames.free, free)
  const out = reply(several, 2)
  assert.equal(out.length, PORTS.length + 1)
  assert.ok(out.every(({ decoded }) => (decoded as DecodedTcp).dstMac === RS_MAC))
  // It moves: everybody follows.
  reply(several, 0, '52:54:00:00:01:99')
  for (const sport of PORTS) {
    const owner = several.steering.clientWorker(ipv4Int(CIP), sport)
    assert.equal(only(several.segment(owner, WAN, { ...SYN, sport })).dstMac, '52:54:00:00:01:99')
  }
})

test('an ARP request is answered once, and the neighbour that asks is known to all', () => {
  const several = resolved(4)
  const asker = { mac: '52:54:00:00:01:77', ip: RIP }
  const out = several.input(
    3,
    LAN,
    arpFrame(1, asker, { mac: '00:00:00:00:00:00', ip: LIP }, 'ff:ff:ff:ff:ff:ff'),
  )
  assert.equal(out.length, 1)
  assert.deepEqual(
    several.stands.map(stand => stand.events('NEIGH_MOVED')),
    [1, 1, 1, 1],
  )
})

test('a worker that is behind loses frames, counted, and no slot', () => {
  const several = resolved(2)
  const [one, other] = several.stands
  const [sport] = PORTS.filter(port => several.steering.clientWorker(ipv4Int(CIP), port) === 1)
  const { frames } = one.engine
  const free = frames.free
  // Frames alone never fill the ring: it has room for as many as there are slots. What was heard by ARP takes room too.
  for (let i = 0; i < 10; i++)
    one.exchange?.tell(1, Int32Array.of(ipv4Int(RIP), 0, 0, 0), 0x5254, 1, false)
  for (let i = 0; i < free; i++) one.segment(WAN, { ...SYN, sport })
  assert.equal(one.events('HANDED_OVER'), free - 10)
  assert.equal(one.drops('HAND_OVER_FULL'), 10)
  assert.equal(one.engine.counters.armCell(0, ArmCell.RX_DROPS), 10)
  const kept = refusals(one.dropMemory, Drop.HAND_OVER_FULL)
  assert.ok(kept.length > 0 && kept.every(({ arm, length }) => arm === 0 && length === 64))
  for (let i = 0; i < 5; i++) several.settle()
  assert.equal(other.engine.conns.table.used, 1)
  assert.equal(frames.free, free)
})

test('connections and lports are divided among the workers', () => {
  const several = new Several(4, `${SEED_CONFIG}\nconnections: { table_size: 4096 }`)
  const capacity = several.stands.map(({ engine }) => engine.conns.table.capacity)
  assert.deepEqual(capacity, [1024, 1024, 1024, 1024])
  const lports = several.stands.map(({ engine }) => engine.lips[0].free)
  assert.equal(
    lports.reduce((a, b) => a + b),
    16 * 64_511,
  )
})
