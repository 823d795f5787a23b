/**
 * The lab of a soak: two real servers, each with redis, nginx and dnsmasq, behind one VIP, and two services for files of the first of them.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Document, parseDocument } from 'yaml'
import { mustRun, run, until } from '../../netns/processes.ts'
import { raiseRedis, redisPid } from '../../netns/real-servers.ts'
import type { Arms } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { BULK_SERVICES } from '../kit/bulk.ts'
import { labConfig, labName, mustTapvs, VIP } from '../kit/lab.ts'
import { dnsmasqArgv, nginxArgv, nginxConfig } from './argv.ts'
import type { Kind, Plan } from './clients/plan.ts'
import { stopped } from './stopped.ts'

export const RSS = ['192.168.168.2', '192.168.168.12'] as const
/** So many addresses, so that ports which the clients' kernel keeps in TIME_WAIT for a minute do not run out. */
const CLIENTS = 8
export const PORTS: Record<Kind, number> = { redis: 6379, http: 80, dns: 53 }
const DOMAIN = 'soak.test'
const NAMES = Object.fromEntries(
  Array.from({ length: 16 }, (_, i) => [`n${i}.${DOMAIN}`, `192.0.2.${i + 1}`]),
)
const FILES = { small: 1 << 10, middle: 64 << 10, large: 1 << 20 }
const SYSCTLS = ['net.ipv4.ip_local_port_range=1024 65535', 'net.ipv4.tcp_tw_reuse=1']
/** Seconds. An RS that refuses is out after three, and in again after one; a link that is down for a second takes nobody out. */
const CHECK = { interval: 1, timeout: 2, rise: 1, fall: 3, max_interval: 1 }
/** UDP has no end: its entries go when nothing was heard for so long. */
const UDP_TIMEOUT = 10

function services(): object[] {
  const real_servers = RSS.map(address => ({ address, weight: 100 }))
  const service = (kind: Kind, more: object, check: object) => ({
    address: VIP,
    port: PORTS[kind],
    scheduler: 'wrr',
    ...more,
    check: { ...check, ...CHECK },
    real_servers,
  })
  return [
    service('redis', {}, { type: 'redis' }),
    service('http', {}, { type: 'http', path: '/small' }),
    service(
      'dns',
      { protocol: 'udp', conn_timeout: UDP_TIMEOUT },
      { type: 'dns', name: `n0.${DOMAIN}`, record: 'a' },
    ),
    ...BULK_SERVICES,
  ]
}

export class SoakStand {
  readonly lab: Lab
  readonly folder = mkdtempSync(join(tmpdir(), 'tapvs-soak-'))
  readonly #servers = new Map<string, ChildProcess>()

  constructor(arms?: Arms) {
    this.lab = new Lab(labName('soak'), arms)
  }

  async up(): Promise<void> {
    this.#writeFiles()
    const config = labConfig(this.folder, 'soak', yaml => {
      yaml.set('services', yaml.createNode(services()))
      yaml.set('workers', { count: 2 })
      yaml.setIn(['log', 'format'], 'json')
    })
    await this.lab.up({ realServers: RSS.length, clients: CLIENTS, config })
    for (const side of ['client', 'rs'] as const)
      await mustRun(this.lab.inside(side, ['sysctl', '-q', '-w', ...SYSCTLS]))
    for (const address of RSS)
      for (const kind of ['http', 'dns'] as const) await this.start(kind, address)
    await until('all checks to pass', { limitMs: 30_000, everyMs: 200 }, async () => {
      const all = await ask(this.lab.paths.socket, { verb: 'services' })
      return all.every(({ real_servers }) => real_servers.every(rs => !rs.inhibited)) || undefined
    })
  }

  async down(): Promise<void> {
    for (const child of this.#servers.values()) child.kill('SIGKILL')
    await this.lab.down()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Changes the file and has the daemon take it. */
  async reload(edit: (yaml: Document) => void): Promise<void> {
    const { config } = this.lab.paths
    const yaml = parseDocument(readFileSync(config, 'utf8'))
    edit(yaml)
    writeFileSync(config, yaml.toString())
    await mustTapvs(this.lab, 'reload')
  }

  /** No connection is the daemon's own any more. */
  endChecks(): Promise<void> {
    return this.reload(yaml => {
      for (const at of services().keys()) yaml.deleteIn(['services', at, 'check'])
    })
  }

  plan(rates: Plan['rates']): Plan {
    return {
      vip: VIP,
      clients: this.lab.arm('client').addresses,
      files: this.#files,
      names: NAMES,
      rates,
    }
  }

  /** kill -9 of one server. */
  async stop(kind: Kind, address: string): Promise<void> {
    if (kind === 'redis') {
      const pid = redisPid(this.lab.paths, this.lab.arm('rs'), address)
      if (pid === undefined) throw new Error(`no redis-server on ${address}`)
      process.kill(pid, 'SIGKILL')
      return
    }
    const child = this.#servers.get(`${kind} ${address}`)
    if (child === undefined) throw new Error(`no ${kind} on ${address}`)
    await stopped(child, 'SIGKILL')
  }

  async start(kind: Kind, address: string): Promise<void> {
    if (kind === 'redis') return raiseRedis(this.lab.paths, this.lab.arm('rs'), address)
    const argv = kind === 'http' ? this.#nginx(address) : dnsmasqArgv(address, NAMES)
    const [command = '', ...args] = this.lab.inside('rs', argv)
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    this.#servers.set(`${kind} ${address}`, child)
    const listening = ['ss', kind === 'http' ? '-Hltn' : '-Hlun', `src ${address}:${PORTS[kind]}`]
    await until(`${kind} on ${address}`, { limitMs: 10_000, everyMs: 50 }, async () => {
      if (child.exitCode !== null) throw new Error(`${argv[0]} on ${address} ended at once`)
      return (await run(this.lab.inside('rs', listening))).stdout !== '' || undefined
    })
  }

  #nginx(address: string): string[] {
    const folder = join(this.folder, `nginx-${address}`)
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'nginx.conf')
    const server = `server { listen ${address}:80 backlog=4096; root ${this.folder}/files; }`
    writeFileSync(file, nginxConfig(folder, [server], `add_header RS ${address};`))
    return nginxArgv(folder, file)
  }

  #files: Plan['files'] = []
  #writeFiles(): void {
    const folder = join(this.folder, 'files')
    mkdirSync(folder)
    this.#files = Object.entries(FILES).map(([name, bytes]) => {
      const body = randomBytes(bytes)
      writeFileSync(join(folder, name), body)
      return { path: `/${name}`, sha256: createHash('sha256').update(body).digest('hex'), bytes }
    })
  }
}
