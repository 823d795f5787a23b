/** Segments that are refused for their TCP header, for what they ask for, or because something runs short. */

import assert from 'node:assert/strict'
import { NO_NEIGH } from '../../src/engine/neigh-table.ts'
import { LAN, open, openMany, RS, SYN, WAN } from './connection.ts'
import type { DecodedTcp } from './decode.ts'
import { type Case, frame, packet, patched } from './drop.ts'
import { concat } from './frame.ts'
import { SEED_CONFIG, Stand } from './stand.ts'

const SYN_PROXIED = SEED_CONFIG.replace('scheduler: wrr', 'scheduler: wrr\n    syn_proxy: on')
/** The client's ACK of the cookie that any stand gives it in its first minute. */
const BROUGHT = { ...SYN, flags: '.', seq: 1001, ack: cookieOf(new Stand(SYN_PROXIED)) + 1 }

/** Who is behind the first arm goes out by the second one, from an address of this weight. */
const wayOut = (
  weight: number,
) => `${SEED_CONFIG.replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')}
connections: { make_room: false, client_share: 100% }
snat: [{ source: 202.108.10.0/24, addresses: [{ address: 192.168.168.8, weight: ${weight} }] }]
`
const TO_OUTSIDE = { dst: '192.168.168.9', dport: 80 }

function cookieOf(stand: Stand): number {
  const [answer] = stand.segment(WAN, SYN)
  return (answer.decoded as DecodedTcp).seq
}

const bringCookie = (stand: Stand): void => void stand.segment(WAN, BROUGHT)

const flags = (letters: string, name: string): Case => ({
  name: `${name} without a connection`,
  drop: 'TCP_NO_CONN',
  bytes: frame(packet({ flags: letters })),
})

export const TCP_DROPS: Case[] = [
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
    name: 'SYN with a wrong checksum',
    drop: 'TCP_CHECKSUM',
    bytes: frame(patched(packet(), 36, 0xde, 0xad)),
  },
  {
    name: 'bare ACK with a wrong checksum, which would have been answered',
    drop: 'TCP_CHECKSUM',
    config: `${SEED_CONFIG}tcp: { bare_ack: rst }`,
    bytes: frame(patched(packet({ flags: '.', payload: new Uint8Array(600) }), 50, 1)),
  },
  {
    name: 'refusal by the RS with a wrong checksum',
    drop: 'TCP_CHECKSUM',
    arm: LAN,
    before: open,
    bytes: frame(patched(packet({ ...RS, flags: 'R.', seq: 0 }), 36, 0xde, 0xad), LAN),
  },
  {
    name: 'SYN to the LIP',
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    bytes: frame(packet({ ...RS, flags: 'S' }), LAN),
  },
  {
    name: 'SYN to the LIP, client arm',
    drop: 'TCP_NO_SERVICE',
    bytes: frame(packet({ dst: RS.dst })),
  },
  {
    name: 'late segment of the RS',
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    bytes: frame(packet(RS), LAN),
  },
  {
    name: "a lport of a connection, but not from its RS's port",
    drop: 'TCP_NO_SERVICE',
    arm: LAN,
    before: open,
    bytes: frame(packet({ ...RS, sport: 6380 }), LAN),
  },
  {
    name: 'the second segment before the first, of a service with proxy_protocol',
    drop: 'TCP_PROXY_ORDER',
    config: SEED_CONFIG.replace('scheduler: wrr', 'scheduler: wrr\n    proxy_protocol: v2'),
    before: stand => {
      stand.segment(WAN, SYN)
      stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
    },
    bytes: frame(packet({ flags: 'P.', seq: 1101, ack: 9001, payload: new Uint8Array(100) })),
  },
  {
    name: 'a SYN again, while its RS has not answered, of a service with syn_proxy',
    drop: 'SYN_PROXY_WAITS',
    config: SYN_PROXIED,
    before: bringCookie,
    bytes: frame(packet()),
  },
  {
    name: 'a fourth segment, while its RS has not answered, of a service with syn_proxy',
    drop: 'SYN_PROXY_QUEUE',
    config: SYN_PROXIED,
    before: stand => {
      for (let i = 0; i < 3; i++) bringCookie(stand)
    },
    bytes: frame(packet(BROUGHT)),
  },
  { name: 'unknown port', drop: 'TCP_NO_SERVICE', bytes: frame(packet({ dport: 80 })) },
  flags('', 'null scan'),
  flags('FPU', 'xmas scan'),
  flags('.', 'bare ACK'),
  flags('S.', 'SYN+ACK'),
  flags('R', 'RST'),
  {
    name: 'SYN while the daemon stops',
    drop: 'STOPPING',
    before: stand => {
      stand.engine.opening.stopping = true
    },
    bytes: frame(packet()),
  },
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
    name: 'the RS of its hash is full, another is not',
    drop: 'TCP_NO_RS',
    config: SEED_CONFIG.replace('wrr', 'mh').replace(
      'weight: 100 }',
      'weight: 100, upper_threshold: 1 }, { address: 192.168.168.12, weight: 100 }',
    ),
    before: openMany(1),
    bytes: frame(packet()),
  },
  {
    name: 'a service without LIPs',
    drop: 'TCP_NO_LIP',
    config: SEED_CONFIG.replace('scheduler: wrr', 'scheduler: wrr\n    local_addresses: []'),
    bytes: frame(packet()),
  },
  {
    name: 'the table of 16 connections is full',
    drop: 'CONN_TABLE_FULL',
    config: `${SEED_CONFIG}\nconnections: { table_size: 16, make_room: false, client_share: 100% }`,
    before: openMany(16),
    bytes: frame(packet()),
  },
  {
    name: 'a client has half of a table that is nearly full',
    drop: 'CLIENT_SHARE',
    config: `${SEED_CONFIG}\nconnections: { table_size: 16, make_room: false }`,
    before: openMany(14),
    bytes: frame(packet()),
  },
  {
    name: 'SYN from an address on the deny list',
    drop: 'ACL_DENIED',
    config: `${SEED_CONFIG}    deny: [202.108.10.0/24]\n`,
    bytes: frame(packet()),
  },
  {
    name: 'bare ACK from an address that no allow list has',
    drop: 'ACL_NOT_ALLOWED',
    config: `${SEED_CONFIG}    allow: [203.0.113.0/24]\n`,
    bytes: frame(packet({ flags: '.' })),
  },
  {
    name: 'the second SYN to a service of one in a second',
    drop: 'SERVICE_RATE',
    config: `${SEED_CONFIG}    connection_rate: 1\n`,
    before: openMany(1),
    bytes: frame(packet()),
  },
  {
    name: 'the second SYN of a client that has one in a second',
    drop: 'CLIENT_RATE',
    config: `${SEED_CONFIG}    client_rate: 1\n`,
    before: openMany(1),
    bytes: frame(packet()),
  },
  {
    name: 'SYN of a port that has a connection of another service to the same RS by NAT',
    drop: 'NAT_TAKEN',
    config: `${SEED_CONFIG.replace('weight: 100', '$&, forwarding: nat')}  - address: 202.108.10.1
    port: 6380
    real_servers: [{ address: 192.168.168.2, port: 6379, forwarding: nat }]
`,
    before: stand => void stand.segment(WAN, { ...SYN, dport: 6380 }),
    bytes: frame(packet()),
  },
  {
    name: 'all 1008 lports of a 64th part are in use',
    drop: 'LPORT_EXHAUSTED',
    lports: { mask: 63, residue: 5 },
    config: `${SEED_CONFIG}\nconnections: { make_room: false, client_share: 100% }`,
    before: openMany(1008),
    bytes: frame(packet()),
  },
  {
    name: 'its address outside has no lport left towards there, of two',
    drop: 'LPORT_EXHAUSTED',
    lports: { mask: 32_767, residue: 5 },
    config: wayOut(1),
    before: stand => {
      for (let i = 0; i < 2; i++) stand.segment(WAN, { ...SYN, ...TO_OUTSIDE, sport: 10_000 + i })
    },
    bytes: frame(packet(TO_OUTSIDE)),
  },
  {
    name: 'its address outside has weight 0',
    drop: 'TCP_NO_RS',
    config: wayOut(0),
    bytes: frame(packet(TO_OUTSIDE)),
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
    name: 'hosts inside speak to half of the neighbour table already',
    drop: 'NEIGH_SHARE',
    config: `${SEED_CONFIG.replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')}
snat: [{ source: 202.108.10.0/24, addresses: [{ address: 192.168.168.8 }] }]
`,
    before: stand => {
      const { neighs } = stand.engine
      for (let i = 0; i < neighs.capacity / 2; i++)
        neighs.findOrCreateFar(1, i + 1, new Int32Array(4), NO_NEIGH, stand.now | 0)
    },
    bytes: frame(packet({ dst: '192.168.168.9' })),
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
