/** Connection IDs of QUIC: which RS they name, when it gets the datagram, and that anything else is a datagram like any (semantics 8.5). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WAN } from '../kit/connection.ts'
import { UDP_CONFIG } from '../kit/drops-udp.ts'
import { SEED6_CONFIG, SEED64_CONFIG } from '../kit/nd.ts'
import { connectionId, longHeader, shortHeader } from '../kit/quic.ts'
import { RS_MAC, Stand } from '../kit/stand.ts'

const RSS = ['192.168.168.2', '192.168.168.12', '192.168.169.12']
const [FIRST, SECOND, THIRD] = RSS as [string, string, string]

/** `servers` in YAML, in the order in which they are added; of wrr the last one has the first turn. */
function appliance(servers: readonly string[], config = UDP_CONFIG, more = ''): Stand {
  const quic = config
    .replace(/protocol: \w+/, `protocol: udp\n    quic: true${more}`)
    .replace(/real_servers.*/, `real_servers: [${servers.join(', ')}]`)
    .replace('192.168.168.0/24', '192.168.168.0/23')
    .replace('2001:db8:168::/64', '2001:db8:168::/48')
  return new Stand(quic).resolveRss()
}

const of = (address: string, more = '') => `{ address: '${address}'${more} }`
let port = 1000

/** The RS that a datagram of a client that is new here goes to, and its port. */
function rsFor(stand: Stand, payload: Uint8Array, src = '202.108.10.9', dst = '202.108.10.1') {
  for (const rs of RSS) stand.arpReply(rs, RS_MAC)
  const [first] = stand.datagram(WAN, { src, sport: ++port, dst, dport: 6379, payload })
  if (first?.decoded.kind !== 'udp') return stand.verdictName()
  return `${first.decoded.dst} ${first.decoded.dport}`
}

const byId = (stand: Stand) => stand.events('QUIC_BY_ID')

test('an ID names an RS by the last bytes of its address, with its port or without', () => {
  const stand = appliance(RSS.map(address => of(address)))
  let named = 0
  for (const [address, bytes] of [
    [FIRST, 1],
    [SECOND, 2],
    [THIRD, 2],
    [THIRD, 3],
    [SECOND, 4],
  ] as const)
    for (const port of [undefined, 6379])
      for (const header of [shortHeader, longHeader]) {
        const id = connectionId({ address, bytes, ...(port && { port }) })
        assert.equal(rsFor(stand, header(id)), `${address} 6379`)
        assert.equal(byId(stand), ++named)
      }
})

test('the shortest header, the longest ID, another version, and packets behind the first one', () => {
  const stand = appliance(RSS.map(address => of(address)))
  const id = connectionId({ address: SECOND, bytes: 2, port: 6379 })
  assert.equal(id.length, 7)
  const long = connectionId({ address: SECOND, bytes: 2, length: 255 })
  const other = connectionId({ address: FIRST, bytes: 2, port: 6379 })
  const all = [
    shortHeader(id, new Uint8Array()),
    shortHeader(connectionId({ address: SECOND, bytes: 2, length: 20 })),
    longHeader(long, [0xba, 0xba, 0xba, 0xba]),
    longHeader(id, [0x6b, 0x33, 0x43, 0xcf], longHeader(other)),
  ]
  for (const payload of all) assert.equal(rsFor(stand, payload), `${SECOND} 6379`)
  assert.equal(byId(stand), all.length)
})

test('what names no RS of the service is scheduled, whatever it is', () => {
  const stand = appliance([of(FIRST), of(SECOND)])
  const id = connectionId({ address: SECOND, bytes: 2, port: 6379 })
  const others = [
    connectionId({ address: SECOND, bytes: 2, port: 6380 }),
    connectionId({ address: THIRD, bytes: 2 }),
    // Of IPv4 nothing is said by five bytes.
    connectionId({ address: '::c0a8:a80c', bytes: 5 }),
    connectionId({ address: '::c0a8:a80c', bytes: 8 }),
  ]
  const cut = [shortHeader(id, new Uint8Array()).subarray(0, 7), longHeader(id).subarray(0, 12)]
  const negotiation = longHeader(id, [0, 0, 0, 0])
  const all = [...others.map(other => shortHeader(other)), ...cut, negotiation, new Uint8Array()]
  const met = all.map(payload => rsFor(stand, payload))
  assert.equal(byId(stand), 0)
  assert.equal(met.filter(rs => rs === `${FIRST} 6379`).length, all.length / 2)
})

test('any bytes are a datagram, which goes to an RS of the service', () => {
  const stand = appliance(RSS.map(address => of(address)))
  const known = RSS.map(address => `${address} 6379`)
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    // Long enough for a header, and with a length of its own.
    fc
      .uint8Array({ minLength: 6, maxLength: 30 })
      .map(all => Uint8Array.of(0xc0, 0, 0, 0, 1, ...all)),
  )
  fc.assert(
    fc.property(bytes, payload => {
      assert.ok(known.includes(rsFor(stand, payload)))
    }),
    { numRuns: 100 },
  )
})

test('any RS is found by what its address and port say, and by nothing less', () => {
  // Our own addresses there end in 3 and 7.
  const host = fc.integer({ min: 8, max: 60_000 })
  const arbitrary = fc.uniqueArray(fc.tuple(host, fc.integer({ min: 1, max: 65_535 })), {
    minLength: 1,
    maxLength: 12,
    selector: String,
  })
  fc.assert(
    fc.property(arbitrary, fc.integer({ min: 2, max: 8 }), (all, bytes) => {
      const rss = all.map(([low, port]) => ({ address: `2001:db8:168::${low.toString(16)}`, port }))
      const servers = rss.map(({ address, port }) => of(address, `, port: ${port}`))
      const stand = appliance(servers, SEED6_CONFIG)
      for (const { address, port } of rss) {
        const id = connectionId({ address, bytes, port })
        const rs = rsFor(stand, shortHeader(id), '2001:db8:10::9', '2001:db8:10::1')
        assert.equal(rs, `${address} ${port}`)
      }
      assert.equal(byId(stand), rss.length)
    }),
    { numRuns: 6 },
  )
})

test('RSs of IPv4 are named to clients of IPv6', () => {
  const stand = appliance([of(FIRST), of(SECOND)], SEED64_CONFIG)
  for (const address of [FIRST, SECOND, SECOND, FIRST, FIRST]) {
    const payload = shortHeader(connectionId({ address, bytes: 4 }))
    assert.equal(rsFor(stand, payload, '2001:db8:10::9', '2001:db8:10::1'), `${address} 6379`)
  }
})

test('a conversation goes on at an RS of weight 0, and none begins there; a full one gets neither', () => {
  const stand = appliance([
    of(FIRST),
    of(SECOND, ', weight: 0'),
    of(THIRD, ', upper_threshold: 1, weight: 0'),
  ])
  const id = connectionId({ address: SECOND, bytes: 2 })
  assert.equal(rsFor(stand, shortHeader(id)), `${SECOND} 6379`)
  assert.notEqual(rsFor(stand, longHeader(id)), `${SECOND} 6379`)
  const full = shortHeader(connectionId({ address: THIRD, bytes: 2 }))
  const met = [rsFor(stand, full), rsFor(stand, full), rsFor(stand, full)]
  assert.equal(met.filter(rs => rs === `${THIRD} 6379`).length, 1, met.join())
})

test('an ID goes before persistence, and with one packet at a time', () => {
  for (const more of ['\n    persistence: 60', '\n    one_packet: true']) {
    const stand = appliance([of(FIRST), of(SECOND)], UDP_CONFIG, more)
    const none = new Uint8Array(9)
    const first = rsFor(stand, none)
    for (const address of [SECOND, FIRST, SECOND])
      assert.equal(
        rsFor(stand, shortHeader(connectionId({ address, bytes: 1 }))),
        `${address} 6379`,
      )
    if (more.includes('persistence')) assert.equal(rsFor(stand, none), first)
  }
})

test('RSs that come and go are known at once, also behind an image', () => {
  const stand = appliance([of(FIRST)])
  const payload = shortHeader(connectionId({ address: SECOND, bytes: 2 }))
  assert.equal(rsFor(stand, payload), `${FIRST} 6379`)
  const rs = {
    protocol: 'udp',
    vip: '202.108.10.1',
    vport: 6379,
    address: SECOND,
    port: 6379,
  } as const
  stand.change([
    {
      put: 'rs',
      rs: {
        ...rs,
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        forwarding: 'fullnat',
        place: 1,
      },
    },
  ])
  stand.resolveRss()
  assert.equal(rsFor(stand, payload), `${SECOND} 6379`)
  const again = new Stand(UDP_CONFIG, undefined, {}, stand.image())
  assert.equal(rsFor(again, payload), `${SECOND} 6379`)
})

test('lists and rates are asked before', () => {
  const stand = appliance([of(FIRST)], UDP_CONFIG, '\n    deny: [202.108.10.9]')
  const payload = shortHeader(connectionId({ address: FIRST, bytes: 2 }))
  assert.equal(rsFor(stand, payload), 'ACL_DENIED')
  assert.equal(stand.drops('ACL_DENIED'), 1)
})
