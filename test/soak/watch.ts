/** The daemon of a soak, looked at again and again: its memory, its descriptors, its log, what it counts. */

import { readdirSync, readFileSync } from 'node:fs'
import { keeperPid, logSince } from '../../netns/appliance.ts'
import type { Lab } from '../../netns/two-arm.ts'
import type { CountersInfo, NumbersInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { EXPECTED_DROPS, faultOfLine } from './expected.ts'
import type { Windows } from './windows.ts'

/** What was seen of one daemon at one moment. */
export interface Sample {
  /** Date.now() */
  at: number
  pid: number
  /** s since it was started. */
  age: number
  /** MB. */
  rss: number
  fds: number
  threads: number
  keeperRss: number
  keeperFds: number
}

/** A daemon has made its tables, and compiled what is hot, after so many seconds. */
export const WARM_S = 20
/** Compared is the least of so many looks: what is there for a moment is no growth. */
const LOOKS = 5
/** MB that a warm daemon may be larger than the first warm one was: V8 collects when it likes to, some 60 MB sooner or later. */
const RSS_MOST = 96
const KEEPER_RSS_MOST = 8
/** Requests under way are descriptors. */
const FDS_MOST = 8
const READS_MOST = 10

export class Watch {
  readonly #lab: Lab
  readonly #windows: Windows
  readonly #keeper: number
  readonly #capacities = new Map<string, number>()
  readonly #lives = new Map<number, CountersInfo[]>()
  readonly samples: Sample[] = []
  latest: NumbersInfo | undefined
  /** What was said before servers were there is as it should be. */
  #logAt: number

  constructor(lab: Lab, windows: Windows) {
    this.#lab = lab
    this.#windows = windows
    this.#keeper = keeperPid(lab.paths) as number
    this.#logAt = Buffer.byteLength(logSince(lab.paths, 0))
  }

  /** Throws at what may not be. */
  async look(): Promise<void> {
    this.checkLog()
    if (keeperPid(this.#lab.paths) !== this.#keeper) throw new Error('the keeper has ended')
    const numbers = await this.#numbers()
    this.latest = numbers
    for (const { address, lports } of numbers.addresses)
      if (lports && lports.misses > 0)
        throw new Error(`${lports.misses} times no lport of ${address}`)
    this.#lives.set(
      numbers.process.pid,
      numbers.workers.map(({ counters }) => counters),
    )
    this.#checkDrops()
    const { pid, started_ms, resident_bytes, open_fds } = numbers.process
    const sample: Sample = {
      at: numbers.at_ms,
      pid,
      age: (numbers.at_ms - started_ms) / 1000,
      rss: resident_bytes / 1e6,
      fds: open_fds,
      threads: readdirSync(`/proc/${pid}/task`).length,
      keeperRss: rssOf(this.#keeper),
      keeperFds: readdirSync(`/proc/${this.#keeper}/fd`).length,
    }
    this.samples.push(sample)
    this.#checkFlat(sample)
  }

  /** Of all daemons, by reason; as they were when they were seen last. */
  dropped(): Map<string, number> {
    const all = new Map<string, number>()
    for (const { drops } of [...this.#lives.values()].flat())
      for (const [reason, count] of Object.entries(drops))
        if (count > 0) all.set(reason, (all.get(reason) ?? 0) + count)
    return all
  }

  /** Throws at a line that nobody has foreseen. */
  checkLog(): void {
    const text = logSince(this.#lab.paths, this.#logAt)
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    this.#logAt += Buffer.byteLength(whole)
    for (const line of whole.split('\n').filter(Boolean)) {
      const fault = faultOfLine(line)
      if (fault !== undefined) throw new Error(fault)
    }
  }

  /** What is used and what is free are all there are, however many daemons it has been. They are read while they change. */
  async #numbers(): Promise<NumbersInfo> {
    for (let tries = 1; ; tries++) {
      const numbers = await ask(this.#lab.paths.socket, { verb: 'numbers' })
      const wrong = numbers.addresses.find(({ address, lports }) => {
        const all = lports ? lports.used + lports.free : 0
        if (!this.#capacities.has(address)) this.#capacities.set(address, all)
        return all !== this.#capacities.get(address)
      })
      if (wrong === undefined) return numbers
      const { address, lports } = wrong
      if (tries === READS_MOST)
        throw new Error(`${address} has ${lports?.used} and ${lports?.free} lports`)
    }
  }

  #checkDrops(): void {
    for (const [reason, count] of this.dropped()) {
      const { after, each = Number.POSITIVE_INFINITY } = EXPECTED_DROPS[reason] ?? { each: 0 }
      const times = after ? this.#windows.times(...after) : 1
      if (times === 0 || count > times * each)
        throw new Error(`${count} packets dropped as ${reason}`)
    }
  }

  #checkFlat({ pid }: Sample): void {
    const recent = this.samples.slice(-LOOKS).filter(sample => sample.pid === pid)
    if (recent.length < LOOKS) return
    const bound = (what: keyof Sample, was: Sample | undefined, more: number) => {
      const is = Math.min(...recent.map(sample => sample[what]))
      if (was !== undefined && is > was[what] + more)
        throw new Error(`${what}: ${Math.round(is)}, at first ${Math.round(was[what])}`)
    }
    bound('keeperRss', this.samples[0], KEEPER_RSS_MOST)
    bound('keeperFds', this.samples[0], FDS_MOST)
    if ((recent[0]?.age ?? 0) < WARM_S) return
    const warm = this.samples.find(({ age }) => age >= WARM_S)
    bound('rss', warm, RSS_MOST)
    bound('fds', warm, FDS_MOST)
    bound('threads', warm, 0)
  }
}

function rssOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kib) / 1000
}
