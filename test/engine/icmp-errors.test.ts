/**
 * ICMP errors about packets of connections: they go on to whoever sent what they quote, and change nothing here. What they look
 * like is in test/transcripts/icmp-errors.txt.
 * Holds invariant I25.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../../src/engine/counters.ts'
import { Chance } from '../fuzz/chance.ts'
import { CLIENT, established, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { type ErrorFields, icmpError } from '../kit/datagram.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { arpFrame, checksum, concat, ethernet, ipv4, tcp } from '../kit/frame.ts'
import { Several } from '../kit/several.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

const SIDES = {
  client: { arm: WAN, about: CLIENT, seq: 9001 },
  rs: { arm: LAN, about: RS, seq: RS.ack },
} as const
type Side = keyof typeof SIDES

function send(stand: Stand, side: Side, fields: Partial<ErrorFields>) {
  const { arm, about, seq } = SIDES[side]
  return input(stand, side, icmpError({ about, type: 3, code: 1, seq, ...fields }), arm)
}

function input(stand: Stand, side: Side, packet: Uint8Array, arm: string = SIDES[side].arm) {
  const from = side === 'client' ? CLIENT_MAC : RS_MAC
  return stand.input(arm, ethernet(stand.macOf(arm), from, 0x0800, packet))
}

/** Everything of a connection, of neighbours and of what is counted of RSs that a packet could move. */
function moved(stand: Stand): unknown {
  const { conns, dests, neighs, outcomes } = stand.engine
  const { cells, cold } = conns.table.save()
  const { parked: _, ...table } = neighs.save()
  return structuredClone({
    ...{ cells, cold, table },
    dests: dests.cells.slice(0, 64),
    outcomes: outcomes.cells.slice(0, 8),
  })
}

test('an error goes to the MAC of its receiver, and moves neither connection, MAC nor neighbour', () => {
  const stand = established()
  const before = moved(stand)
  stand.now += 5000
  const stranger = '52:54:00:00:00:77'
  for (const [side, to] of [
    ['client', RS_MAC],
    ['rs', CLIENT_MAC],
  ] as const) {
    const { arm, about, seq } = SIDES[side]
    const packet = icmpError({ about, type: 11, seq, src: '10.1.2.3' })
    const [out] = stand.input(arm, ethernet(stand.macOf(arm), stranger, 0x0800, packet))
    assert.equal(out.decoded.dstMac, to)
    assert.notEqual(out.arm, arm)
  }
  assert.deepEqual(moved(stand), before)
})

test('the whole segment that is quoted has a good checksum again, IP options, padding and extension included', () => {
  const stand = established()
  for (const payload of [0, 1, 60, 501]) {
    const ends = { src: RS.dst, sport: RS.dport, dst: RS.src, dport: RS.sport }
    const numbers = { flags: 'P.', seq: RS.ack, ack: 9001 }
    const segment = tcp({ ...ends, ...numbers, payload: new Uint8Array(payload).fill(9) })
    const options = Uint8Array.of(1, 1, 1, 0)
    const quote = ipv4({ src: RS.dst, dst: RS.src, protocol: 6, ttl: 1, options }, segment)
    // RFC 4884: what is quoted is filled up to 128 bytes, and an extension follows.
    const filled = concat(quote, new Uint8Array(Math.max(0, 128 - quote.length)))
    const extension = Uint8Array.of(0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4)
    const head = Uint8Array.of(11, 0, 0, 0, 0, filled.length >> 2, 0, 0)
    const message = concat(head, filled, extension)
    const sum = checksum(message)
    message.set([sum >> 8, sum & 255], 2)
    const [out] = input(stand, 'rs', ipv4({ src: '10.1.2.3', dst: RS.dst, protocol: 1 }, message))
    assert.ok(out?.decoded.kind === 'icmp', stand.verdictName())
    const { rest } = out.decoded
    const l4 = rest.subarray(4 + 24, 4 + 24 + segment.length)
    const pseudo = [...rest.subarray(16, 24), 0, 6, l4.length >> 8, l4.length & 255]
    assert.equal(checksum(concat(Uint8Array.from(pseudo), l4)), 0, `${payload} bytes`)
    assert.equal(checksum(rest.subarray(4, 28)), 0)
    assert.deepEqual(rest.subarray(4 + filled.length), extension)
    assert.deepEqual(
      rest.subarray(4 + quote.length, 4 + filled.length),
      filled.subarray(quote.length),
    )
  }
})

test('what was quoted with a wrong checksum has a wrong one afterwards', () => {
  const stand = established()
  const ends = { src: CLIENT.dst, sport: CLIENT.dport, dst: CLIENT.src, dport: CLIENT.sport }
  const good = tcp({ ...ends, flags: '.', seq: 9001, ack: 1001 })
  good[17] ^= 1
  const quote = ipv4({ src: CLIENT.dst, dst: CLIENT.src, protocol: 6 }, good)
  const message = concat(Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0), quote)
  const sum = checksum(message)
  message.set([sum >> 8, sum & 255], 2)
  const [out] = input(
    stand,
    'client',
    ipv4({ src: CLIENT.src, dst: CLIENT.dst, protocol: 1 }, message),
  )
  assert.ok(out?.decoded.kind === 'icmp', stand.verdictName())
  const l4 = out.decoded.rest.subarray(24)
  const pseudo = [...out.decoded.rest.subarray(16, 24), 0, 6, 0, l4.length]
  assert.notEqual(checksum(concat(Uint8Array.from(pseudo), l4)), 0)
})

test('a number counts from 16 MiB behind to 16 MiB ahead, round the end of 32 bits too', () => {
  const stand = established()
  for (const side of ['client', 'rs'] as const) {
    const { seq } = SIDES[side]
    for (const [ahead, passes] of [
      [2 ** 24, true],
      [2 ** 24 + 1, false],
      [-(2 ** 24), true],
      [-(2 ** 24) - 1, false],
      [2 ** 31, false],
    ] as const) {
      const out = send(stand, side, { seq: (seq + ahead) >>> 0 })
      assert.equal(out.length, passes ? 1 : 0, `${side} ${ahead}`)
      if (!passes) assert.equal(stand.verdictName(), 'ICMP_SEQUENCE')
    }
  }
})

for (const workers of [2, 3]) {
  test(`${workers} workers: an error goes on from whichever read it`, () => {
    const several = new Several(workers)
    const { stands } = several
    const our = { mac: stands[0].macOf(LAN), ip: '192.168.168.3' }
    several.input(0, LAN, arpFrame(2, { mac: RS_MAC, ip: RS.src }, our, our.mac))
    for (let sport = 40_000; sport < 40_012; sport++) {
      const [{ decoded }] = several.segment(0, WAN, { ...SYN, sport })
      assert.ok(decoded.kind === 'tcp')
      const about = { src: RS.src, sport: RS.sport, dst: RS.dst, dport: decoded.sport }
      const packet = icmpError({ about, type: 3, code: 1, seq: decoded.seq })
      for (let at = 0; at < workers; at++) {
        const [out] = several.input(at, LAN, ethernet(our.mac, RS_MAC, 0x0800, packet))
        assert.ok(out?.decoded.kind === 'icmp')
        const { rest } = out.decoded
        assert.deepEqual([out.arm, rest[24] * 256 + rest[25]], [WAN, sport])
      }
    }
  })
}

test('nobody is told of a datagram with nothing but UOA: it is of our own', () => {
  const stand = new Stand(`${UDP_CONFIG}\nudp: { uoa: ipo }`).resolveRss()
  const { src, sport, dst, dport } = SYN
  const [alone] = stand.datagram(WAN, { src, sport, dst, dport, payload: new Uint8Array(1472) })
  const about = { src: RS.src, sport: RS.sport, dst: RS.dst, dport: RS.dport }
  const options = alone.bytes.subarray(44, 52)
  // Of UDP the number is its length, and a checksum.
  const told = (bytes: number) =>
    send(stand, 'rs', { about, options, code: 3, protocol: 17, seq: bytes << 16 }).length
  assert.equal(told(8), 0)
  assert.equal(stand.verdictName(), 'ICMP_QUOTE')
  // One that says something is the client's.
  assert.equal(told(20), 1)
})

test('whatever is done to an error, it changes nothing', () => {
  const stand = established(`${SEED_CONFIG}\ntcp: { toa: master, xmit_ttl: true }`)
  const before = moved(stand)
  const chance = new Chance(20_261_129)
  const verdicts = new Map<string, number>()
  const counted = () =>
    stand.engine.counters.events.slice(Event.CONNS_OPENED, Event.ICMP_TRANSLATED)
  const events = counted()
  for (let n = 0; n < 20_000; n++) {
    const side = chance.below(2) === 0 ? 'client' : 'rs'
    const { about, seq } = SIDES[side]
    const type = [3, 3, 4, 5, 11, 12][chance.below(6)]
    const code = chance.below(6)
    const bytes = [8, 8, 20, 12, 100][chance.below(5)]
    const packet = icmpError({ about, type, code, bytes, seq: (seq + chance.below(3)) >>> 0 })
    if (chance.below(4) > 0) spoil(packet, chance)
    input(stand, side, packet)
    const name = stand.verdictName()
    verdicts.set(name, (verdicts.get(name) ?? 0) + 1)
  }
  assert.deepEqual(moved(stand), before)
  assert.deepEqual(counted(), events)
  for (const name of ['arm 0', 'arm 1', 'ICMP_QUOTE', 'ICMP_NO_CONN', 'ICMP_SEQUENCE', 'ICMP_TYPE'])
    assert.ok((verdicts.get(name) ?? 0) > 50, `${name}: ${[...verdicts]}`)
})

/** Changes a few bytes behind the type, and makes the ICMP checksum right again most of the time. */
function spoil(packet: Uint8Array, chance: Chance): void {
  for (let times = 1 + chance.below(2); times > 0; times--) {
    packet[21 + chance.below(packet.length - 21)] = chance.below(256)
  }
  if (chance.below(10) === 0) return
  packet.set([0, 0], 22)
  const sum = checksum(packet.subarray(20))
  packet.set([sum >> 8, sum & 255], 22)
}
