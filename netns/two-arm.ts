// A lab as an object: what the verbs of `scripts/lab` do, and what end-to-end tests build on. It keeps
// no state of its own: what was asked for and which processes are ours is read from /run/NAME, the rest
// from the system, so any `Lab` of a name can go on where another was killed.
//
// `up` makes the system agree with what is asked for and touches nothing that already does; `down` takes
// away whatever there is of the lab, whole or in pieces.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FORWARDINGS } from '../src/api/words.ts'
import { ask } from '../src/cli/daemon/client.ts'
import { isOneWay } from '../src/see/words/forwarding.ts'
import { keeperPid, lostDaemons, socketAnswers, startDaemon, stopDaemon } from './appliance.ts'
import { effectiveConfig, readAppliance, vipsOf } from './effective-config.ts'
import { claimFolder, isLabFolder, removeFolder } from './folder.ts'
import { LabError } from './lab-error.ts'
import { raiseArm } from './links.ts'
import { lockHolder, withLock } from './lock.ts'
import { checkMode, settleMode } from './modes.ts'
import { deleteNetns, inside, makeNetns, netnsExists, netnsLeftover } from './namespaces.ts'
import { type Finished, type RunOptions, run, stopRecorded, until } from './processes.ts'
import { raiseRedis } from './real-servers.ts'
import { type LabStatus, labStatus } from './status.ts'
import {
  type Arm,
  type Arms,
  checkCount,
  checkName,
  DEFAULT_NAME,
  layOutArm,
  layOutBox,
  layOutPaths,
  type Netns,
  type Paths,
  SIDES,
  type Side,
  TAPVS,
  usualArms,
  type Wanted,
} from './topology.ts'

const DEFAULT_MTU = 1500
/** The daemon gives up an unanswered neighbour after 3 s. */
const RESOLVE_LIMIT_MS = 3500

export class Lab {
  readonly name: string
  readonly paths: Paths
  readonly #usual: Arms
  #locked = false

  /** @param arms what `up` makes when it is not told */
  constructor(name = DEFAULT_NAME, arms = usualArms()) {
    this.name = checkName(name)
    this.#usual = arms
    this.paths = layOutPaths(this.name)
  }

  /** What the last `up` asked for. */
  get wanted(): Wanted {
    try {
      return JSON.parse(readFileSync(this.paths.wanted, 'utf8')) as Wanted
    } catch {
      return {}
    }
  }

  /** The arm of a side as the last `up` wanted it. */
  arm(side: Side): Arm {
    return this.#layOut(side, this.wanted)
  }

  /** What the arms are. */
  get armsKind(): Arms {
    return this.wanted.arms ?? this.#usual
  }

  /** The namespace with the appliance's NICs, if it has such arms. */
  get box(): Netns | undefined {
    return this.armsKind === 'veth' ? layOutBox(this.name) : undefined
  }

  /** All namespaces that a lab of this name may have. */
  get #namespaces(): Netns[] {
    return [...SIDES.map(side => this.arm(side)), layOutBox(this.name)]
  }

  /** True if anything of the lab is there, whole or not. */
  exists(): boolean {
    return (
      this.#namespaces.some(netnsLeftover) ||
      existsSync(this.paths.wanted) ||
      keeperPid(this.paths) !== undefined ||
      lostDaemons(this.paths).length > 0
    )
  }

  /** True if another command is raising it or taking it away just now. */
  busy(): boolean {
    return lockHolder(this.paths) !== undefined
  }

  /** Raises the lab, or makes a running one agree. If it fails, a lab that was not there is not there. */
  async up(options: Wanted = {}, signal?: AbortSignal): Promise<void> {
    const wanted: Wanted = {
      ...options,
      arms: options.arms ?? this.#usual,
      config: options.config === undefined ? undefined : resolve(options.config),
    }
    if (wanted.realServers !== undefined) checkCount('--rs', wanted.realServers)
    if (wanted.clients !== undefined) checkCount('--clients', wanted.clients)
    if (wanted.workers !== undefined) checkCount('--workers', wanted.workers)
    checkMode(wanted)
    const raise = async () => {
      const before = this.exists()
      try {
        await this.#raise(wanted, signal)
      } catch (error) {
        if (!before) await this.#remove()
        throw error
      }
    }
    await this.alone(raise, signal)
  }

  /** Takes the run folder. What a caller raises by itself in it and in the namespaces, `down` takes away too. */
  claim(wanted: Wanted): void {
    claimFolder(this.paths)
    writeFileSync(this.paths.wanted, `${JSON.stringify(wanted)}\n`)
  }

  async #raise(wanted: Wanted, signal?: AbortSignal): Promise<void> {
    const { paths } = this
    const arms = SIDES.map(side => this.#layOut(side, wanted))
    const box = wanted.arms === 'veth' ? layOutBox(this.name) : undefined
    const config = effectiveConfig(wanted, arms, box, paths)
    const before = this.wanted.mode ?? FORWARDINGS[0]
    this.claim(wanted)
    if (!existsSync(paths.config) || readFileSync(paths.config, 'utf8') !== config) {
      await stopDaemon(paths) // first: a config on disk always is the one of the daemon that lives
      writeFileSync(paths.config, config)
    }

    const { mtu } = readAppliance(paths.config)
    if (box) await makeNetns(box)
    else await deleteNetns(layOutBox(this.name))
    for (const arm of arms) {
      signal?.throwIfAborted()
      await makeNetns(arm)
      const madeAnew = await raiseArm(arm, mtu.get(arm.device) ?? DEFAULT_MTU, box)
      if (madeAnew) await stopDaemon(paths)
    }

    const rs = this.#layOut('rs', wanted)
    const mode = checkMode(wanted)
    const vips = vipsOf(paths.config, rs.addresses6.length > 0)
    const of = { client: this.#layOut('client', wanted), rs, vips, paths }
    await settleMode(before, mode, of)
    const outside = mode === 'snat' ? of.client.addresses.slice(0, 1) : []
    await this.#stopRedisExcept(mode === before ? [...rs.addresses, ...outside] : [])
    const servers = [
      ...rs.addresses.map(address =>
        raiseRedis(paths, rs, address, signal, isOneWay(mode) ? vips : []),
      ),
      ...outside.map(address => raiseRedis(paths, of.client, address, signal)),
    ]
    // All of them end before an error goes up, so that a clean-up races with none.
    const failed = (await Promise.allSettled(servers)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason

    signal?.throwIfAborted()
    if (keeperPid(paths) && (await socketAnswers(paths))) return
    await stopDaemon(paths)
    await startDaemon(paths, signal)
    await this.#resolved(signal)
  }

  /**
   * Waits until the daemon knows its neighbours' MACs: it asks when it starts, but a TAP has a carrier only a moment
   * after it is attached, and then the first answer comes a second later. That they stay unresolved is no failure: a
   * config may name real servers that are not there.
   */
  async #resolved(signal?: AbortSignal): Promise<void> {
    const known = async () => {
      const all = await ask(this.paths.socket, { verb: 'neighbours' })
      return !all.some(({ state }) => state === 'NONE' || state === 'SEND') || undefined
    }
    await until('the neighbours', { limitMs: RESOLVE_LIMIT_MS, everyMs: 100, signal }, known).catch(
      error => {
        if (signal?.aborted) throw error
      },
    )
  }

  /** Takes away everything of the lab; nothing to do is fine. */
  async down(signal?: AbortSignal): Promise<void> {
    await this.alone(() => this.#remove(), signal)
  }

  /** Keeps other lab commands of this name waiting while it works; may itself call up and down. */
  async alone<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#locked) return work()
    const locked = async () => {
      this.#locked = true
      try {
        return await work()
      } finally {
        this.#locked = false
      }
    }
    return withLock(this.paths, locked, signal)
  }

  async #remove(): Promise<void> {
    const { paths } = this
    await stopDaemon(paths)
    await this.#stopRedisExcept([])
    // Only now the namespaces: redis-servers stopped by record need no search through /proc.
    for (const at of this.#namespaces) await deleteNetns(at)
    if (isLabFolder(paths)) removeFolder(paths.folder)
  }

  status(): Promise<LabStatus> {
    return labStatus(this)
  }

  /** The words that run `argv` in a namespace of the lab. */
  inside(side: Side, argv: readonly string[]): string[] {
    const arm = this.arm(side)
    if (!netnsExists(arm)) {
      throw new LabError(`no lab ${JSON.stringify(this.name)} is up: start it with \`lab up\``)
    }
    return [...inside(arm), ...argv]
  }

  /** Runs a command among the clients. */
  client(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.inside('client', argv), options)
  }

  /** Runs a command among the real servers. */
  rs(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.inside('rs', argv), options)
  }

  /** Starts a command inside; the caller ends it, `down` does if the caller forgets. */
  spawn(side: Side, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [command = '', ...rest] = this.inside(side, argv)
    return spawn(command, rest, options)
  }

  /** Asks the lab's daemon: `tapvs ARGV...` on its socket. */
  tapvs(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run([TAPVS, '--socket', this.paths.socket, ...argv], options)
  }

  #layOut(side: Side, wanted: Wanted): Arm {
    const count = side === 'client' ? wanted.clients : wanted.realServers
    const ipv6 = wanted.ipv6 || (wanted.nat64 && side === 'client')
    return layOutArm(this.name, side, count ?? 1, ipv6)
  }

  async #stopRedisExcept(addresses: readonly string[]): Promise<void> {
    if (!existsSync(this.paths.folder)) return
    const keep = new Set(addresses.map(address => `redis-${address}.pid`))
    const records = readdirSync(this.paths.folder).filter(file => /^redis-.*\.pid$/.test(file))
    const surplus = records.filter(file => !keep.has(file))
    await Promise.all(surplus.map(file => stopRecorded(join(this.paths.folder, file))))
    for (const file of surplus) {
      rmSync(join(this.paths.folder, file.replace(/\.pid$/, '')), { recursive: true, force: true })
    }
  }
}
