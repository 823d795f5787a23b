/**
 * Fragments of IPv6 (RFC 8200 4.5): put together whatever their order, leaving in some again, and refused by name where they are an attack.
 * What a fragment alone is refused for is in drops.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LAN, WAN } from '../kit/connection.ts'
import { datagram } from '../kit/datagram.ts'
import { body, notLost, pieces, put, putAll, sentWhole } from '../kit/fragments.ts'
import { bytesOf, echo6, endsOf, piece6, pieces6, sentWhole6 } from '../kit/fragments6.ts'
import { concat, fragmentHeader, icmpv6, ipv6, tcp } from '../kit/frame.ts'
import { advertisement, SEED6_CONFIG } from '../kit/nd.ts'
import { CLIENT_MAC, Stand } from '../kit/stand.ts'

const CLIENT = '2001:db8:10::2'
const VIP = '2001:db8:10::1'
const RS = '2001:db8:168::2'
const LIP = '2001:db8:168::7'
const QUESTION = { src: CLIENT, sport: 5000, dst: VIP, dport: 6379 }
const ANSWER = { src: RS, sport: 6379, dst: LIP, dport: 1025 }
const UDP_CONFIG = SEED6_CONFIG.replace('protocol: tcp', 'protocol: udp').replace(
  '- name: dpdk1',
  '$&\n    mtu: 1400',
)

test('a ping in fragments is answered in some of the same size, whatever their order', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const request = pieces6(echo6(5000), 1500)
  assert.equal(request.length, 4)
  const order = fc.shuffledSubarray(request, { minLength: 4 })
  fc.assert(
    fc.property(order, all => {
      notLost(stand, () => {
        assert.deepEqual(putAll(stand, all.slice(0, 3)), [])
        assert.equal(stand.verdictName(), 'PARKED')
        const { packet, sizes } = sentWhole6(put(stand, all[3]), WAN)
        assert.deepEqual(
          sizes,
          request.map(({ length }) => length),
        )
        assert.deepEqual(packet.subarray(44), echo6(5000).subarray(44))
      })
    }),
    { numRuns: 30 },
  )
  assert.equal(stand.events('ICMP_ECHO_REPLIES'), 30)
  assert.equal(stand.events('FRAGMENTED'), 30)
})

test('a datagram in fragments, there and back, over an arm that is narrower', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const { stats } = stand.engine.dests
  const question = datagram({ ...QUESTION, payload: body(8000) })
  notLost(stand, () => {
    const { packet, sizes } = sentWhole6(putAll(stand, pieces6(question, 1400).reverse()), LAN)
    assert.deepEqual(sizes, [1400, 1400, 1400, 1400, 1400, 48 + 8008 - 5 * 1352])
    assert.deepEqual(packet.subarray(48), question.subarray(48))
    assert.deepEqual(endsOf(packet), bytesOf(LIP, RS))
  })
  assert.equal(stand.events('CONNS_OPENED'), 1)
  assert.deepEqual([stats[1], stats[3]], [6, 8008 + 6 * 48])
  const answer = datagram({ ...ANSWER, payload: body(3000) })
  const { packet, sizes } = sentWhole6(putAll(stand, pieces6(answer, 1400), LAN), WAN)
  assert.deepEqual(endsOf(packet), bytesOf(VIP, CLIENT))
  assert.deepEqual(sizes, [1400, 1400, 48 + 3008 - 2 * 1352])
})

test('in no smaller ones than every link carries, and whole if it fits that', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const small = pieces6(datagram({ ...QUESTION, payload: body(3000) }), 200)
  assert.deepEqual(sentWhole6(putAll(stand, small), LAN).sizes, [1280, 1280, 48 + 3008 - 2 * 1232])
  const one = pieces6(datagram({ ...QUESTION, payload: body(1232) }), 600)
  assert.deepEqual(sentWhole6(putAll(stand, one), LAN).sizes, [1280])
})

test('fragments that are larger than the arm are too big, and so is what came whole', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const question = datagram({ ...QUESTION, payload: body(3000) })
  for (const packets of [
    pieces6(question, 1500),
    [datagram({ ...QUESTION, payload: body(1353) })],
  ]) {
    const [told, ...more] = putAll(stand, packets)
    assert.equal(more.length, 0)
    assert.ok(told.decoded.kind === 'icmpv6' && told.arm === WAN)
    assert.deepEqual(
      [told.decoded.type, told.decoded.rest[2] * 256 + told.decoded.rest[3]],
      [2, 1400],
    )
  }
  assert.equal(stand.events('FRAGMENTED'), 0)
})

test('who is told that a fragment was too big is told what he sent, in the first of them alone', () => {
  const stand = new Stand(UDP_CONFIG).resolveRss()
  const out = putAll(stand, pieces6(datagram({ ...QUESTION, payload: body(3000) }), 1400))
  const quotes = out.map(({ bytes }) => bytes.subarray(24, 24 + 1232))
  const tooBig = (quote: Uint8Array) => {
    const ends = { src: '2001:db8:168::fe', dst: LIP }
    const message = concat(Uint8Array.of(0, 0, 5, 20), quote)
    return put(stand, ipv6({ ...ends, next: 58 }, icmpv6(ends, 2, 0, message)), LAN)
  }
  const [told] = tooBig(quotes[0])
  assert.ok(told.decoded.kind === 'icmpv6' && told.arm === WAN)
  const { rest, dst } = told.decoded
  assert.deepEqual([dst, rest[2] * 256 + rest[3]], [CLIENT, 1300])
  const quote = rest.subarray(4)
  assert.deepEqual(endsOf(quote), bytesOf(CLIENT, VIP))
  const sent = datagram({ ...QUESTION, payload: body(3000) }).subarray(40)
  assert.deepEqual([quote[6], quote[40]], [44, 17])
  assert.deepEqual(quote.subarray(48), sent.subarray(0, 1232 - 48))
  assert.deepEqual(tooBig(quotes[1]), [])
  assert.equal(stand.verdictName(), 'ICMP_QUOTE')
})

test('extension headers: those that all nodes read are in front of each fragment, the others behind the first', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const hop = { kind: 0, rest: Uint8Array.of(0, 1, 4, 0, 0, 0, 0) }
  const options = Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0)
  const ends = { src: CLIENT, dst: VIP }
  const syn = tcp({ ...QUESTION, flags: 'S', seq: 9, payload: body(3000) })
  const inside = concat(options, syn)
  const all = [0, 1440, 2880].map((at, i) =>
    ipv6(
      { ...ends, next: 60, extensions: [hop, fragmentHeader(at, i < 2, 5)] },
      inside.subarray(at, Math.min(at + 1440, inside.length)),
    ),
  )
  const out = putAll(stand, all).map(({ bytes }) => bytes.subarray(24))
  assert.equal(out.length, 3)
  const made = concat(...out.map(packet => packet.subarray(56)))
  for (const [i, packet] of out.entries()) {
    assert.deepEqual([packet[6], packet[40], packet[48]], [0, 44, 60])
    assert.deepEqual([packet[50] * 256 + packet[51]], [i * 1440 + (i < 2 ? 1 : 0)])
  }
  assert.deepEqual(made.subarray(0, 8), options)
  assert.deepEqual(made.subarray(28), inside.subarray(28))
  assert.equal(stand.events('CONNS_OPENED'), 1)
})

test('a segment in fragments is translated like a whole one', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const ends = `${CLIENT}.5000 > ${VIP}.6379:`
  const { sport, seq } = stand.forward(WAN, `${ends} Flags [S], seq 1, win 100, length 0`)
  const back = `${RS}.6379 > ${LIP}.${sport}:`
  stand.forward(LAN, `${back} Flags [S.], seq 69, ack ${seq + 1}, win 100, length 0`)
  stand.forward(WAN, `${ends} Flags [.], seq 2, ack 70, win 100, length 0`)
  const fields = { ...QUESTION, flags: 'P.', seq: 2, ack: 70, payload: body(4000) }
  const packet = ipv6({ src: CLIENT, dst: VIP, next: 6 }, tcp(fields))
  const { packet: sent, sizes } = sentWhole6(putAll(stand, pieces6(packet, 1500)), LAN)
  assert.equal(sizes.length, 3)
  assert.deepEqual(sent.subarray(-4000), body(4000))
})

test('one that overlaps takes all of its datagram with it, and what still comes of it', () => {
  const stand = new Stand(SEED6_CONFIG)
  notLost(stand, () => {
    const packet = echo6()
    putAll(stand, [piece6(packet, 0, 1448), piece6(packet, 1440, 1000)])
    assert.equal(stand.verdictName(), 'FRAGMENT_OVERLAP')
    put(stand, piece6(packet, 1448, 1448))
    assert.equal(stand.verdictName(), 'FRAGMENT_OVERLAP')
    stand.pass(2200, 100)
    // An exact duplicate brings nothing new.
    put(stand, piece6(packet, 0, 1448))
    assert.deepEqual(put(stand, piece6(packet, 0, 1448)), [])
    assert.equal(stand.verdictName(), 'DONE')
    stand.pass(2200, 100)
  })
})

test('the same ID of another source, or of another family, is another datagram', () => {
  const stand = new Stand(SEED6_CONFIG)
  const [first, second, third] = pieces6(echo6(), 1500)
  putAll(stand, [first, second])
  put(stand, pieces6(echo6(3000, '2001:db8:10::3'), 1500)[2])
  put(stand, pieces6(echo6(), 1500, 78)[2])
  assert.equal(stand.engine.reassembly.held, 3)
  assert.equal(put(stand, third).length, 3)
})

test('strangers share no datagram, whom no book knows', () => {
  // To a LIP: no word tells them apart.
  const stand = new Stand(SEED6_CONFIG)
  const ping = (src: string) => {
    const ends = { src, dst: LIP }
    return pieces6(ipv6({ ...ends, next: 58 }, icmpv6(ends, 128, 0, body(3004))), 1500)
  }
  const [one, other] = [ping('2001:db8:168::66'), ping('2001:db8:168::67')]
  putAll(stand, [one[0], other[1]], LAN)
  assert.deepEqual(put(stand, one[2], LAN), [])
  assert.equal(stand.engine.reassembly.held, 2)
  assert.equal(put(stand, one[1], LAN).length, 3)
})

test('who does not become whole in time is dropped once; who sent the first fragment is told', () => {
  const stand = new Stand(SEED6_CONFIG)
  notLost(stand, () => {
    const [first, second] = pieces6(echo6(), 1500)
    put(stand, second)
    const errors = () => stand.pass(2200, 100).filter(({ arm }) => arm === WAN)
    assert.deepEqual(errors(), [])
    putAll(stand, [second, first])
    const [told, ...more] = errors()
    assert.equal(more.length, 0)
    assert.ok(told.decoded.kind === 'icmpv6')
    assert.deepEqual([told.decoded.type, told.decoded.code, told.decoded.dst], [3, 1, CLIENT])
    // As much of it as there is room for in what every link carries, its fragment header included.
    assert.deepEqual(told.decoded.rest.subarray(4), first.subarray(0, 1280 - 48))
  })
  assert.equal(stand.drops('FRAGMENT_TIMEOUT'), 2)
})

test('congestion that one fragment met is told of all', () => {
  const stand = new Stand(SEED6_CONFIG)
  const [first, second] = pieces6(echo6(3000, CLIENT, 2), 1500)
  const third = pieces6(echo6(3000, CLIENT, 3), 1500)[2]
  const { packet } = sentWhole6(putAll(stand, [first, second, third]), WAN)
  assert.equal((packet[1] >> 4) & 3, 3)
})

test('neighbours speak in no fragments (RFC 6980), and a fragment of all is none (RFC 6946)', () => {
  const stand = new Stand(SEED6_CONFIG)
  const solicitation = advertisement({ src: CLIENT, dst: VIP }, VIP, CLIENT_MAC, 0, 135)
  put(stand, piece6(solicitation, 0, 32, false))
  assert.equal(stand.verdictName(), 'ND_HEADER')
  putAll(stand, [piece6(solicitation, 0, 24), piece6(solicitation, 24, 8)])
  assert.equal(stand.verdictName(), 'ND_HEADER')
  stand.resolveRss()
  const syn = ipv6({ src: CLIENT, dst: VIP, next: 6 }, tcp({ ...QUESTION, flags: 'S', seq: 1 }))
  assert.equal(put(stand, piece6(syn, 0, 20, false)).length, 1)
})

test('no fragment is inside of what was put together', () => {
  const stand = new Stand(SEED6_CONFIG)
  const inside = piece6(echo6(), 0, 1448)
  putAll(stand, pieces6(inside, 800))
  // Its header says that a fragment follows, which is none to be put together.
  assert.equal(stand.verdictName(), 'IP_PROTOCOL')
})

test('the largest datagram there may be, whose payload alone has 65,535 bytes', () => {
  const stand = new Stand(SEED6_CONFIG)
  const all = pieces6(echo6(65_535 - 8), 1500)
  const { packet } = sentWhole6(putAll(stand, all), WAN)
  assert.equal(packet.length, 65_575)
})

test('a stand that is restored goes on with what the first one had', () => {
  const stand = new Stand(SEED6_CONFIG).resolveRss()
  const all = pieces6(echo6(2000), 1500)
  put(stand, all[0])
  const image = structuredClone(stand.image())
  const twin = new Stand(SEED6_CONFIG, undefined, {}, image)
  assert.deepEqual(twin.image().held, image.held)
  assert.equal(twin.engine.frames.free, stand.engine.frames.free)
  put(twin, all[1])
  // Payload is nothing that an image has.
  assert.equal(twin.verdictName(), 'ICMP_CHECKSUM')
})

test('fragments from IPv6 to an RS of IPv4 and back leave in fragments', () => {
  const yaml = UDP_CONFIG.replaceAll('2001:db8:168::/64', '192.168.168.0/24')
    .replaceAll('2001:db8:168::3/128', '192.168.168.3/32')
    .replaceAll(LIP, '192.168.168.7')
    .replaceAll(RS, '192.168.168.2')
  const stand = new Stand(yaml).resolveRss()
  const question = datagram({ ...QUESTION, payload: body(4000) })
  const { packet, sizes } = sentWhole(putAll(stand, pieces6(question, 1500)), LAN)
  assert.deepEqual(sizes, [1396, 1396, 20 + 4008 - 2 * 1376])
  assert.deepEqual(packet.subarray(28), question.subarray(48))
  const answer = { src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 1025, df: false }
  const back = pieces(datagram({ ...answer, payload: body(3000) }), 1400)
  const told = sentWhole6(putAll(stand, back, LAN), WAN)
  assert.deepEqual(told.sizes, [1416, 1416, 48 + 3008 - 2 * 1368])
  assert.deepEqual(endsOf(told.packet), bytesOf(VIP, CLIENT))
})
