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
    connTimeout: 0,
    whenDown: 'drop',
    persistence: { timeout: 0, prefix: 32 },
    localAddresses: [{ address: '192.168.168.7', arm: 'int0', conflicts: 0, conns: 1 }],
    realServers: [
      {
        address: '192.168.168.2',
        port: 6379,
        weight: 100,
        upperThreshold: 0,
        lowerThreshold: 0,
        backup: false,
        inhibited: false,
        activeConns: 0,
        inactiveConns: 1,
        stats: { conns: 1, inPackets: 6, outPackets: 4, inBytes: 336, outBytes: 222 },
        rates: { conns: 0, inPackets: 2, outPackets: 1, inBytes: 84, outBytes: 56 },
      },
    ],
  },
]

export const CONN: ConnInfo = {
  worker: 5,
  protocol: 'tcp',
  timeoutSec: 7,
  state: 5,
  client: '202.108.10.2:33896',
  vip: '202.108.10.1:6379',
  lip: '192.168.168.7:1028',
  rs: '192.168.168.2:6379',
  seqs: [101, 202],
}

export const ADDRESSES: AddressInfo[] = [
  { address: '202.108.10.1', prefixLength: 32, arm: 'ext0' },
  { address: '192.168.168.3', prefixLength: 32, arm: 'int0' },
  {
    address: '192.168.168.7',
    prefixLength: 32,
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
  },
  { address: '192.168.168.9', mac: null, state: 'SEND', arm: 'int0', worker: 5, static: false },
]

export const ARMS: ArmInfo[] = [
  {
    name: 'ext0',
    mac: '02:74:76:a7:ae:09',
    mtu: 1500,
    ...LINK_UP,
    queues: 1,
    rxPackets: 6,
    rxBytes: 420,
    txPackets: 4,
    txBytes: 278,
    rxDrops: 2,
    txDrops: 0,
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
    rxPackets: 4,
    rxBytes: 250,
    txPackets: 6,
    txBytes: 448,
    rxDrops: 0,
    txDrops: 1,
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
    rs: { buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sumMs: 0 },
    client: { buckets: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], sumMs: 2 },
  },
  frames: { free: 384, slots: 512 },
}

export const NUMBERS: NumbersInfo = {
  atMs: 1_790_000_100_000,
  process: {
    version: '0.1.0',
    node: 'v20.20.2',
    pid: 4242,
    startedMs: 1_790_000_000_000,
    cpuSeconds: 12.5,
    residentBytes: 150_000_000,
    openFds: 31,
  },
  services: SERVICES,
  addresses: ADDRESSES,
  workers: [{ worker: 1, counters: COUNTERS }],
}
