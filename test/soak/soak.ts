/**
 * Mixed traffic through the lab's appliance while things happen to it, for some minutes. Ends at the first thing that is not explained.
 */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lastWords } from '../../netns/processes.ts'
import type { Arms } from '../../netns/topology.ts'
import { pacedTransfer, randomFile } from '../kit/bulk.ts'
import { MANNERS, type Plan, type Said, type Tally } from './clients/plan.ts'
import { checkClosed } from './closed.ts'
import { Happenings } from './happenings.ts'
import { RSS, SoakStand } from './stand.ts'
import { verdict } from './verdict.ts'
import { Watch } from './watch.ts'
import { Windows } from './windows.ts'

export interface SoakOptions {
  minutes: number
  rates: Plan['rates']
  /** Of a file each way, and the seconds between two of them. */
  bulk: { mib: number; pauseMs: number }
  /** Between two things that happen. */
  pauseMs: number
  arms?: Arms | undefined
  say: (line: string) => void
  /** Ends it before its time, in order. */
  signal?: AbortSignal
}

const LOOK_MS = 2000
const LINE_MS = 10_000
const CLIENTS = fileURLToPath(new URL('clients/main.js', import.meta.url))

/** Throws at the first thing that is not explained. */
export async function soak(options: SoakOptions): Promise<void> {
  const stand = new SoakStand(options.arms)
  try {
    await stand.up()
    await new Soak(stand, options).run()
  } finally {
    await stand.down()
  }
}

class Soak {
  readonly #stand: SoakStand
  readonly #options: SoakOptions
  readonly #windows = new Windows()
  readonly #watch: Watch
  readonly #happenings: Happenings
  readonly #begun = performance.now()
  /** Why troubles were none, and how many. */
  readonly #explained = new Map<string, number>()
  #tally: Tally['of'] | undefined
  #transfers = 0
  readonly #over = new AbortController()
  #fault: Error | undefined
  #clientsEnded: Promise<unknown> = Promise.resolve()

  constructor(stand: SoakStand, options: SoakOptions) {
    this.#stand = stand
    this.#options = options
    this.#watch = new Watch(stand.lab, this.#windows)
    this.#happenings = new Happenings(stand, this.#windows, options.pauseMs)
  }

  async run(): Promise<void> {
    const { minutes, signal } = this.#options
    signal?.addEventListener('abort', () => this.#over.abort())
    const timer = setTimeout(() => this.#over.abort(), minutes * 60_000)
    const clients = this.#clients()
    const parts = [
      this.#part(() => this.#happenings.run(this.#over.signal)),
      this.#part(() => this.#bulk()),
      this.#part(() => this.#look()),
      this.#part(() => this.#lines()),
    ]
    await Promise.all(parts)
    clearTimeout(timer)
    if (this.#fault) clients.kill('SIGKILL')
    else clients.stdin?.end()
    await this.#clientsEnded
    if (this.#fault) {
      await this.#show()
      throw this.#fault
    }
    await checkClosed(this.#stand, this.#watch)
    this.#verdict()
  }

  /** The first fault ends all parts. */
  async #part(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#fault ??= error
    this.#over.abort()
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#over.signal }).catch(() => {})
  }

  #clients(): ChildProcess {
    const file = join(this.#stand.folder, 'plan.json')
    writeFileSync(file, JSON.stringify(this.#stand.plan(this.#options.rates)))
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    const child = this.#stand.lab.spawn('client', [process.execPath, CLIENTS, file], {
      stdio: [...stdio],
    })
    if (child.stdout)
      createInterface(child.stdout).on('line', line => this.#heard(JSON.parse(line) as Said))
    this.#clientsEnded = once(child, 'close')
    child.on('exit', code => {
      if (code !== 0 && !this.#fault) this.#fail(new Error(`the clients ended with ${code}`))
    })
    return child
  }

  #heard(said: Said): void {
    if (said.what === 'tally') {
      this.#tally = said.of
      return
    }
    const why = this.#windows.explain(said)
    if (why === undefined) {
      const ms = said.to - said.from
      const at = new Date(said.from).toISOString()
      const of = said.rs === null ? '' : ` of ${said.rs}`
      this.#fail(
        new Error(
          `${said.what} of ${said.manner}, ${said.kind}${of}: ${said.why}, at ${at} for ${ms} ms`,
        ),
      )
      return
    }
    const kind = `${said.what === 'error' ? 'errors' : 'retries'} of ${said.manner}, ${said.why}: ${why}`
    this.#explained.set(kind, (this.#explained.get(kind) ?? 0) + 1)
  }

  async #bulk(): Promise<void> {
    const { mib, pauseMs } = this.#options.bulk
    const file = join(this.#stand.folder, 'bulk')
    await randomFile(this.#stand.lab, file, mib)
    while (!this.#over.signal.aborted) {
      await pacedTransfer(this.#stand.lab, file, mib)
      this.#transfers++
      await this.#pause(pauseMs)
    }
  }

  async #look(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const before = this.#happenings.dark
      try {
        await this.#watch.look()
      } catch (error) {
        // Whoever asks a daemon that is just killed has no answer.
        if (!before && !this.#happenings.dark) throw error
      }
      await this.#pause(LOOK_MS)
    }
  }

  async #lines(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#pause(LINE_MS)
      this.#options.say(this.#line())
    }
  }

  #line(): string {
    const seconds = Math.round((performance.now() - this.#begun) / 1000)
    const done = MANNERS.map(manner => `${manner} ${this.#tally?.[manner].done ?? 0}`)
    const last = this.#watch.samples.at(-1)
    const conns = this.#watch.latest?.workers.reduce(
      (sum, { counters }) => sum + counters.conns.used,
      0,
    )
    const errors = [...this.#explained.values()].reduce((sum, count) => sum + count, 0)
    return [
      `${seconds} s: ${done.join(', ')}, ${this.#transfers} transfers`,
      `${conns} connections`,
      `${last?.rss.toFixed(0)} MB, ${last?.fds} fds`,
      `${this.#happenings.restarts.length} kills`,
      `${errors} troubles, all explained`,
      `load ${loadavg()[0]?.toFixed(1)}`,
    ].join('; ')
  }

  /** What may show why. */
  async #show(): Promise<void> {
    const { say } = this.#options
    const { lab } = this.#stand
    for (const [what, count] of this.#explained) say(`explained: ${count} ${what}`)
    say(lastWords(lab.paths.log))
    for (const line of ['ipvsadm -ln', 'counters', 'dpip neigh show']) {
      const { stdout, stderr } = await lab.tapvs(line.split(' '), { timeoutMs: 10_000 })
      say(`tapvs ${line}\n${stdout}${stderr}`)
    }
    for (const address of RSS) say(lastWords(join(lab.paths.folder, `redis-${address}/redis.log`)))
  }

  #verdict(): void {
    const { say, bulk } = this.#options
    if (this.#tally === undefined) throw new Error('the clients have said nothing')
    const lines = verdict({
      seconds: (performance.now() - this.#begun) / 1000,
      tally: this.#tally,
      transfers: `${this.#transfers} times ${bulk.mib} MiB each way`,
      done: this.#windows.counts,
      restarts: this.#happenings.restarts,
      explained: this.#explained,
      watch: this.#watch,
    })
    for (const line of lines) say(line)
  }
}
