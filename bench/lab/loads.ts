/**
 * The loads. Each is first run short, which warms up everything on the way and says how fast it will be, and then
 * measured for about as many seconds as asked for. All of them are commands in the client's namespace towards the VIP.
 */

import { basename } from 'node:path'
import { LabError } from '../../netns/lab-error.ts'
import { inside } from '../../netns/namespaces.ts'
import { run } from '../../netns/processes.ts'
import { REDIS_PORT } from '../../netns/topology.ts'
import { median } from '../stats.ts'
import { compiled } from './native.ts'
import { figures, iperfSum, redisRate } from './parse.ts'
import { onLoadCpu } from './pin.ts'
import { LATENCY_RATE } from './rows.ts'
import { IPERF_PORT, type Server, type Stand, UDP_PORT } from './stand.ts'

const CONNECTIONS = 50
const GIB = 2 ** 30
/** Exit code after SIGKILL. */
const KILLED = 137
/** A load that takes this long is stuck; redis-benchmark tries to connect for ever. */
const LIMIT_MS = 30_000

/** Latency is measured so often, and the median counts: one stall of 20 ms decides the 99th percentile of a second. */
const WINDOWS = 3

export type Measured = {
  /** By the keys of rows. */
  figures: Record<string, number>
  /** How much of `Load.unit` was done. */
  work: number
}

export type Load = {
  key: string
  /** What CPU time is reported for. */
  unit: 'M requests' | 'M connections' | 'GiB' | 'M datagrams'
  /** Keys of the rows that it gives. */
  rows: string[]
  /** What has to run behind the contender, beside redis. */
  server?: Server
  /** => how much a second it will do, in a measure of its own */
  warmUp(tool: Tool, seconds: number): Promise<number>
  measure(tool: Tool, seconds: number, rate: number): Promise<Measured>
}

/** The clients of a stand. */
export interface Tool {
  vip: string
  /** Their addresses. */
  sources: readonly string[]
  /** Runs a command among them. => what it printed */
  run(argv: readonly string[]): Promise<string>
}

export function clientTool(stand: Stand, pinned: boolean, signal: AbortSignal): Tool {
  const { vip, sources } = stand
  const runThere = async (argv: readonly string[]) => {
    const there = [...inside(stand.client), ...argv]
    const words = pinned ? onLoadCpu(there) : there
    const { code, stdout, stderr } = await run(words, { timeoutMs: LIMIT_MS, signal })
    const said = stderr.trim().split('\n')[0]
    const name = basename(argv[0] ?? '')
    if (code === KILLED)
      throw new LabError(`${name} was not done after ${LIMIT_MS / 1000} s: ${said}`)
    // iperf3 says in its JSON what went wrong, and its exit code adds nothing to it.
    if (code !== 0 && name !== 'iperf3')
      throw new LabError(`${name}: ${said || `exit code ${code}`}`)
    return stdout
  }
  return { vip, sources, run: runThere }
}

function redis(key: string, test: string, bytes: number, pipeline: number): Load {
  const benchmark = async (tool: Tool, requests: number) => {
    // A whole number of pipelines on each connection: redis-benchmark rounds up.
    const count = Math.ceil(requests / (CONNECTIONS * pipeline)) * CONNECTIONS * pipeline
    // biome-ignore format: one option and its value after the other
    const rate = redisRate(await tool.run([
      'redis-benchmark', '-h', tool.vip, '-p', `${REDIS_PORT}`, '-c', `${CONNECTIONS}`, '--csv',
      '-t', test, '-d', `${bytes}`, '-P', `${pipeline}`, '-n', `${count}`,
    ]))
    return { count, rate }
  }
  return {
    key,
    unit: 'M requests',
    rows: [key],
    async warmUp(tool, seconds) {
      // GET finds what was set last, and that is to be a value of its own size.
      if (test === 'get')
        await tool.run([
          ...['redis-cli', '-h', tool.vip],
          ...['set', 'key:__rand_int__', 'x'.repeat(bytes)],
        ])
      let { count, rate } = await benchmark(tool, CONNECTIONS * pipeline * 20)
      while (count / rate < seconds / 2) ({ count, rate } = await benchmark(tool, rate * seconds))
      return rate
    },
    async measure(tool, seconds, expected) {
      const { count, rate } = await benchmark(tool, expected * seconds)
      return { figures: { [key]: rate }, work: count / 1e6 }
    },
  }
}

function iperf(key: string, streams: number, ...direction: string[]): Load {
  const send = async (tool: Tool, bytes: number) =>
    iperfSum(
      // biome-ignore format: one option and its value after the other
      await tool.run([
        'iperf3', '--json', '--client', tool.vip, '--port', `${IPERF_PORT}`,
        '--parallel', `${streams}`, '--bytes', `${Math.ceil(bytes)}`, ...direction,
      ]),
    )
  return {
    key,
    unit: 'GiB',
    rows: [key],
    server: 'iperf',
    async warmUp(tool, seconds) {
      let sum = await send(tool, GIB / 8)
      while (sum.seconds < seconds / 2) sum = await send(tool, (sum.bytes / sum.seconds) * seconds)
      return sum.bytes / sum.seconds
    },
    async measure(tool, seconds, rate) {
      const sum = await send(tool, rate * seconds)
      return { figures: { [key]: (sum.bytes * 8) / sum.seconds / 1e9 }, work: sum.bytes / GIB }
    },
  }
}

function connections(): Load {
  const connect = async (tool: Tool, seconds: number) => {
    const program = await compiled('load/connections.c')
    const to = [tool.vip, `${REDIS_PORT}`, `${seconds}`, `${CONNECTIONS}`]
    const said = await tool.run([program, ...to, ...tool.sources])
    return figures('connections', said, 'connections', 'seconds')
  }
  const key = 'connections'
  return {
    key,
    unit: 'M connections',
    rows: [key],
    async warmUp(tool, seconds) {
      const done = await connect(tool, seconds)
      return done.connections / done.seconds
    },
    async measure(tool, seconds) {
      const done = await connect(tool, seconds)
      const rate = done.connections / done.seconds
      return { figures: { [key]: rate }, work: done.connections / 1e6 }
    },
  }
}

function latency(): Load {
  const ping = async (tool: Tool, seconds: number) => {
    const program = await compiled('load/latency.c')
    const to = [tool.vip, `${REDIS_PORT}`, `${LATENCY_RATE}`, `${seconds}`, `${CONNECTIONS}`]
    const keys = ['requests', 'p50', 'p99', 'p999'] as const
    return figures('latency', await tool.run([program, ...to]), ...keys)
  }
  return {
    key: 'latency',
    unit: 'M requests',
    rows: ['p50', 'p99', 'p999'],
    async warmUp(tool, seconds) {
      await ping(tool, seconds)
      return LATENCY_RATE
    },
    async measure(tool, seconds) {
      const windows: Awaited<ReturnType<typeof ping>>[] = []
      for (let i = 0; i < WINDOWS; i++) windows.push(await ping(tool, seconds))
      const middle = (key: 'p50' | 'p99' | 'p999') => median(windows.map(window => window[key]))
      const work = windows.reduce((sum, { requests }) => sum + requests, 0) / 1e6
      return { figures: { p50: middle('p50'), p99: middle('p99'), p999: middle('p999') }, work }
    },
  }
}

/** @param window of datagrams under way for each source, as many as fit into a socket's buffer on the way many times over */
function udp(key: string, kind: 'dns' | 'bulk', window: number): Load {
  const send = async (tool: Tool, seconds: number) => {
    const program = await compiled('load/udp.c')
    const to = [tool.vip, `${UDP_PORT}`, `${seconds}`, `${window}`]
    const said = await tool.run([program, kind, ...to, ...tool.sources])
    return figures('udp', said, 'datagrams', 'seconds')
  }
  return {
    key,
    unit: 'M datagrams',
    rows: [key],
    server: 'udp',
    async warmUp(tool, seconds) {
      const sent = await send(tool, seconds)
      return sent.datagrams / sent.seconds
    },
    async measure(tool, seconds) {
      const sent = await send(tool, seconds)
      return { figures: { [key]: sent.datagrams / sent.seconds }, work: sent.datagrams / 1e6 }
    },
  }
}

/** In the order in which they are run. */
export function allLoads(): Load[] {
  return [
    redis('get-1', 'get', 3, 1),
    redis('get-16', 'get', 3, 16),
    redis('set-1k', 'set', 1024, 1),
    redis('set-64k', 'set', 65_536, 1),
    connections(),
    iperf('to-1', 1),
    iperf('to-8', 8),
    iperf('from-1', 1, '--reverse'),
    iperf('from-8', 8, '--reverse'),
    latency(),
    udp('dns', 'dns', 16),
    udp('datagrams', 'bulk', 32),
  ]
}
