/** A peer's own tests: against its server directly, and through a VIP whose daemon is killed again and again. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonPid, keeperPid, logSince } from '../../../netns/appliance.ts'
import { addIpv6Addresses } from '../../../netns/effective-config.ts'
import { mustRun, until } from '../../../netns/processes.ts'
import type { Side } from '../../../netns/topology.ts'
import { Lab } from '../../../netns/two-arm.ts'
import { labConfig, labName, RIP, RIP6, VIP, VIP6 } from '../../kit/lab.ts'

/** Where and how a run is made: from a namespace of the lab, against an address. */
export interface Place {
  lab: Lab
  folder: string
  side: Side
  host: string
}

export interface Results {
  /** Names of those that passed, and of those that did not; one name may be there several times. */
  passed: string[]
  failed: string[]
  /** What shows why, of those that failed. */
  details: string
}

export interface Suite {
  port: number
  /** Starts a fresh server on this address. => ends it */
  serve(lab: Lab, folder: string, address: string): Promise<() => Promise<void>>
  /** All of its tests, but for those of `inOrder`. */
  run(place: Place): Promise<Results>
  /**
   * Those that expect of what is said on one connection and then on another to arrive in that order, which nothing but a single way for all
   * of them gives: they are run with one packet thread, again and again while the daemon is killed.
   */
  inOrder?(place: Place): Promise<Results>
}

const KILL_EVERY_MS = 20_000
/** While `inOrder` runs, which is short. */
const KILL_SOON_MS = 3000
const READY_LIMIT_MS = 60_000
/** Seconds. Suites have connections that say nothing for minutes; DPVS's 90 s are for nobody to find out here. */
const IDLE = 3600

/** Of the lab, in each family, and from one to the other. */
export const FAMILIES = {
  ipv4: { vip: VIP, rip: RIP },
  ipv6: { vip: VIP6, rip: RIP6 },
  nat64: { vip: VIP6, rip: RIP },
} as const

/** Until the minutes are over, and once at least. Throws if through the VIP anything comes out that does not directly. */
export async function peers(
  suite: Suite,
  family: keyof typeof FAMILIES,
  minutes: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + minutes * 60_000
  await compared(suite, { family, end, workers: 2, killEveryMs: KILL_EVERY_MS, say, signal })
  const { inOrder } = suite
  if (inOrder === undefined) return
  const alone: Suite = { ...suite, run: place => inOrder(place) }
  const words = (line: string) => say(`those that need an order, by one worker, ${line}`)
  const plan = { family, end: 0, workers: 1, killEveryMs: KILL_SOON_MS, say: words, signal }
  await compared(alone, plan)
}

interface Plan {
  family: keyof typeof FAMILIES
  /** ms of performance.now(), after which no run begins but the first. */
  end: number
  workers: number
  killEveryMs: number
  say: (line: string) => void
  signal: AbortSignal
}

/** Directly and through the VIP, in a lab of its own. */
async function compared(
  suite: Suite,
  { family, end, workers, killEveryMs, say, signal }: Plan,
): Promise<void> {
  const { vip, rip } = FAMILIES[family]
  const ipv6 = family !== 'ipv4'
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-peers-'))
  const lab = new Lab(labName('peers'))
  // With the namespaces all ends that runs in them, and so does what waits for it.
  signal.addEventListener('abort', () => void lab.down())
  try {
    const config = labConfig(folder, 'peers', yaml => {
      const service = { address: vip, port: suite.port, real_servers: [{ address: rip }] }
      yaml.set('services', yaml.createNode([service]))
      yaml.set('workers', { count: workers })
      yaml.setIn(['tcp', 'timeouts', 'established'], IDLE)
      if (ipv6) addIpv6Addresses(yaml)
    })
    await lab.up({ config, ipv6 })
    for (const side of ['client', 'rs'] as const)
      await mustRun(lab.inside(side, ['ip', 'link', 'set', 'lo', 'up']))
    const direct = await one(suite, { lab, folder, side: 'rs', host: rip }, rip)
    say(`directly: ${inWords(direct)}`)
    if (direct.passed.length === 0) throw new Error(`no test has passed: ${direct.details}`)
    do {
      const kills = new Kills(lab, killEveryMs)
      const place: Place = { lab, folder, side: 'client', host: vip }
      const through = await one(suite, place, rip).finally(() => kills.stop())
      say(`through the VIP, ${kills.words}: ${inWords(through)}`)
      signal.throwIfAborted()
      compare(direct, through)
      if (kills.count === 0) throw new Error('the daemon was not killed: the tests are too short')
    } while (performance.now() < end)
  } finally {
    await lab.down()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Timed extends Results {
  seconds: number
}

async function one(suite: Suite, place: Place, rip: string): Promise<Timed> {
  const stop = await suite.serve(place.lab, place.folder, rip)
  try {
    const begun = performance.now()
    const results = await suite.run(place)
    return { ...results, seconds: (performance.now() - begun) / 1000 }
  } finally {
    await stop()
  }
}

function inWords({ passed, failed, seconds }: Timed): string {
  const which = failed.length === 0 ? '' : ` (${failed.join('; ')})`
  return `${passed.length} passed, ${failed.length} failed${which}, in ${seconds.toFixed(0)} s`
}

/** A suite that breaks off has hundreds that did not pass. */
function named(tests: readonly string[]): string {
  if (tests.length === 0) return 'none'
  const more = tests.length > 20 ? ` and ${tests.length - 20} more` : ''
  return tests.slice(0, 20).join('; ') + more
}

function compare(direct: Results, through: Results): void {
  const { details } = through
  const more = (a: string[], b: string[]) => {
    const rest = [...b]
    return a.filter(name => {
      const at = rest.indexOf(name)
      if (at >= 0) rest.splice(at, 1)
      return at < 0
    })
  }
  const missing = more(direct.passed, through.passed)
  const failed = more(through.failed, direct.failed)
  if (missing.length > 0 || failed.length > 0) {
    const words = `not passed: ${named(missing)}; failed: ${named(failed)}`
    throw new Error(`not as directly: ${words}\n${details}`)
  }
}

/** kill -9 of the daemon, again and again. */
class Kills {
  count = 0
  #took = 0
  #lost: string | undefined
  readonly #over = new AbortController()
  readonly #ended: Promise<void>
  readonly #lab: Lab
  readonly #everyMs: number

  constructor(lab: Lab, everyMs: number) {
    this.#lab = lab
    this.#everyMs = everyMs
    this.#ended = this.#run()
    // Told by stop().
    this.#ended.catch(() => {})
  }

  get words(): string {
    return `${this.count} kills, ${this.#took} connections taken over`
  }

  /** Throws if a daemon did not come back, or not with all connections. */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#ended
    if (this.#lost !== undefined) throw new Error(this.#lost)
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { paths } = this.#lab
    const keeper = keeperPid(paths)
    for (;;) {
      await sleep(this.#everyMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const said = Buffer.byteLength(logSince(paths, 0))
      process.kill(daemonPid(paths) as number, 'SIGKILL')
      await until('the next daemon', { limitMs: READY_LIMIT_MS }, () =>
        logSince(paths, said).includes('TAPVS: ready') ? true : undefined,
      )
      this.count++
      const words = logSince(paths, said)
      const [, conns, cleared] = /took over (\d+) connections?, (\d+) cleared/.exec(words) ?? []
      this.#took += Number(conns ?? 0)
      if (keeperPid(paths) !== keeper || cleared !== '0') this.#lost = `not all was kept: ${words}`
    }
  }
}
