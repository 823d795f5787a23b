/**
 * What every contender is measured in: a client's and a real server's namespace with a contender between them. It has
 * the names and paths of a lab (netns/) of its own, so whatever a killed benchmark left behind is found and taken away
 * by the next one. The client always talks to the same address of a family.
 *
 *   two-arm   client ── TAP, tapvs, TAP ── RS           202.108.10.0/24 and 192.168.168.0/24, or IPv6 on either side
 *   middle    client ── veth, a namespace, veth ── RS   the same two subnets
 *   taps      client ── TAP, limit, TAP ── RS           one subnet, the RS has the VIP
 *   box       client ── veth, a namespace, veth ── RS   as two-arm or taps: arms that are NICs in the place of TAPs
 *   veth      client ── veth ── RS                      one subnet, the RS has the VIP
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { daemonPid } from '../../netns/appliance.ts'
import { LabError } from '../../netns/lab-error.ts'
import { joinByVeth, raiseArm } from '../../netns/links.ts'
import { deleteNetns, inside, makeNetns, pidsInside } from '../../netns/namespaces.ts'
import {
  lastWords,
  mustRun,
  recordedPid,
  run,
  startRecorded,
  until,
} from '../../netns/processes.ts'
import { raiseRedis } from '../../netns/real-servers.ts'
import {
  type Arm,
  type Arms,
  layOutArm,
  layOutBox,
  type Netns,
  PREFIX_LENGTH,
} from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { compiled } from './native.ts'

export const VIP = '202.108.10.1'
export const RIP = '192.168.168.2'
/** One address has 64 thousand ports, and each of them rests after a connection: 7 s in tapvs. */
export const LIPS = ['192.168.168.7', '192.168.168.8', '192.168.168.9', '192.168.168.10']
/** What the client talks to, and what is behind it, by what the client speaks and the RS. */
export const WAYS = {
  ipv4: { vip: VIP, rip: RIP, lips: LIPS },
  ipv6: {
    vip: '2001:db8:10::1',
    rip: '2001:db8:168::2',
    lips: ['2001:db8:168::7', '2001:db8:168::8', '2001:db8:168::9', '2001:db8:168::a'],
  },
  nat64: { vip: '2001:db8:10::1', rip: RIP, lips: LIPS },
} as const
export type Way = keyof typeof WAYS
export const CLIENTS = 16
export const IPERF_PORT = 5201
export const UDP_PORT = 5300

/** What may run in the RS's namespace beside redis. */
export type Server = 'iperf' | 'udp'

const MTU = 1500
const READY_LIMIT_MS = 20_000

/**
 * In every namespace. All ports may be used, and a port in TIME_WAIT for a new connection after a second, with timestamps: otherwise
 * short connections through a proxy, whose end closes first, would use up the 28 thousand default ports in 3 s.
 * Reno, because it is in every kernel and does not pace: where BBR is the default, its timers decide, and not what
 * stands between the ends (64 KiB SETs through two TAPs: 18 thousand/s with BBR, 31 thousand/s with Reno).
 */
const SYSCTLS = [
  'net.ipv4.ip_local_port_range=1024 65535',
  'net.ipv4.tcp_tw_reuse=1',
  'net.ipv4.tcp_congestion_control=reno',
]
const ROUTER_SYSCTLS = ['net.ipv4.ip_forward=1']

export class Stand {
  readonly lab: Lab
  readonly middle: Netns
  /** For configs of the contenders. */
  readonly folder: string
  #way: Way = 'ipv4'

  constructor(name: string, folder: string) {
    this.lab = new Lab(name)
    this.middle = { netns: `${name}-middle`, netnsPath: join('/run/netns', `${name}-middle`) }
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** Another one, whose names have a word more. */
  beside(word: string): Stand {
    return new Stand(`${this.lab.name}-${word}`, this.folder)
  }

  get client(): Arm {
    return this.lab.arm('client')
  }

  get box(): Netns {
    return layOutBox(this.lab.name)
  }

  get rs(): Arm {
    return this.lab.arm('rs')
  }

  /** What the client talks to. */
  get vip(): string {
    return WAYS[this.#way].vip
  }

  /** The client's addresses. */
  get sources(): string[] {
    const { addresses, addresses6 } = layOutArm('', 'client', CLIENTS, true)
    return this.#way === 'ipv4' ? addresses : addresses6
  }

  async raiseTwoArm(config: string, arms: Arms, way: Way, signal: AbortSignal): Promise<void> {
    const ipv6 = way !== 'ipv4'
    this.#way = way
    await this.lab.up({ config, clients: CLIENTS, arms, ipv6 }, signal)
    for (const arm of [this.client, this.rs]) await setSysctls(arm, SYSCTLS, ipv6)
  }

  /** Without a router: with a TAP in each of the two namespaces, or with cables to two NICs in the box. */
  async raiseBare(arms: Arms, signal: AbortSignal): Promise<void> {
    await this.#raiseNamespaces()
    const box = arms === 'veth' ? this.box : undefined
    if (box) await makeNetns(box)
    await raiseArm(this.client, MTU, box)
    await raiseArm({ ...this.rs, addresses: [VIP] }, MTU, box)
    await raiseRedis(this.lab.paths, this.rs, VIP, signal)
  }

  async raiseVeth(signal: AbortSignal): Promise<void> {
    await this.#raiseNamespaces()
    await joinWith(this.client, { netns: this.rs, name: this.rs.device, addresses: [VIP] })
    await raiseRedis(this.lab.paths, this.rs, VIP, signal)
  }

  async raiseMiddle(signal: AbortSignal): Promise<void> {
    await this.#raiseNamespaces()
    await makeNetns(this.middle)
    await setSysctls(this.middle, [...SYSCTLS, ...ROUTER_SYSCTLS])
    await joinWith(this.client, { netns: this.middle, name: 'ext0', addresses: [VIP] })
    await joinWith(this.rs, { netns: this.middle, name: 'int0', addresses: LIPS })
    await raiseRedis(this.lab.paths, this.rs, RIP, signal)
  }

  async #raiseNamespaces(): Promise<void> {
    this.lab.claim({ clients: CLIENTS })
    for (const arm of [this.client, this.rs]) {
      await makeNetns(arm)
      await setSysctls(arm, SYSCTLS)
    }
  }

  /** A server beside the redis-server, on every address. */
  async raiseServer(server: Server, signal: AbortSignal): Promise<void> {
    if (server === 'udp') {
      const any = this.#way === 'ipv6' ? '::' : '0.0.0.0'
      const argv = [await compiled('load/udp.c'), 'serve', any, `${UDP_PORT}`]
      await this.#alive('udp', this.#start('udp', this.rs, argv), signal, () => this.#hasUdp())
      return
    }
    const argv = ['iperf3', '--server', '--port', `${IPERF_PORT}`, '--forceflush']
    const log = this.#start('iperf3', this.rs, argv)
    const ready = () => lastWords(log).includes('Server listening') || undefined
    await this.#alive('iperf3', log, signal, ready)
  }

  async #hasUdp(): Promise<true | undefined> {
    const sockets = [...inside(this.rs), 'ss', '-Hlun', `sport = :${UDP_PORT}`]
    return (await run(sockets)).stdout.includes(`:${UDP_PORT}`) || undefined
  }

  /** => its log */
  #start(name: string, at: Netns, argv: string[]): string {
    const log = join(this.lab.paths.folder, `${name}.log`)
    startRecorded([...inside(at), ...argv], this.#record(name), log)
    return log
  }

  /** Starts a program that `down` will stop, and waits until redis answers the client through it. */
  async startBalancer(name: string, at: Netns, argv: string[], signal: AbortSignal): Promise<void> {
    await this.#alive(name, this.#start(name, at, argv), signal, () => this.#answers(signal))
  }

  /** Waits until redis answers the client. */
  async reachable(signal: AbortSignal): Promise<void> {
    const what = `an answer from ${this.vip}`
    await until(what, { limitMs: READY_LIMIT_MS, signal }, () => this.#answers(signal))
  }

  async #answers(signal: AbortSignal): Promise<true | undefined> {
    const ping = [...inside(this.client), 'redis-cli', '-h', this.vip, 'ping']
    const { stdout } = await run(ping, { timeoutMs: 1000, signal })
    return stdout.includes('PONG') || undefined
  }

  async #alive(
    name: string,
    log: string,
    signal: AbortSignal,
    ready: () => Promise<true | undefined> | true | undefined,
  ): Promise<void> {
    await until(name, { limitMs: READY_LIMIT_MS, everyMs: 50, signal }, () => {
      if (this.pid(name) !== undefined) return ready()
      throw new LabError(`${name} did not start; its last words are above`, lastWords(log))
    })
  }

  /** => the pid of a program that was started here, while it lives */
  pid(name: string): number | undefined {
    return recordedPid(this.#record(name))
  }

  daemonPid(): number | undefined {
    return daemonPid(this.lab.paths)
  }

  /** The servers behind the contender. */
  serverPids(): Promise<number[]> {
    return pidsInside(this.rs)
  }

  middlePids(): Promise<number[]> {
    return pidsInside(this.middle)
  }

  /** Takes everything away; nothing to do is fine. */
  async down(): Promise<void> {
    await deleteNetns(this.middle)
    await this.lab.down()
  }

  #record(name: string): string {
    return join(this.lab.paths.folder, `${name}.pid`)
  }
}

async function setSysctls(at: Netns, settings: string[], ipv6 = false): Promise<void> {
  // Those that not every kernel has: -e ignores what is unknown.
  const off = 'net.ipv6.conf.all.disable_ipv6=1'
  if (!ipv6) await mustRun([...inside(at), 'sysctl', '-eqw', off])
  await mustRun([...inside(at), 'sysctl', '-qw', ...settings])
}

/** A veth pair between an arm with its addresses and a link of another namespace. */
async function joinWith(
  arm: Arm,
  far: { netns: Netns; name: string; addresses: string[] },
): Promise<void> {
  const ip = (at: Netns, lines: string[]) =>
    mustRun(['ip', '-n', at.netns, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  const raise = (name: string, addresses: string[]) => [
    ...addresses.map(address => `addr add ${address}/${PREFIX_LENGTH} dev ${name}`),
    `link set ${name} up`,
    'link set lo up',
  ]
  await joinByVeth(arm, far.netns, far.name)
  await ip(arm, raise(arm.device, arm.addresses))
  await ip(far.netns, raise(far.name, far.addresses))
}
