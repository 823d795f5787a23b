/** Who is compared, and how each is configured. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMap, isSeq, parseDocument } from 'yaml'
import { addIpv6Addresses } from '../../netns/effective-config.ts'
import { LabError } from '../../netns/lab-error.ts'
import { inside } from '../../netns/namespaces.ts'
import { mustRun, onPath } from '../../netns/processes.ts'
import { ARMS, type Arms, DEFAULT_CONFIG, REDIS_PORT } from '../../netns/topology.ts'
import { compiled } from './native.ts'
import { IPERF_PORT, LIPS, RIP, type Stand, UDP_PORT, VIP, WAYS, type Way } from './stand.ts'

export type Contender = {
  name: string
  /** What it is, in half a line. */
  title: string
  /** Raises stand and contender. */
  raise(stand: Stand, signal: AbortSignal): Promise<void>
  /** The processes of the balancer itself; none if the kernel does it. */
  pids(stand: Stand): Promise<number[]>
  /** With which arms it takes part, `--arms`. */
  arms: readonly Arms[]
  /** Takes part only if it is named, or its way is. */
  extra?: true | 'ipv6' | 'nat64'
  /** It balances TCP alone. */
  noUdp?: true
  /** Program and argument that say the version. */
  version?: [string, string]
}

const PORTS = [REDIS_PORT, IPERF_PORT]
const present = (pid: number | undefined) => (pid === undefined ? [] : [pid])

const tapvs: Contender = {
  name: 'tapvs',
  title: 'tapvs run, default config but for services and LIPs',
  arms: ['tap'],
  async raise(stand, signal) {
    await stand.raiseTwoArm(write(stand, 'tapvs.yaml', tapvsConfig()), 'tap', 'ipv4', signal)
  },
  pids: async stand => present(stand.daemonPid()),
}

const nic: Contender = {
  name: 'nic',
  title: 'the same with arms that are NICs, on veth',
  arms: ['veth'],
  async raise(stand, signal) {
    await stand.raiseTwoArm(write(stand, 'tapvs.yaml', tapvsConfig()), 'veth', 'ipv4', signal)
  },
  pids: tapvs.pids,
}

const workers: Contender = {
  name: 'workers',
  title: 'the same with 2 workers',
  arms: ['tap'],
  extra: true,
  async raise(stand, signal) {
    await stand.raiseTwoArm(write(stand, 'workers.yaml', tapvsConfig(2)), 'tap', 'ipv4', signal)
  },
  pids: tapvs.pids,
}

/** tapvs again, for clients that speak IPv6. */
function overIpv6(way: 'ipv6' | 'nat64', title: string): Contender {
  return {
    name: way,
    title,
    arms: ['tap'],
    extra: way,
    async raise(stand, signal) {
      const config = write(stand, `${way}.yaml`, tapvsConfig(1, way))
      await stand.raiseTwoArm(config, 'tap', way, signal)
    },
    pids: tapvs.pids,
  }
}

const limit: Contender = {
  name: 'limit',
  title: 'moves frames between the two TAPs and does nothing else (C)',
  arms: ['tap'],
  async raise(stand, signal) {
    await stand.raiseBare('tap', signal)
    const { client, rs } = stand
    const program = await compiled('limit/limit.c')
    const taps = [client.netnsPath, client.device, rs.netnsPath, rs.device]
    await stand.startBalancer('limit', client, [program, ...taps], signal)
  },
  pids: async stand => present(stand.pid('limit')),
}

const redirect: Contender = {
  name: 'redirect',
  title: 'a tcx program on each of two NICs that redirects all to the other',
  arms: ['veth'],
  async raise(stand, signal) {
    await stand.raiseBare('veth', signal)
    const { box, client, rs } = stand
    const program = await compiled('limit/redirect.c')
    const argv = [program, box.netnsPath, client.device, rs.device]
    await stand.startBalancer('redirect', box, argv, signal)
  },
  pids: async () => [],
}

const nat: Contender = {
  name: 'nat',
  title: 'kernel NAT: nftables dnat and snat',
  arms: ARMS,
  async raise(stand, signal) {
    await stand.raiseMiddle(signal)
    const run = (...argv: string[]) => mustRun([...inside(stand.middle), ...argv])
    await run('nft', '-f', write(stand, 'nat.nft', natRules()))
    // As long as in tapvs. The default of 120 s would fill the connection table in half a minute.
    await run('sysctl', '-qw', 'net.netfilter.nf_conntrack_tcp_timeout_time_wait=7')
  },
  pids: async () => [],
  version: ['nft', '--version'],
}

const haproxy: Contender = {
  name: 'haproxy',
  title: 'HAProxy, mode tcp, 2 threads',
  arms: ARMS,
  noUdp: true,
  async raise(stand, signal) {
    await stand.raiseMiddle(signal)
    const argv = ['haproxy', '-db', '-f', write(stand, 'haproxy.cfg', haproxyConfig())]
    await stand.startBalancer('haproxy', stand.middle, argv, signal)
  },
  pids: stand => stand.middlePids(),
  version: ['haproxy', '-v'],
}

const nginx: Contender = {
  name: 'nginx',
  title: 'nginx, stream module, 2 workers',
  arms: ARMS,
  async raise(stand, signal) {
    await stand.raiseMiddle(signal)
    const config = write(stand, 'nginx.conf', nginxConfig(stand))
    const argv = ['nginx', '-e', 'stderr', '-p', stand.folder, '-c', config]
    await stand.startBalancer('nginx', stand.middle, argv, signal)
  },
  pids: stand => stand.middlePids(),
  version: ['nginx', '-v'],
}

const none: Contender = {
  name: 'none',
  title: 'no balancer: client and RS joined by a veth pair',
  arms: ARMS,
  raise: (stand, signal) => stand.raiseVeth(signal),
  pids: async () => [],
}

/** In the order in which they take their turns. */
export const CONTENDERS: readonly Contender[] = [
  tapvs,
  overIpv6('ipv6', 'the same with clients, VIP, LIPs and RS of IPv6'),
  overIpv6('nat64', 'the same with clients and VIP of IPv6, LIPs and RS of IPv4'),
  workers,
  limit,
  nic,
  redirect,
  nat,
  haproxy,
  nginx,
  none,
]

function write(stand: Stand, name: string, text: string): string {
  const file = join(stand.folder, name)
  writeFileSync(file, text)
  return file
}

/** The documented example config with services for iperf3 and UDP beside that for redis, and more LIPs. */
export function tapvsConfig(workers = 1, way: Way = 'ipv4'): string {
  const { vip, rip, lips } = WAYS[way]
  const config = parseDocument(readFileSync(DEFAULT_CONFIG, 'utf8'))
  const services = config.get('services')
  const redis = isSeq(services) ? services.items[0] : undefined
  if (!isSeq(services) || !isMap(redis)) throw new LabError(`${DEFAULT_CONFIG} has no service`)
  for (const [protocol, port] of [
    ['tcp', IPERF_PORT],
    ['udp', UDP_PORT],
  ] as const) {
    const real_servers = [{ address: rip, port, weight: 100 }]
    services.add(config.createNode({ ...redis.toJSON(), protocol, port, real_servers }))
  }
  if (way !== 'ipv4') {
    addIpv6Addresses(config)
    redis.setIn(['real_servers', 0, 'address'], rip)
    for (const service of services.items) if (isMap(service)) service.set('address', vip)
  }
  config.setIn(['arms', 1, 'local_addresses'], lips)
  config.setIn(['workers', 'count'], workers)
  // The lab keeps its recorder and its history on; what is compared has them off, as the default is.
  for (const key of ['capture', 'history']) config.delete(key)
  return config.toString()
}

function natRules(): string {
  return `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr ${VIP} tcp dport { ${PORTS.join(', ')} } dnat to ${RIP}
    ip daddr ${VIP} udp dport ${UDP_PORT} dnat to ${RIP}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip daddr ${RIP} snat to ${LIPS[0]}-${LIPS.at(-1)}
  }
}
`
}

function haproxyConfig(): string {
  const services = PORTS.map(
    port => `listen port${port}
  bind ${VIP}:${port}
  server rs ${RIP}:${port}
`,
  )
  return `global
  nbthread 2
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 90s
  timeout server 90s
${services.join('')}`
}

/** A module of Debian's lies beside the binary's prefix, also when that is a folder of ours. */
function nginxConfig(stand: Stand): string {
  const program = onPath('nginx') ?? ''
  const module = join(dirname(program), '../lib/nginx/modules/ngx_stream_module.so')
  const load = existsSync(module) ? `load_module ${module};\n` : ''
  const services = PORTS.map(
    port => `  server {
    listen ${VIP}:${port} reuseport;
    proxy_pass ${RIP}:${port};
  }
`,
  )
  return `${load}daemon off;
user root;
worker_processes 2;
pid ${join(stand.lab.paths.folder, 'nginx-own.pid')};
error_log stderr;
events {
  worker_connections 4000;
}
stream {
${services.join('')}  server {
    listen ${VIP}:${UDP_PORT} udp reuseport;
    proxy_pass ${RIP}:${UDP_PORT};
    proxy_timeout 5s;
  }
}
`
}
