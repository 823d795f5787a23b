/** What a daemon answers after the seed's conversation, for the listings. */

import type {
  AddressInfo,
  ArmInfo,
  ConnInfo,
  CountersInfo,
  NeighbourInfo,
  NumbersInfo,
  ServiceInfo,
} from '../../src/api/commands.ts'
import { LINK_UP } from '../../src/api/link-state.ts'

export const SERVICES: ServiceInfo[] = [
  {
    protocol: 'tcp',
    address: '202.108.10.1',
    port: 6379,
    scheduler: 'wrr',
    hash_fallback: false,
    hash_port: false,
    hash_target: 'sip',
    conn_timeout: 0,
    when_down: 'drop',
    persistence: 0,
    persistence_prefix: 32,
    one_packet: false,
    proxy_protocol: 'off',
    local_addresses: [{ address: '192.168.168.7', arm: 'int0', conflicts: 0, conns: 1 }],
    real_servers: [
      {
        address: '192.168.168.2',
        port: 6379,
        weight: 100,
        upper_threshold: 0,
        lower_threshold: 0,
        backup: false,
        forwarding: 'fullnat' as const,
        inhibited: false,
        active_conns: 0,
        inactive_conns: 1,
        stats: { conns: 1, in_packets: 6, out_packets: 4, in_bytes: 336, out_bytes: 222 },
        rates: { conns: 0, in_packets: 2, out_packets: 1, in_bytes: 84, out_bytes: 56 },
      },
    ],
  },
]

export const CONN: ConnInfo = {
  worker: 5,
  protocol: 'tcp',
  timeout_sec: 7,
  state: 'TIME_WAIT',
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
  forwarding: 'fullnat',
  seqs: [101, 202],
}

export const ADDRESSES: AddressInfo[] = [
  { address: '202.108.10.1', prefix_length: 32, arm: 'ext0' },
  { address: '192.168.168.3', prefix_length: 32, arm: 'int0' },
  {
    address: '192.168.168.7',
    prefix_length: 32,
    arm: 'int0',
    lports: { used: 1, free: 903_151, misses: 0 },
  },
]

export const NEIGHBOURS: NeighbourInfo[] = [
  {
    address: '192.168.168.2',
    mac: '02:00:00:00:00:02',
    state: 'REACHABLE',
    arm: 'int0',
    worker: 5,
    static: false,
    flaps: false,
  },
  {
    address: '192.168.168.9',
    mac: null,
    state: 'SEND',
    arm: 'int0',
    worker: 5,
    static: false,
    flaps: true,
  },
]

export const ARMS: ArmInfo[] = [
  {
    name: 'ext0',
    mac: '02:74:76:a7:ae:09',
    mtu: 1500,
    ...LINK_UP,
    queues: 1,
    rx_packets: 6,
    rx_bytes: 420,
    tx_packets: 4,
    tx_bytes: 278,
    rx_drops: 2,
    tx_drops: 0,
  },
  {
    name: 'int0',
    mac: '02:74:76:ae:8d:eb',
    mtu: 9000,
    up: false,
    admin: 'down',
    link: 'down',
    orphaned: false,
    queues: 1,
    rx_packets: 4,
    rx_bytes: 250,
    tx_packets: 6,
    tx_bytes: 448,
    rx_drops: 0,
    tx_drops: 1,
  },
]

export const COUNTERS: CountersInfo = {
  arms: ARMS,
  drops: { eth_type: 2, ip_ttl: 0, no_buffer: 3 },
  events: { conns_opened: 0, toa_added: 3 },
  conns: { used: 1, capacity: 262_144 },
  states: { none: 0, established: 0, time_wait: 1 },
  neighbours: { none: 0, send: 1, reachable: 1 },
  handshakes: {
    rs: { buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sum_ms: 0 },
    client: { buckets: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sum_ms: 2 },
  },
  frames: { free: 384, slots: 512 },
}

export const NUMBERS: NumbersInfo = {
  at_ms: 1_790_000_100_000,
  process: {
    version: '0.1.0',
    node: 'v20.20.2',
    pid: 4242,
    started_ms: 1_790_000_000_000,
    cpu_seconds: 12.5,
    resident_bytes: 150_000_000,
    open_fds: 31,
  },
  services: SERVICES,
  addresses: ADDRESSES,
  workers: [{ worker: 1, counters: COUNTERS }],
}
