/** Datagrams that are refused for their header, for what they ask for, or because something runs short. */

import { LAN, RS, SYN, WAN } from './connection.ts'
import { type DatagramFields, datagram, offloadUdp } from './datagram.ts'
import { type Case, frame, patched } from './drop.ts'
import { concat, vnetHeader } from './frame.ts'
import { SEED_CONFIG } from './stand.ts'

/** The stand of the seed with a service of UDP at the same address and port. */
export const UDP_CONFIG = SEED_CONFIG.replace('protocol: tcp', 'protocol: udp')
const { src, sport, dst, dport } = SYN
const of = (change: Partial<DatagramFields> = {}) =>
  datagram({ src, sport, dst, dport, payload: new Uint8Array(12), ...change })
const fromRs: Partial<DatagramFields> = {
  src: RS.src,
  sport: RS.sport,
  dst: RS.dst,
  dport: RS.dport,
}
const offloaded = (vnet: object): Uint8Array =>
  concat(vnetHeader({ flags: 1, csumStart: 34, csumOffset: 6, ...vnet }), frame(of()).subarray(10))

const ROWS: Case[] = [
  {
    name: '7 bytes of UDP',
    drop: 'UDP_HEADER',
    bytes: frame(patched(of().subarray(0, 27), 2, 0, 27)),
  },
  { name: 'a length of 7', drop: 'UDP_HEADER', bytes: frame(of({ length: 7 })) },
  { name: 'a length of 0', drop: 'UDP_HEADER', bytes: frame(of({ length: 0 })) },
  { name: 'a length beyond the packet', drop: 'UDP_HEADER', bytes: frame(of({ length: 21 })) },
  {
    name: 'a length into Ethernet padding',
    drop: 'UDP_HEADER',
    bytes: concat(frame(of({ length: 24 })), new Uint8Array(6)),
  },
  { name: 'a wrong checksum', drop: 'UDP_CHECKSUM', bytes: frame(of({ checksum: 0xdead })) },
  {
    name: 'first answer of the RS with a wrong checksum',
    drop: 'UDP_CHECKSUM',
    arm: LAN,
    before: stand => void stand.inputRaw(WAN, frame(of())),
    bytes: frame(of({ ...fromRs, checksum: 0xdead }), LAN),
  },
  { name: 'unknown port', drop: 'UDP_NO_SERVICE', bytes: frame(of({ dport: 80 })) },
  {
    name: 'a service of TCP only',
    drop: 'UDP_NO_SERVICE',
    config: SEED_CONFIG,
    bytes: frame(of()),
  },
  {
    name: 'late answer of the RS',
    drop: 'UDP_NO_SERVICE',
    arm: LAN,
    bytes: frame(of(fromRs), LAN),
  },
  {
    name: 'answer to a datagram that was forwarded by itself',
    drop: 'UDP_NO_SERVICE',
    arm: LAN,
    config: UDP_CONFIG.replace('protocol: udp', 'protocol: udp\n    one_packet: true'),
    before: stand => void stand.inputRaw(WAN, frame(of())),
    bytes: frame(of(fromRs), LAN),
  },
  {
    name: 'all RSs have weight 0',
    drop: 'UDP_NO_RS',
    config: UDP_CONFIG.replace('weight: 100', 'weight: 0'),
    bytes: frame(of()),
  },
  {
    name: 'a service without RSs, a datagram at a time',
    drop: 'UDP_NO_RS',
    config: UDP_CONFIG.replace(/real_servers: .*/, 'real_servers: []').replace(
      'protocol: udp',
      'protocol: udp\n    one_packet: true',
    ),
    bytes: frame(of()),
  },
  {
    name: 'datagrams in one frame, each larger than the arm they leave on',
    drop: 'IP_TOO_BIG',
    config: UDP_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 1000'),
    before: ({ engine }) => {
      engine.icmp.errors.rested = engine.long.ms + 10_000
    },
    bytes: offloadUdp(frame(of({ payload: new Uint8Array(4000) })).subarray(10), 1000),
  },
  {
    name: 'a service without LIPs',
    drop: 'UDP_NO_LIP',
    config: UDP_CONFIG.replace('scheduler: wrr', 'scheduler: wrr\n    local_addresses: []'),
    bytes: frame(of()),
  },
  {
    name: 'a datagram while the daemon stops',
    drop: 'STOPPING',
    before: stand => {
      stand.engine.opening.stopping = true
    },
    bytes: frame(of()),
  },
  {
    name: 'a client of 127/8',
    drop: 'IP_SOURCE',
    bytes: frame(of({ src: '127.0.0.1' })),
  },
  {
    name: 'partial checksum of somebody else',
    drop: 'VNET_HEADER',
    bytes: offloaded({ csumOffset: 16 }),
  },
  {
    name: 'partial checksum of a datagram that ends before the packet',
    drop: 'VNET_HEADER',
    bytes: concat(
      vnetHeader({ flags: 1, csumStart: 34, csumOffset: 6 }),
      frame(of({ length: 16 })).subarray(10),
    ),
  },
  {
    name: 'a datagram to be fragmented (UFO)',
    drop: 'VNET_HEADER',
    bytes: offloaded({ gsoType: 3, gsoSize: 4 }),
  },
  {
    name: 'segments of 0 bytes',
    drop: 'VNET_HEADER',
    bytes: offloaded({ gsoType: 5, gsoSize: 0 }),
  },
  {
    name: 'datagrams in a frame that are to be segments of TCP',
    drop: 'VNET_HEADER',
    bytes: offloaded({ gsoType: 1, gsoSize: 4 }),
  },
]

export const UDP_DROPS: Case[] = ROWS.map(row => ({ config: UDP_CONFIG, ...row }))
