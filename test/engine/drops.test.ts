/**
 * Every reason for which the engine refuses a frame, each provoked: the named counter rises by exactly one, no other
 * does, nothing leaves, and the slot is free again.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drop } from '../../src/engine/counters.ts'
import { NO_NEIGH } from '../../src/engine/neigh.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import {
  arpFrame,
  checksum,
  concat,
  ethernet,
  ipv4,
  type TcpFields,
  tcp,
  vnetHeader,
} from '../kit/frame.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

type DropName = keyof typeof Drop

/** Reasons that are not the engine's verdicts: the loop's, the arms' and the fault injector's. */
const FROM_IO: DropName[] = ['TX_QUEUE_FULL', 'TX_ARM_DOWN', 'TX_ERROR', 'IMPAIRED']
/** Provoked in neigh.test.ts, for no frame's verdict says it: parked frames are dropped by the timer. */
const FROM_TIMER: DropName[] = ['NEIGH_UNRESOLVED']
/** addRs() refuses an RS without a route, so no packet can meet one; reserved for routes that change at run time. */
const RESERVED: DropName[] = ['TCP_NO_ROUTE']

const WAN = 'dpdk0'
const LAN = 'dpdk1'
const SYN: TcpFields = {
  src: '202.108.10.2',
  sport: 33_896,
  dst: '202.108.10.1',
  dport: 6379,
  flags: 'S',
  seq: 1000,
}
const FROM_RS: TcpFields = {
  src: '192.168.168.2',
  sport: 6379,
  dst: '192.168.168.7',
  dport: 1025,
  flags: '.',
  seq: 9001,
  ack: 1,
}

const seed = new Stand()
const MAC: Record<string, string> = { dpdk0: seed.macOf(WAN), dpdk1: seed.macOf(LAN) }

function frame(packet: Uint8Array, arm = WAN, type = 0x0800): Uint8Array {
  return concat(vnetHeader(), ethernet(MAC[arm], arm === WAN ? CLIENT_MAC : RS_MAC, type, packet))
}

/** The SYN (or what `change` makes of it) in an IP packet with `l3` changed. */
function packet(change: Partial<TcpFields> = {}, l3: object = {}): Uint8Array {
  const fields = { ...SYN, ...change }
  return ipv4({ src: fields.src, dst: fields.dst, protocol: 6, ...l3 }, tcp(fields))
}

/** `bytes` with some overwritten, the IP header checksum made right again. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice()
  copy.set(values, at)
  const header = copy.subarray(0, Math.max(20, Math.min(copy.length, (copy[0] & 15) * 4)))
  header.set([0, 0], 10)
  const sum = checksum(header)
  header.set([sum >> 8, sum & 255], 10)
  return copy
}

function icmp(type: number, bytes = 8, dst = '202.108.10.1', l3 = {}): Uint8Array {
  const message = new Uint8Array(bytes)
  message[0] = type
  const sum = checksum(message)
  if (bytes >= 4) message.set([sum >> 8, sum & 255], 2)
  return ipv4({ src: '202.108.10.2', dst, protocol: 1, ...l3 }, message)
}

function corrupt(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] ^= 1
  return copy
}

function withVnet(fields: object, bytes = frame(packet())): Uint8Array {
  return concat(vnetHeader(fields), bytes.subarray(10))
}

function arp(op: number, senderIp: string, targetIp: string, dstMac = 'ff:ff:ff:ff:ff:ff') {
  const sender = { mac: CLIENT_MAC, ip: senderIp }
  const target = { mac: '00:00:00:00:00:00', ip: targetIp }
  return concat(vnetHeader(), arpFrame(op, sender, target, dstMac))
}

interface Case {
  name: string
  drop: DropName
  bytes: Uint8Array
  arm?: string
  /** What has to happen before, on a stand of this config. */
  before?: (stand: Stand) => void
  config?: string
}

const open = (stand: Stand) => {
  stand.segment(WAN, SYN)
}

/** Opens a connection from each of `count` client ports. */
const openMany = (count: number) => (stand: Stand) => {
  for (let i = 0; i < count; i++) {
    stand.segment(WAN, { ...SYN, sport: 10_000 + i })
    assert.equal(stand.verdictName(), 'arm 1')
  }
}

const source = (src: string, name: string): Case => ({
  name: `SYN from ${name}`,
  drop: 'IP_SOURCE',
  bytes: frame(packet({ src })),
})
const flags = (letters: string, name: string): Case => ({
  name: `${name} without a connection`,
  drop: 'TCP_NO_CONN',
  bytes: frame(packet({ flags: letters })),
})
const ipHeader = (name: string, bytes: Uint8Array): Case => ({
  name,
  drop: 'IP_HEADER',
  bytes: frame(bytes),
})
const vnet = (name: string, fields: object): Case => ({
  name: `virtio-net header: ${name}`,
  drop: 'VNET_HEADER',
  bytes: withVnet(fields),
})
const fragment = (name: string, word: number): Case => ({
  name: `${name} fragment`,
  drop: 'IP_FRAGMENT',
  bytes: frame(packet({}, { fragment: word })),
})
const PARTIAL = { flags: 1, csumStart: 34, csumOffset: 16 }

const CASES: Case[] = [
  { name: 'nothing behind the virtio-net header', drop: 'ETH_RUNT', bytes: vnetHeader() },
  { name: '13 bytes', drop: 'ETH_RUNT', bytes: new Uint8Array(23) },
  {
    name: "somebody else's MAC",
    drop: 'ETH_OTHERHOST',
    bytes: concat(vnetHeader(), ethernet('52:54:00:00:00:99', CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: "the other arm's MAC",
    drop: 'ETH_OTHERHOST',
    bytes: concat(vnetHeader(), ethernet(MAC.dpdk1, CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: 'SYN to the broadcast MAC',
    drop: 'ETH_NOT_UNICAST',
    bytes: concat(vnetHeader(), ethernet('ff:ff:ff:ff:ff:ff', CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: 'SYN to a multicast MAC',
    drop: 'ETH_NOT_UNICAST',
    bytes: concat(vnetHeader(), ethernet('01:00:5e:00:00:01', CLIENT_MAC, 0x0800, packet())),
  },
  { name: '802.1Q', drop: 'ETH_VLAN', bytes: frame(new Uint8Array(46), WAN, 0x8100) },
  { name: '802.1ad', drop: 'ETH_VLAN', bytes: frame(new Uint8Array(46), WAN, 0x88a8) },
  { name: 'IPv6', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 0x86dd) },
  { name: 'LLDP', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 0x88cc) },
  { name: '802.3 with LLC', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 38) },
  vnet('csum_start is not the TCP header', { ...PARTIAL, csumStart: 14 }),
  vnet('csum_start beyond the frame', { ...PARTIAL, csumStart: 65_535 }),
  vnet('csum_offset is not the checksum', { ...PARTIAL, csumOffset: 6 }),
  vnet('GSO without partial checksum', { gsoType: 1, gsoSize: 1460, hdrLen: 54 }),
  vnet('GSO of segments of 0 bytes', { ...PARTIAL, gsoType: 1, hdrLen: 54 }),
  vnet('GSO of UDP', { ...PARTIAL, gsoType: 3, gsoSize: 1460 }),
  vnet('GSO of TCP over IPv6', { ...PARTIAL, gsoType: 4, gsoSize: 1460 }),
  vnet('GSO of an unknown type', { ...PARTIAL, gsoType: 77, gsoSize: 1460 }),
  {
    name: 'virtio-net header: ICMP with a partial checksum',
    drop: 'VNET_HEADER',
    bytes: withVnet(PARTIAL, frame(icmp(8))),
  },
  {
    name: 'short ARP',
    drop: 'ARP_HEADER',
    bytes: arp(1, '202.108.10.2', '1.2.3.4').subarray(0, 51),
  },
  { name: 'ARP for another', drop: 'ARP_NOT_OURS', bytes: arp(1, '202.108.10.2', '202.108.10.9') },
  {
    name: 'ARP reply nobody asked for',
    drop: 'ARP_UNSOLICITED',
    bytes: arp(2, '202.108.10.2', '202.108.10.1', MAC.dpdk0),
  },
  {
    name: 'ARP with our VIP',
    drop: 'ARP_CLAIMS_OURS',
    bytes: arp(1, '202.108.10.1', '202.108.10.2'),
  },
  ipHeader('no IP header', new Uint8Array()),
  ipHeader('19 bytes of IP', packet().subarray(0, 19)),
  ipHeader('version 6', patched(packet(), 0, 0x65)),
  ipHeader('version 0', patched(packet(), 0, 0x05)),
  ipHeader('IHL 4', patched(packet(), 0, 0x44)),
  ipHeader('IHL 0', patched(packet(), 0, 0x40)),
  ipHeader('IHL beyond the frame', patched(packet().subarray(0, 40), 0, 0x4f)),
  ipHeader('total length 19', patched(packet(), 2, 0, 19)),
  ipHeader('total length 0', patched(packet(), 2, 0, 0)),
  ipHeader(
    'total length shorter than the options',
    patched(packet({}, { options: new Uint8Array(8) }), 2, 0, 24),
  ),
  {
    name: 'a bit of the IP header flipped',
    drop: 'IP_CHECKSUM',
    bytes: corrupt(frame(packet()), 10 + 14 + 8),
  },
  {
    name: 'a bit of an IP option flipped',
    drop: 'IP_CHECKSUM',
    bytes: corrupt(frame(packet({}, { options: Uint8Array.of(1, 1, 1, 0) })), 10 + 14 + 21),
  },
  {
    name: 'a byte short of total length',
    drop: 'IP_TRUNCATED',
    bytes: frame(packet().subarray(0, 39)),
  },
  {
    name: 'total length 65535',
    drop: 'IP_TRUNCATED',
    bytes: frame(patched(packet(), 2, 255, 255)),
  },
  fragment('first', 0x2000),
  fragment('middle', 0x2001),
  fragment('last', 0x0003),
  fragment('overlapping (offset 1)', 0x0001),
  fragment('DF and more', 0x6000),
  {
    name: 'ICMP fragment',
    drop: 'IP_FRAGMENT',
    bytes: frame(icmp(8, 64, '202.108.10.1', { fragment: 0x2000 })),
  },
  { name: 'TTL 0', drop: 'IP_TTL', bytes: frame(packet({}, { ttl: 0 })) },
  {
    name: 'TTL 1 with xmit_ttl',
    drop: 'IP_TTL',
    bytes: frame(packet({}, { ttl: 1 })),
    config: `${SEED_CONFIG}\ntcp: { xmit_ttl: true }`,
  },
  { name: 'UDP', drop: 'IP_PROTOCOL', bytes: frame(packet({}, { protocol: 17 })) },
  { name: 'OSPF', drop: 'IP_PROTOCOL', bytes: frame(packet({}, { protocol: 89 })) },
  { name: 'LAND', drop: 'IP_SOURCE', bytes: frame(packet({ src: SYN.dst, sport: 6379 })) },
  source('127.0.0.1', '127/8'),
  source('127.255.255.254', 'the end of 127/8'),
  source('0.0.0.0', '0.0.0.0'),
  source('0.1.2.3', '0/8'),
  source('224.0.0.1', 'a multicast address'),
  source('239.255.255.255', 'another multicast address'),
  source('240.0.0.1', '240/4'),
  source('255.255.255.255', 'broadcast'),
  source('202.108.10.1', 'the VIP'),
  source('192.168.168.7', 'the LIP'),
  source('192.168.168.3', "the other arm's address"),
  source('192.168.168.2', 'the RS, on the client arm'),
  source('192.168.168.200', "the RSs' network, on the client arm"),
  {
    name: "SYN from a client's address on the RSs' arm",
    drop: 'IP_SOURCE',
    arm: LAN,
    bytes: frame(packet(), LAN),
  },
  {
    name: "a segment of the RS, forged on the client's arm",
    drop: 'IP_SOURCE',
    before: open,
    bytes: frame(packet({ ...FROM_RS, flags: 'S.' })),
  },
  {
    name: 'larger than the arm it leaves on',
    drop: 'IP_TOO_BIG',
    config: SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 1000'),
    bytes: frame(packet({ payload: new Uint8Array(961) })),
  },
  {
    name: 'larger than the arm it leaves on, towards the client',
    drop: 'IP_TOO_BIG',
    config: SEED_CONFIG.replace('- name: dpdk0', '$&\n    mtu: 1000'),
    before: open,
    arm: LAN,
    bytes: frame(packet({ ...FROM_RS, payload: new Uint8Array(961) }), LAN),
  },
  { name: '7 bytes of ICMP', drop: 'ICMP_HEADER', bytes: frame(icmp(8, 7)) },
  { name: 'corrupt echo', drop: 'ICMP_CHECKSUM', bytes: corrupt(frame(icmp(8)), 10 + 14 + 20 + 5) },
  { name: 'echo reply', drop: 'ICMP_TYPE', bytes: frame(icmp(0)) },
  { name: 'unreachable', drop: 'ICMP_TYPE', bytes: frame(icmp(3, 36)) },
  { name: 'echo to a stranger', drop: 'ICMP_NOT_OURS', bytes: frame(icmp(8, 8, '202.108.10.9')) },
  {
    name: 'echo to the LIP on the client arm',
    drop: 'ICMP_NOT_OURS',
    bytes: frame(icmp(8, 8, '192.168.168.7')),
  },
  {
    name: '19 bytes of TCP',
    drop: 'TCP_HEADER',
    bytes: frame(patched(packet().subarray(0, 39), 2, 0, 39)),
  },
  { name: 'no TCP', drop: 'TCP_HEADER', bytes: frame(patched(packet().subarray(0, 20), 2, 0, 20)) },
  { name: 'TCP offset 4', drop: 'TCP_HEADER', bytes: frame(patched(packet(), 32, 0x40)) },
  { name: 'TCP offset 0', drop: 'TCP_HEADER', bytes: frame(patched(packet(), 32, 0)) },
  {
    name: 'TCP offset beyond the packet',
    drop: 'TCP_HEADER',
    bytes: frame(patched(packet(), 32, 0x60)),
  },
  {
    name: 'TCP offset into Ethernet padding',
    drop: 'TCP_HEADER',
    bytes: concat(frame(patched(packet(), 32, 0x60)), new Uint8Array(6)),
  },
  {
    name: 'SYN to the LIP',
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    bytes: frame(packet({ ...FROM_RS, flags: 'S' }), LAN),
  },
  {
    name: 'SYN to the LIP, client arm',
    drop: 'TCP_NO_SERVICE',
    bytes: frame(packet({ dst: FROM_RS.dst })),
  },
  {
    name: 'late segment of the RS',
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    bytes: frame(packet(FROM_RS), LAN),
  },
  {
    name: "a lport of a connection, but not from its RS's port",
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    before: open,
    bytes: frame(packet({ ...FROM_RS, sport: 6380 }), LAN),
  },
  { name: 'unknown port', drop: 'TCP_NO_SERVICE', bytes: frame(packet({ dport: 80 })) },
  flags('', 'null scan'),
  flags('FPU', 'xmas scan'),
  flags('.', 'bare ACK'),
  flags('S.', 'SYN+ACK'),
  flags('R', 'RST'),
  {
    name: 'all RSs have weight 0',
    drop: 'TCP_NO_RS',
    config: SEED_CONFIG.replace('weight: 100', 'weight: 0'),
    bytes: frame(packet()),
  },
  {
    name: 'a service without RSs',
    drop: 'TCP_NO_RS',
    config: SEED_CONFIG.replace(/real_servers: .*/, 'real_servers: []'),
    bytes: frame(packet()),
  },
  {
    name: 'no RSs, rr',
    drop: 'TCP_NO_RS',
    config: SEED_CONFIG.replace(/real_servers: .*/, 'real_servers: []').replace('wrr', 'rr'),
    bytes: frame(packet()),
  },
  {
    name: 'the table of 16 connections is full',
    drop: 'CONN_TABLE_FULL',
    config: `${SEED_CONFIG}\nconnections: { table_size: 16 }`,
    before: openMany(16),
    bytes: frame(packet()),
  },
  {
    name: 'all 1008 lports of a 64th part are in use',
    drop: 'LPORT_EXHAUSTED',
    config: `${SEED_CONFIG}\nworker: { lports: { mask: 63, residue: 5 } }`,
    before: openMany(1008),
    bytes: frame(packet()),
  },
  {
    name: 'no place for another neighbour',
    drop: 'NEIGH_TABLE_FULL',
    before: stand => {
      stand.pass(100_000)
      const { neighs } = stand.engine
      for (let i = 0; i < neighs.capacity; i++) neighs.findOrCreate(1, i, NO_NEIGH, stand.now | 0)
      assert.equal(neighs.used, neighs.capacity)
    },
    bytes: frame(packet()),
  },
  {
    name: '129 frames wait for the RS already',
    drop: 'NEIGH_QUEUE_FULL',
    before: stand => {
      stand.pass(100_000)
      for (let i = 0; i < 129; i++) stand.segment(WAN, { ...SYN, sport: 10_000 + i })
    },
    bytes: frame(packet()),
  },
  {
    name: 'half of the arena waits for RSs',
    drop: 'NO_BUFFER',
    config: `${SEED_CONFIG}\nneighbours: { unres_queue_length: 8192 }`,
    before: stand => {
      stand.pass(100_000)
      const { frames } = stand.engine
      for (let i = 0; frames.free > frames.slots / 2; i++) {
        stand.segment(WAN, { ...SYN, sport: 10_000 + i })
      }
    },
    bytes: frame(packet()),
  },
]

for (const { name, drop, bytes, arm = WAN, before, config } of CASES) {
  test(`${drop.toLowerCase()}: ${name}`, () => {
    const stand = new Stand(config).resolveRss()
    before?.(stand)
    const { counters, frames } = stand.engine
    const was = counters.events.slice()
    const free = frames.free
    const dropped = counters.armCell(stand.armIndex(arm), 4)
    assert.deepEqual(stand.inputRaw(arm, bytes), [])
    assert.equal(stand.verdictName(), drop)
    for (const [other, index] of Object.entries(Drop)) {
      assert.equal(counters.events[index] - was[index], other === drop ? 1 : 0, other)
    }
    assert.equal(counters.armCell(stand.armIndex(arm), 4) - dropped, 1, 'drops of the arm')
    assert.equal(frames.free, free)
  })
}

test('every drop reason is in this table, or is known to come from elsewhere', () => {
  const provoked = new Set(CASES.map(({ drop }) => drop))
  const missing = Object.keys(Drop).filter(name => !provoked.has(name as DropName))
  assert.deepEqual(missing.sort(), [...FROM_IO, ...FROM_TIMER, ...RESERVED].sort())
})

test('the numbers of drops are different, and not those of other verdicts', () => {
  const numbers = Object.values(Drop)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.ok(numbers.every(number => number > 2 && number < 64))
})

test('a SYN that opens nothing leaves no connection and no lport behind', () => {
  for (const { drop, bytes, arm = WAN, before, config } of CASES) {
    if (before || drop === 'IP_TOO_BIG' || drop === 'IP_TTL') continue
    const stand = new Stand(config).resolveRss()
    stand.inputRaw(arm, bytes)
    assert.equal(stand.engine.conns.table.used, 0)
    assert.equal(stand.engine.lips[0].used, 0)
  }
})

test('lports: exhaustion counts misses, leaves the others working, and ends when one comes back', () => {
  const config = `${SEED_CONFIG}\nworker: { lports: { mask: 63, residue: 5 } }`
  const stand = new Stand(config).resolveRss()
  openMany(1008)(stand)
  const [pool] = stand.engine.lips
  for (let i = 0; i < 3; i++) stand.segment(WAN, { ...SYN, sport: 30_000 + i })
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  assert.equal(pool.misses, 3)
  assert.equal(stand.engine.conns.table.used, 1008)
  // A connection that has its lport is not touched by the shortage.
  stand.segment(WAN, { ...SYN, sport: 10_500 })
  assert.equal(stand.verdictName(), 'arm 1')
  // The first one is refused by the RS: CLOSE, 3 s, and its lport 1029 is the only free one.
  stand.segment(LAN, { ...FROM_RS, dport: 1029, flags: 'R.' })
  assert.equal(stand.verdictName(), 'arm 0')
  stand.pass(4100)
  const syn = stand.forward(WAN, { ...SYN, sport: 30_000 })
  assert.equal(syn.sport, 1029)
  stand.segment(WAN, { ...SYN, sport: 30_001 })
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
  stand.pass(32_000)
  assert.equal(stand.engine.conns.table.used, 0)
  assert.equal(pool.used, 0)
})

test('lports: an exhausted LIP is passed over; only when all are does the SYN drop', () => {
  const config = `${SEED_CONFIG.replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')}
worker: { lports: { mask: 63, residue: 5 } }`
  const stand = new Stand(config).resolveRss()
  const { lips } = stand.engine
  // Empty the first one behind the service's back.
  while (lips[0].fetch(ipv4Int('192.168.168.2'), 6379) >= 0) {}
  const misses = lips[0].misses
  openMany(1008)(stand)
  assert.equal(lips[1].used, 1008)
  assert.ok(lips[0].misses > misses)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'LPORT_EXHAUSTED')
})

test('the table of connections: a place that falls free is used', () => {
  const stand = new Stand(`${SEED_CONFIG}\nconnections: { table_size: 16 }`).resolveRss()
  openMany(16)(stand)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'CONN_TABLE_FULL')
  assert.equal(stand.engine.lips[0].used, 16)
  stand.segment(LAN, { ...FROM_RS, flags: 'R.' })
  stand.pass(4100)
  stand.segment(WAN, SYN)
  assert.equal(stand.verdictName(), 'arm 1')
})

test('an RS that calls the VIP from its own arm is a client like any other', () => {
  const stand = new Stand().resolveRss()
  const syn = stand.forward(LAN, { ...SYN, src: '192.168.168.2', sport: 50_000 })
  assert.deepEqual([syn.src, syn.dst, syn.dstMac], ['192.168.168.7', '192.168.168.2', RS_MAC])
  const answer = stand.forward(LAN, { ...FROM_RS, flags: 'S.' })
  assert.deepEqual(
    [answer.src, answer.dst, answer.dport],
    ['202.108.10.1', '192.168.168.2', 50_000],
  )
})

test('bad lengths that a lenient parser would take leave the connection alone', () => {
  const stand = new Stand().resolveRss()
  open(stand)
  for (const { bytes, arm = WAN, before, config } of CASES) {
    if (!before && !config) stand.inputRaw(arm, bytes)
  }
  assert.equal(stand.engine.conns.table.used, 1)
  stand.segment(LAN, { ...FROM_RS, flags: 'S.' })
  assert.equal(stand.verdictName(), 'arm 0')
})
