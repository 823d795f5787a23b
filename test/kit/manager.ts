/** A service manager that stores descriptors (manager.c), with a service that it starts again. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mustRun } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'

export interface StoringManager {
  /** Of the service's main process. */
  pid(): number
  /** What is stored, by name. */
  stored(): string[]
  /** Lines of its own so far, and what the service has said on stderr. */
  said(): string
  /** Resolves when that has the text of `pattern` `times` times. */
  says(pattern: RegExp, times?: number): Promise<void>
  /** `stop` resolves when the service has ended. */
  tell(what: 'restart' | 'stop' | 'kill'): Promise<void>
}

/** `folder` is for its socket; it stores `most` descriptors. */
export async function storingManager(
  t: TestContext,
  folder: string,
  service: readonly string[],
  most = 1000,
): Promise<StoringManager> {
  const program = join(folder, 'manager')
  const source = join(CHECKOUT, 'test/kit/manager.c')
  await mustRun(['cc', '-O2', '-Wall', '-Werror', '-o', program, source])
  const socket = join(folder, `notify-${process.pid}`)
  const manager = spawn(program, [socket, `${most}`, ...service], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [manager.stdout, manager.stderr])
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
  const pid = () => Number([...text.matchAll(/^started (\d+)$/gm)].at(-1)?.[1])
  t.after(() => {
    manager.kill('SIGKILL')
    try {
      process.kill(pid(), 'SIGKILL')
    } catch {
      // It has ended, as it should.
    }
  })
  const gone = once(manager, 'exit')
  const stored = () => {
    const names = new Set<string>()
    for (const [, what, name = ''] of text.matchAll(/^(stored|removed) (\S+)$/gm)) {
      if (what === 'stored') names.add(name)
      else names.delete(name)
    }
    return [...names].sort()
  }
  const says = async (pattern: RegExp, times = 1) => {
    const all = new RegExp(pattern, 'gm')
    for (const end = performance.now() + 30_000; (text.match(all) ?? []).length < times; ) {
      if (performance.now() > end) throw new Error(`waited in vain for ${pattern}: ${text}`)
      await sleep(20)
    }
  }
  return {
    ...{ pid, stored, says },
    said: () => text,
    tell: async what => {
      manager.stdin.write(`${what}\n`)
      if (what === 'stop') await gone
    },
  }
}
