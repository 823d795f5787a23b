/** A daemon's numbers, made up, that go on like those of a busy one. Only for work on the page. */

import type { ArmInfo, CountersInfo, EdgeInfo, NumbersInfo } from '../../src/api/commands.ts'
import { LINK_UP } from '../../src/api/link-state.ts'
import type { LiveInfo, SeriesInfo, StepInfo } from '../../src/api/page.ts'
import { DROP_WORDS } from '../../src/see/drops/drops.ts'
import { EVENT_WORDS } from '../../src/see/words/event-words.ts'

import { grown, STARTED_MS, services, wave } from './fake-services.ts'

const WORKERS = 4
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
