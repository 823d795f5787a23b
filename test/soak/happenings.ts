/** What befalls the lab of a soak, round by round, each with a window that says what of it clients may notice. */

import { setTimeout as sleep } from 'node:timers/promises'
import { daemonPid, logSince } from '../../netns/appliance.ts'
import { mustRun, until } from '../../netns/processes.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { mustTapvs, VIP } from '../kit/lab.ts'
import type { Kind } from './clients/plan.ts'
import { PORTS, RSS, type SoakStand } from './stand.ts'
import type { Windows } from './windows.ts'

const READY_LIMIT_MS = 60_000
const CHECK_LIMIT_MS = 60_000
const UNLINKED_MS = 1000
/** Between two kills: three within 10 s, and the next daemon would start without connections. */
const APART_MS = 12_000
/** Who stays: connections to it never fail. */
const [, STOPS] = RSS

export class Happenings {
  readonly #stand: SoakStand
  readonly #windows: Windows
  /** Between two of them. */
  readonly #pauseMs: number
  #killedAt = Number.NEGATIVE_INFINITY
  #edits = 0
  /** There is no daemon at present. */
  dark = false
  /** ms from a kill to the next daemon's being ready, each. */
  readonly restarts: number[] = []

  constructor(stand: SoakStand, windows: Windows, pauseMs: number) {
    this.#stand = stand
    this.#windows = windows
    this.#pauseMs = pauseMs
  }

  /** Rounds until the signal; one that has begun goes on to the end of what it is doing. */
  async run(signal: AbortSignal): Promise<number> {
    let rounds = 0
    for (; ; rounds++) {
      for (const step of this.#steps()) {
        await sleep(this.#pauseMs, undefined, { signal }).catch(() => {})
        if (signal.aborted) return rounds
        await step()
      }
    }
  }

  #steps(): (() => Promise<void>)[] {
    return [
      () => this.#stop('redis'),
      () => this.#edit(),
      () => this.kill(),
      () => this.#stop('dns'),
      () => this.#reload(),
      // A daemon that is killed while an RS is out begins its checks anew.
      () => this.#stop('http', () => this.kill()),
      () => this.#unlink(),
    ]
  }

  async kill(): Promise<void> {
    const { paths } = this.#stand.lab
    await sleep(Math.max(0, this.#killedAt + APART_MS - performance.now()))
    const before = daemonPid(paths)
    if (before === undefined) throw new Error('no daemon to kill')
    const said = Buffer.byteLength(logSince(paths, 0))
    const over = this.#windows.open({ what: 'killed' })
    this.#killedAt = performance.now()
    this.dark = true
    process.kill(before, 'SIGKILL')
    await until('the next daemon', { limitMs: READY_LIMIT_MS }, () =>
      logSince(paths, said).includes('"event":"ready"') ? true : undefined,
    )
    this.restarts.push(Math.round(performance.now() - this.#killedAt))
    this.dark = false
    over()
  }

  /** An RS of a service is killed until it is out, and started until it is in again. */
  async #stop(kind: Kind, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const over = this.#windows.open({ what: 'stopped', kind, rs: STOPS })
    await this.#stand.stop(kind, STOPS)
    await this.#untilInhibited(kind, true)
    await meanwhile()
    await this.#untilInhibited(kind, true)
    await this.#stand.start(kind, STOPS)
    await this.#untilInhibited(kind, false)
    over()
  }

  async #untilInhibited(kind: Kind, inhibited: boolean): Promise<void> {
    const what = `${kind} on ${STOPS} to be ${inhibited ? 'out' : 'in'}`
    await until(what, { limitMs: CHECK_LIMIT_MS, everyMs: 100 }, async () => {
      const services = await ask(this.#stand.lab.paths.socket, { verb: 'services' })
      const service = services.find(({ port }) => port === PORTS[kind])
      const rs = service?.real_servers.find(({ address }) => address === STOPS)
      return rs?.inhibited === inhibited || undefined
    })
  }

  /** By the command line: weights, and a service that nobody uses. */
  async #edit(): Promise<void> {
    const { lab } = this.#stand
    const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))
    const weight = 50 + (this.#edits++ % 100)
    await type(`-e -t ${VIP}:80 -r ${RSS[0]}:80 -w ${weight}`)
    await type(`-e -u ${VIP}:53 -r ${RSS[0]}:53 -w ${weight}`)
    await type(`-A -t ${VIP}:7777 -s wrr`)
    await type(`-a -t ${VIP}:7777 -r ${RSS[0]}:7777 -w 1`)
    await type(`-d -t ${VIP}:7777 -r ${RSS[0]}:7777`)
    await type(`-D -t ${VIP}:7777`)
  }

  /** Of the file: the weights are its own again, and another one. */
  async #reload(): Promise<void> {
    const weight = 50 + (this.#edits++ % 100)
    await this.#stand.reload(yaml => {
      yaml.setIn(['services', 0, 'real_servers', 0, 'weight'], weight)
    })
  }

  async #unlink(): Promise<void> {
    const { lab } = this.#stand
    const link = (state: string) => mustRun(lab.inside('rs', ['ip', 'link', 'set', 'int0', state]))
    const over = this.#windows.open({ what: 'unlinked' })
    await link('down')
    await sleep(UNLINKED_MS)
    await link('up')
    over()
  }
}
