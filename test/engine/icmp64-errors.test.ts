/**
 * ICMP errors about packets of clients that speak IPv6 before RSs that speak IPv4: they go on in the other family, with what their
 * receiver has sent in them (RFC 7915 4.2 and 5.2).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksummed } from '../kit/datagram.ts'
import { concat, ethernet, icmpv6, ipv4, ipv6, tcp } from '../kit/frame.ts'
import { CLIENT, established64, LAN, LIP, packetOf, RS, VIP, WAN } from '../kit/nat64.ts'
import { CLIENT_MAC, type Out, RS_MAC, type Stand } from '../kit/stand.ts'

const ROUTER4 = '192.168.168.254'
const ROUTER6 = '2001:db8:10::fe'

type End = { host: string; port: number }

function segment(from: End, to: End, seq: number, ack: number): Uint8Array {
  return tcp({
    src: from.host,
    dst: to.host,
    sport: from.port,
    dport: to.port,
    flags: '.',
    seq: seq >>> 0,
    ack: ack >>> 0,
    payload: new Uint8Array(20),
  })
}

const quote4 = (from: End, to: End, seq: number, ack: number) =>
  ipv4({ src: from.host, dst: to.host, protocol: 6, id: 0, ttl: 60 }, segment(from, to, seq, ack))
const quote6 = (from: End, to: End, seq: number, ack: number) =>
  ipv6({ src: from.host, dst: to.host, next: 6, hopLimit: 60 }, segment(from, to, seq, ack))

const be32 = (value: number) => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
]

function error4(
  src: string,
  dst: string,
  type: number,
  code: number,
  rest: number,
  quote: Uint8Array,
) {
  const message = concat(Uint8Array.from([type, code, 0, 0, ...be32(rest)]), quote)
  return ipv4({ src, dst, protocol: 1, id: 0 }, checksummed(message))
}

function error6(
  src: string,
  dst: string,
  type: number,
  code: number,
  rest: number,
  quote: Uint8Array,
) {
  const body = concat(Uint8Array.from(be32(rest)), quote)
  return ipv6({ src, dst, next: 58 }, icmpv6({ src, dst }, type, code, body))
}

const fromLan = (stand: Stand, packet: Uint8Array): Out[] =>
  stand.input(LAN, ethernet(stand.macOf(LAN), RS_MAC, 0x0800, packet))
const fromWan = (stand: Stand, packet: Uint8Array): Out[] =>
  stand.input(WAN, ethernet(stand.macOf(WAN), CLIENT_MAC, 0x86dd, packet))

/** Of IPv4: type, code, rest. Of IPv6: the same, or null for an error that nobody is told of. */
type Row = [name: string, told: [number, number, number], as: [number, number, number] | null]

const TO_CLIENT: Row[] = [
  ['network unreachable', [3, 0, 0], [1, 0, 0]],
  ['host unreachable', [3, 1, 0], [1, 0, 0]],
  ['protocol unreachable', [3, 2, 0], [4, 1, 6]],
  ['port unreachable', [3, 3, 0], [1, 4, 0]],
  ['fragmentation needed, with room for TOA', [3, 4, 1400], [2, 0, 1400]],
  ['fragmentation needed below what IPv6 carries', [3, 4, 1000], [2, 0, 1280]],
  ['fragmentation needed of a router that says no MTU', [3, 4, 0], [2, 0, 1280]],
  ['source route failed', [3, 5, 0], [1, 0, 0]],
  ['host prohibited', [3, 10, 0], [1, 1, 0]],
  ['TOS', [3, 12, 0], [1, 0, 0]],
  ['prohibited', [3, 13, 0], [1, 1, 0]],
  ['precedence violated', [3, 14, 0], null],
  ['precedence cut off', [3, 15, 0], [1, 1, 0]],
  ['a code that is none', [3, 16, 0], null],
  ['source quench', [4, 0, 0], null],
  ['redirect', [5, 0, 0], null],
  ['time exceeded', [11, 0, 0], [3, 0, 0]],
  ['reassembly', [11, 1, 0], [3, 1, 0]],
  ['a wrong TTL', [12, 0, 8 << 24], [4, 0, 7]],
  ['a wrong destination', [12, 0, 19 << 24], [4, 0, 24]],
  ['a wrong ID', [12, 0, 4 << 24], null],
  ['a wrong checksum', [12, 0, 10 << 24], null],
  ['an option that is missing', [12, 1, 0], null],
  ['a bad length', [12, 2, 2 << 24], [4, 0, 4]],
]

/** What was sent is this packet on this arm, or nothing where it has no counterpart. */
function assertGoesOn(
  stand: Stand,
  out: readonly Out[],
  arm: string,
  expected: Uint8Array | null,
): void {
  if (expected === null) {
    assert.deepEqual(out, [])
    assert.equal(stand.verdictName(), 'ICMP_TYPE')
    return
  }
  assert.equal(out.length, 1, stand.verdictName())
  assert.equal(out[0]?.arm, arm)
  assert.deepEqual(packetOf(out[0]), Buffer.from(expected))
  assert.equal(stand.events('ICMP_TRANSLATED'), 1)
}

for (const [name, told, as] of TO_CLIENT) {
  test(`from behind us: ${name}`, () => {
    const { stand, lip, delta } = established64()
    const packet = error4(ROUTER4, LIP, ...told, quote4(lip, RS, 2 + delta, 70))
    const out = fromLan(stand, packet)
    const expected = as && error6(VIP.host, CLIENT.host, ...as, quote6(CLIENT, VIP, 2, 70))
    assertGoesOn(stand, out, WAN, expected)
  })
}

const TO_RS: Row[] = [
  ['no route', [1, 0, 0], [3, 1, 0]],
  ['prohibited', [1, 1, 0], [3, 10, 0]],
  ['beyond scope', [1, 2, 0], [3, 1, 0]],
  ['address unreachable', [1, 3, 0], [3, 1, 0]],
  ['port unreachable', [1, 4, 0], [3, 3, 0]],
  ['a policy', [1, 5, 0], null],
  ['packet too big', [2, 0, 1400], [3, 4, 1380]],
  ['packet too big below what IPv6 carries', [2, 0, 500], [3, 4, 1260]],
  ['packet too big of more than IPv4 has', [2, 0, 0xffff_ffff], [3, 4, 65_535]],
  ['time exceeded', [3, 0, 0], [11, 0, 0]],
  ['a wrong hop limit', [4, 0, 7], [12, 0, 8 << 24]],
  ['a wrong source', [4, 0, 23], [12, 0, 12 << 24]],
  ['a wrong destination', [4, 0, 39], [12, 0, 16 << 24]],
  ['a wrong flow label', [4, 0, 3], null],
  ['what is behind the header', [4, 0, 40], null],
  ['a pointer beyond all', [4, 0, 0xffff_ffff], null],
  ['an unknown next header', [4, 1, 6], [3, 2, 0]],
  ['an unknown option', [4, 2, 0], null],
  ['a type that is none', [5, 0, 0], null],
]

for (const [name, told, as] of TO_RS) {
  test(`from the client: ${name}`, () => {
    const { stand, lip, delta } = established64()
    const packet = error6(ROUTER6, VIP.host, ...told, quote6(VIP, CLIENT, 70, 2))
    const out = fromWan(stand, packet)
    const expected = as && error4(LIP, RS.host, ...as, quote4(RS, lip, 70, 2 + delta))
    assertGoesOn(stand, out, LAN, expected)
  })
}

test('of a large error as much goes on as every link carries', () => {
  const { stand, lip, delta } = established64()
  const grown = (quote: Uint8Array, bytes: number) => concat(quote, new Uint8Array(bytes))
  const [toClient] = fromLan(
    stand,
    error4(ROUTER4, LIP, 3, 1, 0, patchedLength(grown(quote4(lip, RS, 2 + delta, 70), 1300))),
  )
  assert.equal(packetOf(toClient).length, 1280)
  const long = grown(quote6(VIP, CLIENT, 70, 2), 1100)
  long.set([1140 >> 8, 1140 & 255], 4)
  const [toRs] = fromWan(stand, error6(ROUTER6, VIP.host, 1, 0, 0, long))
  assert.equal(packetOf(toRs).length, 576)
})

/** The quoted packet says that it is as long as it is here. */
function patchedLength(packet: Uint8Array): Uint8Array {
  const header = packet.slice(0, 20)
  header.set([packet.length >> 8, packet.length & 255, 0, 0], 2)
  header.set([0, 0], 10)
  const made = ipv4({ src: LIP, dst: RS.host, protocol: 6, id: 0, ttl: 60 }, packet.subarray(20))
  return made
}

test('what an error says beside the packet is left out', () => {
  const { stand, lip, delta } = established64()
  const quote = concat(quote4(lip, RS, 2 + delta, 70), new Uint8Array(128 - 60))
  const extension = Uint8Array.of(0x20, 0, 0, 0, 0, 8, 1, 1, 0, 0, 0, 0)
  const packet = error4(ROUTER4, LIP, 11, 0, 32 << 16, concat(quote, extension))
  const [out] = fromLan(stand, packet)
  const expected = error6(VIP.host, CLIENT.host, 3, 0, 0, quote6(CLIENT, VIP, 2, 70))
  assert.deepEqual(packetOf(out), Buffer.from(expected))
})

test('eight bytes behind the header are enough for ports and the number', () => {
  const { stand, lip, delta } = established64()
  const quote = quote4(lip, RS, 2 + delta, 70).subarray(0, 28)
  const [out] = fromLan(stand, error4(ROUTER4, LIP, 3, 1, 0, quote))
  const expected = error6(
    VIP.host,
    CLIENT.host,
    1,
    0,
    0,
    quote6(CLIENT, VIP, 2, 70).subarray(0, 48),
  )
  assert.deepEqual(packetOf(out), Buffer.from(expected))
})

test('a number that nothing has come to, another side, or our own address as the sender: refused', () => {
  const { stand, lip, delta } = established64()
  const far = quote4(lip, RS, delta + (1 << 26), 70)
  const near = quote4(lip, RS, 2 + delta, 70)
  assert.deepEqual(fromLan(stand, error4(ROUTER4, LIP, 3, 1, 0, far)), [])
  assert.equal(stand.verdictName(), 'ICMP_SEQUENCE')
  assert.deepEqual(fromLan(stand, error4('192.168.168.3', LIP, 3, 1, 0, near)), [])
  assert.equal(stand.verdictName(), 'IP_SOURCE')
  const packet = error4(ROUTER4, LIP, 3, 1, 0, near)
  stand.input(WAN, ethernet(stand.macOf(WAN), CLIENT_MAC, 0x0800, packet))
  assert.equal(stand.verdictName(), 'IP_SOURCE')
})
