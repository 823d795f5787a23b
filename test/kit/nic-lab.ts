/** A lab whose arms are NICs of a namespace that stands for the host, with words for what its tests do to them. */

import { readFileSync } from 'node:fs'
import { logSince } from '../../netns/appliance.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import type { Netns } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { labForTests, VIP } from './lab.ts'

export class NicLab {
  readonly lab: Lab

  constructor(name: string) {
    this.lab = labForTests(name, {}, 'veth')
  }

  get box(): Netns {
    return this.lab.box as Netns
  }

  /** ip(8) in the box. */
  readonly ip = (...args: string[]): Promise<string> =>
    mustRun(['ip', '-n', this.box.netns, ...args])

  readonly ping = () => this.lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })

  readonly links = async (): Promise<string> =>
    (await run(['ip', '-n', this.box.netns, '-br', 'link'])).stdout

  /** Of a device in whatever namespace. */
  readonly indexOf = async (netns: string, device: string): Promise<number> =>
    Number.parseInt(await mustRun(['ip', '-n', netns, '-o', 'link', 'show', 'dev', device]), 10)

  readonly untilServed = async (limitMs = 8000): Promise<void> => {
    await until('an answer through the VIP', { limitMs }, async () => {
      return (await this.ping()).stdout === 'PONG\n' || undefined
    })
  }

  readonly untilNoTap = async (): Promise<void> => {
    await until('its TAPs to go', { limitMs: 3000 }, async () =>
      /tapvs/.test(await this.links()) ? undefined : true,
    )
  }

  /** What the log says from now on. */
  readonly listening = (): ((pattern: RegExp) => Promise<string>) => {
    const { paths } = this.lab
    const from = readFileSync(paths.log, 'utf8').length
    return pattern =>
      until(
        `${pattern}`,
        { limitMs: 6000 },
        () => pattern.exec(logSince(paths, from))?.[0] ?? undefined,
      )
  }
}
