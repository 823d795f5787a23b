/** A daemon's numbers, made up, that go on like those of a busy one. Only for work on the page. */

import type {
  ArmInfo,
  CountersInfo,
  EdgeInfo,
  NumbersInfo,
  RealServerInfo,
  ServiceInfo,
  TrafficInfo,
} from '../../src/api/commands.ts'
import { LINK_UP } from '../../src/api/link-state.ts'
import type { LiveInfo, SeriesInfo, StepInfo } from '../../src/api/page.ts'
import { DROP_WORDS } from '../../src/see/drops/drops.ts'
import { EVENT_WORDS } from '../../src/see/words/event-words.ts'

const WORKERS = 4
const STARTED_MS = Date.now() - 93_784_000
const CAPACITY = 2_097_152

const EDGES: [EdgeInfo['direction'], EdgeInfo['event'], string, string, number][] = [
  ['in', 'syn', 'NONE', 'SYN_RECV', 1],
  ['in', 'ack', 'SYN_RECV', 'ESTABLISHED', 0.97],
  ['out', 'fin', 'ESTABLISHED', 'FIN_WAIT', 0.31],
  ['in', 'fin', 'ESTABLISHED', 'CLOSE_WAIT', 0.62],
  ['out', 'fin', 'CLOSE_WAIT', 'TIME_WAIT', 0.61],
  ['in', 'fin', 'FIN_WAIT', 'TIME_WAIT', 0.3],
  ['in', 'rst', 'ESTABLISHED', 'CLOSE', 0.02],
  ['out', 'rst', 'ESTABLISHED', 'CLOSE', 0.01],
  ['out', 'rst', 'SYN_RECV', 'CLOSE', 0.005],
  ['in', 'syn', 'TIME_WAIT', 'SYN_RECV', 0.001],
]

const seconds = (atMs: number) => (atMs - STARTED_MS) / 1000
/** A rate that breathes. */
const wave = (atMs: number, period: number) => 1 + 0.3 * Math.sin(atMs / 1000 / period)
/** The sum of `perSecond * wave`, so that counters only grow. */
function grown(atMs: number, perSecond: number, period = 37): number {
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

function services(atMs: number): ServiceInfo[] {
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
  ]
}

function arms(atMs: number): ArmInfo[] {
  const arm = (name: string, mac: string, mtu: number, part: number): ArmInfo => ({
    name,
    mac,
    mtu,
    ...LINK_UP,
    queues: WORKERS,
    rx_packets: Math.floor(grown(atMs, 1200 * part)),
    rx_bytes: Math.floor(grown(atMs, 640_000 * part)),
    tx_packets: Math.floor(grown(atMs, 1100 * part)),
    tx_bytes: Math.floor(grown(atMs, 820_000 * part)),
    rx_drops: Math.floor(grown(atMs, 3)),
    tx_drops: 0,
  })
  return [arm('ext0', '02:74:76:00:00:01', 1500, 1), arm('int0', '02:74:76:00:00:02', 1500, 1.2)]
}

function states(atMs: number): Record<string, number> {
  const n = (value: number, period: number) => Math.floor(value * wave(atMs, period))
  return {
    none: 0,
    established: n(1900, 23),
    syn_sent: 0,
    syn_recv: n(30, 3),
    fin_wait: n(64, 5),
    time_wait: n(720, 11),
    close: n(14, 4),
    close_wait: n(90, 7),
    last_ack: 0,
    listen: 0,
    synack: 0,
  }
}

function counters(atMs: number): CountersInfo {
  const zero = (words: object) => Object.fromEntries(Object.keys(words).map(name => [name, 0]))
  const handshakes = {
    buckets: [900, 500, 120, 40, 10, 4, 2, 1, 0, 0, 0, 0, 0].map(n =>
      Math.floor(grown(atMs, n / 100)),
    ),
    sum_ms: 0,
  }
  const own = states(atMs)
  const used = Object.values(own).reduce((a, b) => a + b, 0)
  const burst = Math.floor(atMs / 60_000) % 3 === 0 ? grown(atMs, 40, 5) : 0
  return {
    arms: arms(atMs),
    drops: {
      ...zero(DROP_WORDS),
      tcp_no_conn: Math.floor(grown(atMs, 2.4, 9)),
      eth_otherhost: Math.floor(grown(atMs, 0.7)),
      tcp_no_service: Math.floor(grown(atMs, 0.2)),
      lport_exhausted: Math.floor(burst / 400),
    },
    events: { ...zero(EVENT_WORDS), conns_opened: Math.floor(grown(atMs, 82)) },
    conns: { used, capacity: CAPACITY / WORKERS },
    states: own,
    neighbours: { reachable: 5 },
    handshakes: { rs: handshakes, client: handshakes },
    frames: { free: 2000, slots: 2048 },
  }
}

function numbers(atMs: number): NumbersInfo {
  const lports = (worker: number, lip: number) => {
    const used = Math.floor((lip === 7 ? 9000 : 300) * (worker + 1) * wave(atMs, 90))
    return { used, free: 258_044 - used, misses: lip === 7 && worker === 3 ? 3 : 0 }
  }
  const address = (host: number) => {
    const all = Array.from({ length: WORKERS }, (_, worker) => lports(worker, host))
    return {
      address: `192.168.168.${host}`,
      prefix_length: 32,
      arm: 'int0',
      lports: all.reduce((a, b) => ({
        used: a.used + b.used,
        free: a.free + b.free,
        misses: a.misses + b.misses,
      })),
      lports_of_workers: all,
    }
  }
  return {
    at_ms: atMs,
    process: {
      version: '0.1.0',
      node: 'v20.20.0',
      pid: 4711,
      started_ms: STARTED_MS,
      cpu_seconds: 12,
      resident_bytes: 300e6,
      open_fds: 40,
    },
    services: services(atMs),
    addresses: [
      { address: '202.108.10.1', prefix_length: 32, arm: 'ext0' },
      address(7),
      address(8),
    ],
    workers: Array.from({ length: WORKERS }, (_, i) => ({
      worker: i + 1,
      counters: counters(atMs),
    })),
  }
}

export function live(): LiveInfo {
  const atMs = Date.now()
  const all = Object.entries(states(atMs)).map(([name, count]) => [name, count * WORKERS])
  return {
    at_ms: atMs,
    numbers: numbers(atMs),
    states: Object.fromEntries(all),
    edges: EDGES.map(([direction, event, from, to, part]) => ({
      direction,
      event,
      from,
      to,
      count: Math.floor(grown(atMs, 30 * part, 6)),
      last: `${event.toUpperCase()} from ${direction === 'in' ? 'the client' : 'the real server'}`,
      last_ms: atMs - 2,
    })),
    step: step(atMs),
  }
}

function step(atMs: number): StepInfo {
  const { drops, conns, packets, bytes } = series(atMs, 1)
  const last = ([value]: number[]) => value ?? 0
  return {
    at_ms: atMs,
    drops: Object.fromEntries(Object.entries(drops).map(([reason, line]) => [reason, last(line)])),
    conns: last(conns),
    packets: last(packets),
    bytes: last(bytes),
  }
}

export function series(atMs = Date.now(), length = 300): SeriesInfo {
  const at = Array.from({ length }, (_, i) => atMs - (length - 1 - i) * 1000)
  return {
    step_ms: 1000,
    at_ms: atMs,
    drops: {
      tcp_no_conn: at.map(t => Math.max(0, Math.round(9 * wave(t, 9) + Math.sin(t) * 4))),
      eth_otherhost: at.map(t => (Math.floor(t / 1000) % 4 === 0 ? 12 : 0)),
      lport_exhausted: at.map(t => (Math.floor(t / 1000) % 120 < 15 ? 40 : 0)),
    },
    conns: at.map(t => Math.floor(330 * wave(t, 37))),
    packets: at.map(t => Math.floor(10_500 * wave(t, 37))),
    bytes: at.map(t => Math.floor(5_600_000 * wave(t, 37))),
  }
}
