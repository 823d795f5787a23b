/** The lab's daemon started by a test itself: with another user, environment or program. */

import { type ChildProcess, spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonOf, stopDaemon } from '../../netns/appliance.ts'
import { TAPVS } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'

export interface OwnDaemon {
  /** Its keeper, which passes signals on. */
  process: ChildProcess
  /** Of the daemon itself. */
  pid: number
  /** Everything on stderr so far. */
  said(): string
  /** Resolves when stderr matches. */
  says(pattern: RegExp): Promise<void>
  exitCode: Promise<number | null>
}

/** Ends the lab's own daemon and starts `before` TAPVS run `options`, with the lab's config; resolves when it is ready. */
export async function startOwnDaemon(
  t: TestContext,
  lab: Lab,
  {
    before = [],
    env = {},
    tapvs = TAPVS,
    options = [],
  }: { before?: string[]; env?: object; tapvs?: string; options?: string[] } = {},
): Promise<OwnDaemon> {
  await stopDaemon(lab.paths)
  const [command, ...args] = [...before, tapvs, 'run', '--config', lab.paths.config, ...options]
  const child = spawn(command as string, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const exitCode = new Promise<number | null>(done => child.on('close', done))
  const says = async (pattern: RegExp) => {
    for (const end = performance.now() + 30_000; !pattern.test(text); await sleep(20)) {
      if (performance.now() > end || child.exitCode !== null)
        throw new Error(`waited in vain for ${pattern}: ${text}`)
    }
  }
  await says(/^TAPVS: ready/m)
  return {
    process: child,
    pid: daemonOf(child.pid as number) as number,
    said: () => text,
    says,
    exitCode,
  }
}
