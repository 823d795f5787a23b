/**
 * Namespaces, TAPs and a daemon with a config of the test's own, where the lab's two arms are not what it takes. All of it is gone
 * afterwards.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { deleteNetns, inside, makeNetns } from '../../netns/namespaces.ts'
import { mustRun, until } from '../../netns/processes.ts'
import { type Netns, TAPVS } from '../../netns/topology.ts'
import { insideBundle } from './inside.ts'
import { labName, scratchFolder } from './lab.ts'

export class SmallLab {
  readonly folder = scratchFolder()
  readonly socket = join(this.folder, 'tapvs.sock')
  readonly #name: string
  readonly #namespaces = new Map<string, Netns>()
  readonly #children: ChildProcess[] = []

  constructor(suffix: string) {
    this.#name = labName(suffix)
    after(() => this.#end())
  }

  /** Makes a namespace. => its name */
  async netns(short: string): Promise<string> {
    const netns = `${this.#name}-${short}`
    const at = { netns, netnsPath: `/run/netns/${netns}` }
    this.#namespaces.set(short, at)
    await makeNetns(at)
    const quiet = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']
    await this.run(short, ['sysctl', '-q', '-w', ...quiet])
    await this.run(short, ['ip', 'link', 'set', 'lo', 'up'])
    return netns
  }

  /** Makes a TAP for an arm, and gives the kernel's side of it these addresses. */
  async tap(short: string, name: string, ...addresses: string[]): Promise<void> {
    const kind = ['mode', 'tap', 'multi_queue', 'vnet_hdr']
    await this.run(short, ['ip', 'tuntap', 'add', 'dev', name, ...kind])
    await this.raise(short, name, ...addresses)
  }

  async raise(short: string, name: string, ...addresses: string[]): Promise<void> {
    for (const address of addresses)
      await this.run(short, ['ip', 'addr', 'add', address, 'dev', name])
    await this.run(short, ['ip', 'link', 'set', name, 'up'])
  }

  /** Output of a command in a namespace, which must succeed. */
  run(short: string, argv: string[], input?: string): Promise<string> {
    return mustRun([...inside(this.#at(short)), ...argv], { timeoutMs: 30_000, input })
  }

  /** Starts a program in a namespace; `ready`, if given, is what it says when it is. */
  async start(short: string, argv: string[], ready?: RegExp): Promise<ChildProcess> {
    return this.#spawn([...inside(this.#at(short)), ...argv], ready)
  }

  /** A server of TCP that sends back what it gets, behind a line with its name. */
  async echo(short: string, address: string, port: number, name = 'echo'): Promise<ChildProcess> {
    const listen = `TCP-LISTEN:${port},bind=${address},fork,reuseaddr`
    const child = await this.start(short, ['socat', '-t10', listen, `SYSTEM:echo ${name}; cat`])
    const sockets = `${address}:${port}`
    await until(`${sockets} to listen`, { limitMs: 5000, everyMs: 20 }, async () => {
      const listening = await this.run(short, ['ss', '-Hltn'])
      return listening.includes(sockets) || undefined
    })
    return child
  }

  /** What the server behind an address says to `text`, its name first. */
  async ask(short: string, address: string, port: number, text = ''): Promise<string> {
    return this.run(short, ['socat', '-t10', '-', `TCP:${address}:${port},connect-timeout=5`], text)
  }

  /** Starts the daemon with this config, to which its socket is added. */
  async daemon(yaml: string): Promise<ChildProcess> {
    const file = join(this.folder, 'tapvs.yaml')
    writeFileSync(file, `${yaml}\ncontrol: { socket: ${this.socket} }\n`)
    return this.#spawn([TAPVS, 'run', '--config', file], /^.*TAPVS: ready/m)
  }

  async tapvs(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await insideBundle(['--socket', this.socket, ...argv])
    assert.equal(code, 0, `tapvs ${argv.join(' ')}: ${stderr}`)
    return stdout
  }

  #at(short: string): Netns {
    const at = this.#namespaces.get(short)
    assert.ok(at, `no namespace ${short}`)
    return at
  }

  async #spawn(argv: string[], ready?: RegExp): Promise<ChildProcess> {
    const [command = '', ...args] = argv
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    if (ready === undefined) return child
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', chunk => {
        said += chunk
      })
    await until(`${command} to say ${ready}`, { limitMs: 40_000, everyMs: 20 }, async () => {
      assert.equal(child.exitCode, null, said)
      return ready.test(said) || undefined
    })
    return child
  }

  async #end(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    for (const at of this.#namespaces.values()) await deleteNetns(at)
  }
}
