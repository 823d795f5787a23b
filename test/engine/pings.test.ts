/** Pings of hosts inside by SNAT (semantics 8.4), over both families; their checksums are recomputed by the kit. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { connBytes } from '../../src/engine/parts.ts'
import { checkBooks } from '../kit/books.ts'
import { icmpPacket } from '../kit/datagram.ts'
import { body, pieces, put, putAll, sentWhole } from '../kit/fragments.ts'
import { pieces6, whole6 } from '../kit/fragments6.ts'
import { concat } from '../kit/frame.ts'
import { type Out, Stand } from '../kit/stand.ts'

const CONFIG = `
arms:
  - name: ext0
    addresses: [202.108.10.1/24, "2001:db8:10::1/64"]
    local_addresses: [202.108.10.3, "2001:db8:10::3"]
    routes: [{ to: default, via: 202.108.10.254 }, { to: "::/0", via: "2001:db8:10::fe" }]
    neighbours:
      - { address: 202.108.10.254, mac: "52:54:00:00:00:fe" }
      - { address: "2001:db8:10::fe", mac: "52:54:00:00:00:fe" }
  - name: int0
    addresses: [192.168.168.3/24, "2001:db8:168::3/64"]
snat:
  - { protocol: icmp, in: int0, addresses: [{ address: 202.108.10.3 }] }
  - { protocol: icmpv6, in: int0, family: ipv6, addresses: [{ address: "2001:db8:10::3" }] }
`

const ALL = { mask: 0, residue: 0 }

/** Of a family: who is there, and its numbers. */
interface Side {
  readonly host: string
  readonly far: string
  readonly ours: string
  readonly router: string
  readonly types: { request: number; reply: number; exceeded: number; unreachable: number }
  readonly icmpAt: number
}

const FOUR: Side = {
  host: '192.168.168.2',
  far: '10.1.2.3',
  ours: '202.108.10.3',
  router: '202.108.10.254',
  types: { request: 8, reply: 0, exceeded: 11, unreachable: 3 },
  icmpAt: 20,
}
const SIX: Side = {
  host: '2001:db8:168::2',
  far: '2001:db8:99::9',
  ours: '2001:db8:10::3',
  router: '2001:db8:10::fe',
  types: { request: 128, reply: 129, exceeded: 3, unreachable: 1 },
  icmpAt: 40,
}

const message = (src: string, dst: string, type: number, rest: Uint8Array) =>
  icmpPacket({ src, dst }, type, 0, rest)

const echoOf = (id: number, bytes = 56) =>
  concat(Uint8Array.of(id >> 8, id & 255, 0, 7), body(bytes))
const request = (side: Side, id = 0x1234, dst = side.far) =>
  message(side.host, dst, side.types.request, echoOf(id))
const reply = (side: Side, id: number, src = side.far) =>
  message(src, side.ours, side.types.reply, echoOf(id))
/** The identifier at `icmp`. */
const idAt = (packet: Uint8Array, icmp: number) => (packet[icmp + 4] << 8) | packet[icmp + 5]

/** The one packet that has left on this arm. */
function left([out, ...more]: Out[], arm: string, stand: Stand): Uint8Array {
  assert.ok(out !== undefined && more.length === 0, stand.verdictName())
  assert.equal(out.arm, arm)
  return out.bytes.subarray(24)
}
const pinged = (stand: Stand, side: Side, id?: number) =>
  idAt(left(put(stand, request(side, id), 'int0'), 'ext0', stand), side.icmpAt)

test('a reply of nothing but zeroes has the checksum that it must have', () => {
  const stand = new Stand(CONFIG)
  const nothing = new Uint8Array(4)
  const out = left(
    put(stand, message(FOUR.host, FOUR.far, FOUR.types.request, nothing), 'int0'),
    'ext0',
    stand,
  )
  const answer = out.slice(24, 28)
  const back = put(stand, message(FOUR.far, FOUR.ours, FOUR.types.reply, answer), 'ext0')
  assert.deepEqual([...left(back, 'int0', stand).subarray(20)], [0, 0, 0xff, 0xff, 0, 0, 0, 0])
})

for (const [name, side] of [
  ['IPv4', FOUR],
  ['IPv6', SIX],
] as const) {
  test(`over ${name} a ping leaves from an address of ours and with an identifier of ours, and its reply comes back`, () => {
    const stand = new Stand(CONFIG)
    const out = left(put(stand, request(side), 'int0'), 'ext0', stand)
    const lport = idAt(out, side.icmpAt)
    assert.notEqual(lport, 0x1234)
    const expected = message(side.ours, side.far, side.types.request, echoOf(lport))
    assert.deepEqual(out.subarray(side.icmpAt), expected.subarray(side.icmpAt))
    const back = left(put(stand, reply(side, lport), 'ext0'), 'int0', stand)
    const answer = message(side.far, side.host, side.types.reply, echoOf(0x1234))
    assert.deepEqual(back.subarray(side.icmpAt), answer.subarray(side.icmpAt))
    // The same ping goes on by the same identifier, another has its own.
    assert.equal(pinged(stand, side), lport)
    assert.notEqual(pinged(stand, side, 0x1235), lport)
    assert.equal(stand.engine.conns.table.used, 2)
    checkBooks(stand.engine, ALL)
  })

  test(`over ${name} what nobody has asked for goes nowhere inside`, () => {
    const stand = new Stand(CONFIG)
    const lport = pinged(stand, side)
    const refused = (packet: Uint8Array, arm: string, why: string) => {
      assert.deepEqual(put(stand, packet, arm), [])
      assert.equal(stand.verdictName(), why)
    }
    refused(reply(side, lport + 1), 'ext0', 'ICMP_TYPE')
    refused(reply(side, lport, side.router), 'ext0', 'ICMP_TYPE')
    refused(reply(side, lport), 'int0', 'IP_SOURCE')
    const spoilt = reply(side, lport)
    spoilt[spoilt.length - 1] ^= 1
    refused(spoilt, 'ext0', 'ICMP_CHECKSUM')
    const bad = request(side, 9)
    bad[bad.length - 1] ^= 1
    refused(bad, 'int0', 'ICMP_CHECKSUM')
    refused(message(side.far, side.host, side.types.request, echoOf(1)), 'ext0', 'ICMP_NOT_OURS')
    refused(message(side.host, side.far, side.types.reply, echoOf(0)), 'int0', 'ICMP_NOT_OURS')
    assert.equal(stand.engine.conns.table.used, 1)
  })

  test(`over ${name} a router's error goes back inside with what was sent there`, () => {
    const stand = new Stand(CONFIG)
    const out = left(put(stand, request(side, 0), 'int0'), 'ext0', stand)
    const error = (quote: Uint8Array, dst: string) =>
      message(side.router, dst, side.types.exceeded, concat(new Uint8Array(4), quote))
    const back = left(put(stand, error(out, side.ours), 'ext0'), 'int0', stand)
    const quoted = back.subarray(side.icmpAt + 8)
    assert.deepEqual(quoted.subarray(side.icmpAt), request(side, 0).subarray(side.icmpAt))
    // Of another identifier it is about nothing.
    const other = out.slice()
    other[side.icmpAt + 5] ^= 1
    assert.deepEqual(put(stand, error(other, side.ours), 'ext0'), [])
    assert.equal(stand.verdictName(), 'ICMP_NO_CONN')
  })

  test(`over ${name} it is 60 s without a ping until its identifier is another's`, () => {
    const stand = new Stand(CONFIG)
    const lport = pinged(stand, side)
    stand.pass(59_000, 100)
    put(stand, reply(side, lport), 'ext0')
    stand.pass(59_000, 100)
    assert.equal(stand.engine.conns.table.used, 1)
    stand.pass(3000, 100)
    assert.equal(stand.engine.conns.table.used, 0)
    checkBooks(stand.engine, ALL)
  })

  test(`over ${name} one in fragments leaves in fragments`, () => {
    const stand = new Stand(CONFIG)
    const large = message(side.host, side.far, side.types.request, echoOf(5, 3000))
    const sent = putAll(stand, (side === SIX ? pieces6 : pieces)(large, 1500), 'int0')
    const { packet, sizes } = sentWhole(sent, 'ext0', side === SIX ? whole6 : undefined)
    assert.ok(sizes.length > 2)
    assert.equal(packet.length, large.length)
    assert.notEqual(idAt(packet, side.icmpAt), 5)
  })

  test(`over ${name} who gets no identifier is told that it is prohibited (RFC 5508 REQ-8)`, () => {
    const lports = { mask: 16_383, residue: 5 }
    const stand = new Stand(CONFIG, undefined, { lports })
    for (let id = 1; id <= 3; id++) pinged(stand, side, id)
    const told = left(put(stand, request(side, 4), 'int0'), 'int0', stand)
    const { unreachable } = side.types
    assert.deepEqual(
      [...told.subarray(side.icmpAt, side.icmpAt + 2)],
      [unreachable, side === SIX ? 1 : 13],
    )
    // To others there are identifiers.
    left(put(stand, request(side, 4, side.router), 'int0'), 'ext0', stand)
    checkBooks(stand.engine, lports)
  })

  test(`over ${name} only an echo that has waited for a MAC in vain is told of to who has sent one`, () => {
    const stand = new Stand(CONFIG)
    const { engine } = stand
    const out = put(stand, request(side), 'int0')[0]?.bytes ?? new Uint8Array()
    const { frames } = engine
    /** What has left, as ICMP of another type. */
    const returnsOf = (type: number) => {
      const slot = frames.take()
      const bytes = new Uint8Array(frames.pkt.buffer, frames.start[slot], out.length)
      bytes.set(out)
      bytes[24 + side.icmpAt] = type
      frames.length[slot] = out.length
      const isTold = engine.icmp.unreachable.returns(slot)
      if (isTold) stand.drain()
      else frames.release(slot)
      return isTold
    }
    const told = Array.from({ length: 256 }, (_, type) => type).filter(returnsOf)
    assert.deepEqual(told, [side.types.request])
  })

  test(`over ${name} pings outlive their engine`, () => {
    const connMemory = new ArrayBuffer(connBytes(262_144))
    const stand = new Stand(CONFIG, undefined, { connMemory })
    const lport = pinged(stand, side)
    const next = new Stand(CONFIG, undefined, { connMemory, now: stand.now })
    assert.deepEqual(adoptRecords(next.engine, stand.now | 0), { conns: 1, cleared: 0 })
    const image = new Stand(CONFIG, undefined, { now: next.now }, next.image())
    for (const one of [next, image]) {
      const back = left(put(one, reply(side, lport), 'ext0'), 'int0', one)
      assert.equal(idAt(back, side.icmpAt), 0x1234)
    }
  })
}

test('our own addresses answer hosts inside as before', () => {
  const stand = new Stand(CONFIG)
  const own = request(FOUR, 7, '192.168.168.3')
  const back = left(put(stand, own, 'int0'), 'int0', stand)
  assert.equal(idAt(back, 20), 7)
  assert.equal(stand.engine.conns.table.used, 0)
})
