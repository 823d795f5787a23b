/** The config that a rig's engine is built from. */

import type { Protocol } from '../../src/api/protocols.ts'
import type { ConfigArm } from '../../src/config/arms.ts'
import { NO_CHECK } from '../../src/config/check-keys.ts'
import { wholeLength } from '../../src/config/cidr.ts'
import type { ConfigValues } from '../../src/config/config.ts'
import { packList, prefixesOf } from '../../src/config/prefix-lists.ts'
import { NO_HASHING } from '../../src/engine/asker.ts'
import { ConnTable } from '../../src/engine/conn.ts'
import { DEFAULT_TIMEOUTS } from '../../src/engine/tcp-state.ts'
import { UDP_TIMEOUTS } from '../../src/engine/udp-state.ts'
import { ipv4Int, ipv4Text } from '../../src/wire/address.ts'
import { sixText } from './segments6.ts'

export interface RigOptions {
  /** Room in the connection table. */
  conns: number
  /** Of the services; TCP. */
  protocol?: Protocol
  /** `realServers` of them each. */
  services?: number
  realServers?: number
  /** Only the last RS of each service takes connections. */
  lastOnly?: boolean
  lips?: number
  /** Seconds; ESTABLISHED of every service, of UDP all states. */
  establishedSec?: number
  lports?: { mask: number; residue: number }
  /** Half-open connections make room when lports or the table are short. */
  makeRoom?: boolean
  /** SYNs are answered by cookies. */
  cookies?: boolean
  /** What clients speak and what RSs do; IPv4 both. */
  families?: 'six' | 'six to four'
  /** Prefixes of IPv4 on the deny list of each service, none of them a client's. */
  denied?: number
  /** The flight recorder is on, with the memory that it has by default. */
  record?: boolean
}

/** Addresses that RSs share when there are more of them: one neighbour entry each, and those are 4096. */
export const RS_ADDRESSES = 2048
export const VIP = ipv4Int('203.0.113.0')
export const LIP = ipv4Int('172.16.240.1')
export const RIP = ipv4Int('172.16.0.1')
export const VIPS = 16

const REST = {
  capture: { ring: false, bytes: 1 << 20, snaplen: 160, dump: null },
  tcp: {
    toa: 'seed',
    bareAck: 'drop',
    reuse: 'new',
    strict: true,
    windowMost: 2 ** 25,
    xmitTtl: false,
    synProxy: { mss: 1452, sack: true, scale: 0, tries: 3, held: 3 },
    timeouts: [...DEFAULT_TIMEOUTS],
  },
  udp: { uoa: 'off', uoaMaxTrail: 3, timeouts: [...UDP_TIMEOUTS] },
  neighbours: { timeout: 60, unresQueueLength: 128 },
  fragments: { datagrams: 64, timeout: 2 },
  history: { connections: 0, file: null, keep: 30, size: 2 ** 30 },
  log: {
    level: 'info',
    timestamps: false,
    format: 'text',
    modules: {},
    rate: { debug: 1000, kind: 50 },
    file: null,
    sessions: null,
  },
  control: { socket: '', drain: 0, http: null, ui: null },
} as const satisfies Partial<ConfigValues>

const UNGUARDED = {
  connectionRate: null,
  clientRate: null,
  synProxy: 'off',
  synProxyAbove: 10_000,
} as const satisfies Partial<ConfigValues['services'][number]>

const DENIED = 'deny of all'
const FIRST_DENIED = ipv4Int('11.0.0.0')

/** Networks of 16 addresses; clients are in 10.0.0.0/8. */
function deniedPrefixes(count: number): string {
  const texts = Array.from({ length: count }, (_, i) => `${ipv4Text(FIRST_DENIED + 16 * i)}/28`)
  return packList(prefixesOf(texts))
}

export function configOf(options: RigOptions, services: number, realServers: number): ConfigValues {
  const outside = options.families === undefined ? ipv4Text : sixText
  const inside = options.families === 'six' ? sixText : ipv4Text
  const { denied = 0 } = options
  const lips = Array.from({ length: options.lips ?? 3 }, (_, i) => inside(LIP + i))
  const vips = Array.from({ length: Math.min(services, VIPS) }, (_, i) => outside(VIP + i))
  return {
    arms: [
      arm('ext0', '02:00:00:00:00:01', routeTo(outside, '10.0.0.0', 8), vips, []),
      arm('int0', '02:00:00:00:00:02', routeTo(inside, '172.16.0.0', 16), [], lips),
    ],
    snat: [],
    lists: denied > 0 ? { [DENIED]: deniedPrefixes(denied) } : {},
    services: Array.from({ length: services }, (_, service) => ({
      protocol: options.protocol ?? 'tcp',
      address: outside(VIP + (service % VIPS)),
      port: 1000 + Math.floor(service / VIPS),
      scheduler: 'wrr',
      hashing: NO_HASHING,
      module: null,
      localAddresses: lips,
      connTimeout: options.establishedSec ?? 1_000_000,
      check: NO_CHECK,
      passive: null,
      whenDown: 'drop',
      onePacket: false,
      quic: false,
      acl: { deny: denied > 0 ? [DENIED] : [], allow: null, established: 'drop' as const },
      ...UNGUARDED,
      ...(options.cookies && { synProxy: 'on' as const }),
      proxyProtocol: 'off',
      persistence: { timeout: 0, prefix: wholeLength(outside(VIP)) },
      realServers: Array.from({ length: realServers }, (_, i) => {
        const rs = service * realServers + i
        return {
          address: inside(RIP + (rs % RS_ADDRESSES)),
          port: 6379 + Math.floor(rs / RS_ADDRESSES),
          weight: options.lastOnly && i < realServers - 1 ? 0 : 1,
          upperThreshold: 0,
          lowerThreshold: 0,
          backup: false,
          forwarding: 'fullnat' as const,
        }
      }),
    })),
    workers: { count: 1, steering: 'bpf' },
    connections: {
      tableSize: ConnTable.capacityFor(options.conns),
      makeRoom: options.makeRoom ?? false,
      clientShare: 1,
    },
    ...REST,
  }
}

function routeTo(text: (word: number) => string, network: string, length: number) {
  const prefixLength = text === sixText ? 96 + length : length
  return { to: text(ipv4Int(network)), prefixLength, via: null }
}

function arm(
  name: string,
  mac: string,
  route: ConfigArm['routes'][number],
  vips: string[],
  localAddresses: string[],
): ConfigArm {
  return {
    name,
    kind: 'tap',
    netns: null,
    mac,
    mtu: 1500,
    mtuLimit: 1500,
    vlan: null,
    addresses: vips.map(address => ({ address, prefixLength: wholeLength(address) })),
    localAddresses,
    routes: [route],
    neighbours: [],
    impair: { loss: 0, duplicate: 0, reorder: 0, corrupt: 0, seed: 0 },
  }
}
