/** Made-up services, as many as one likes, whose counters go on. Only for work on the page. */

import type { RealServerInfo, ServiceInfo, TrafficInfo } from '../../src/api/commands.ts'

export const STARTED_MS = Date.now() - 93_784_000

const seconds = (atMs: number) => (atMs - STARTED_MS) / 1000
/** A rate that breathes. */
export const wave = (atMs: number, period: number) => 1 + 0.3 * Math.sin(atMs / 1000 / period)
/** The sum of `perSecond * wave`, so that counters only grow. */
export function grown(atMs: number, perSecond: number, period = 37): number {
  const t = atMs / 1000
  return perSecond * (seconds(atMs) + 0.3 * period * (1 - Math.cos(t / period)))
}

function traffic(atMs: number, connsPerSecond: number): TrafficInfo {
  const count = (perConn: number) => Math.floor(grown(atMs, connsPerSecond * perConn))
  return {
    conns: count(1),
    in_packets: count(9),
    out_packets: count(8),
    in_bytes: count(1200),
    out_bytes: count(23_000),
  }
}

function realServer(atMs: number, host: number, port: number, over: Partial<RealServerInfo> = {}) {
  const rate = over.inhibited || over.weight === 0 ? 0 : 60 + host * 40
  const before = traffic(atMs - 1000, rate)
  const stats = traffic(atMs, rate)
  const per = Object.entries(stats).map(([key, value]) => [
    key,
    value - before[key as keyof TrafficInfo],
  ])
  return {
    address: `192.168.168.${host}`,
    port,
    weight: 100,
    upper_threshold: 0,
    lower_threshold: 0,
    backup: false,
    forwarding: 'fullnat' as const,
    active_conns: Math.floor(rate * 20 * wave(atMs, 50)),
    inactive_conns: Math.floor(rate * 6 * wave(atMs, 30)),
    inhibited: false,
    stats,
    rates: Object.fromEntries(per) as unknown as TrafficInfo,
    ...over,
  }
}

/** How many services there are; the first two have a face of their own. */
const SERVICES = Number(process.env.SERVICES ?? 2)

export function services(atMs = Date.now()): ServiceInfo[] {
  const common = {
    protocol: 'tcp' as const,
    address: '202.108.10.1',
    conn_timeout: 0,
    persistence: 0,
    persistence_prefix: 32,
    one_packet: false,
    proxy_protocol: 'off' as const,
    when_down: 'drop' as const,
    local_addresses: [
      { address: '192.168.168.7', arm: 'int0', conflicts: 0, conns: 4100 },
      { address: '192.168.168.8', arm: 'int0', conflicts: 2, conns: 3920 },
    ],
  }
  return [
    {
      ...common,
      port: 6379,
      scheduler: 'wrr',
      hash_fallback: false,
      hash_port: false,
      hash_target: 'sip',
      real_servers: [
        realServer(atMs, 2, 6379),
        realServer(atMs, 3, 6379, { weight: 50, upper_threshold: 4000, lower_threshold: 3000 }),
        realServer(atMs, 4, 6379, {
          inhibited: true,
          reason: 'no answer within 2 s',
          active_conns: 12,
          inactive_conns: 3,
        }),
      ],
    },
    {
      ...common,
      port: 443,
      scheduler: 'rr',
      hash_fallback: false,
      hash_port: false,
      hash_target: 'sip',
      persistence: 360,
      persistence_prefix: 24,
      one_packet: false,
      proxy_protocol: 'off',
      real_servers: [
        realServer(atMs, 5, 8443),
        realServer(atMs, 6, 8443, { weight: 0, active_conns: 7 }),
      ],
    },
    ...Array.from({ length: Math.max(0, SERVICES - 2) }, (_, i) => other(atMs, common, i)),
  ]
}

/** One of many. */
function other(
  atMs: number,
  common: Omit<
    ServiceInfo,
    'port' | 'scheduler' | 'hash_fallback' | 'hash_port' | 'hash_target' | 'real_servers'
  >,
  i: number,
): ServiceInfo {
  return {
    ...common,
    protocol: i % 5 === 4 ? 'udp' : 'tcp',
    address: `202.108.${11 + (i >> 8)}.${i & 255}`,
    port: 80 + (i % 3),
    scheduler: i % 7 === 0 ? 'mh' : 'wrr',
    hash_fallback: false,
    hash_port: false,
    hash_target: 'sip',
    real_servers: [2, 3, 4].map(host =>
      realServer(atMs, host, 8000 + i, i % 50 === 7 && host === 2 ? { inhibited: true } : {}),
    ),
  }
}
