/** A service manager for tests: socat on a UNIX datagram socket, and what it heard. */

import { spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Manager {
  /** Lines so far. */
  heard(): string[]
  /** Resolves when a line matches that came after the first `from`. */
  hears(pattern: RegExp, from?: number): Promise<void>
}

/** Listens at `path`, '@...' for an abstract socket, until the test ends. */
export async function serviceManager(t: TestContext, path: string): Promise<Manager> {
  const address = path.startsWith('@')
    ? `ABSTRACT-RECV:${path.slice(1)}`
    : `UNIX-RECV:${path},mode=666`
  // -dd, because it says when it listens in no other way.
  const socat = spawn('socat', ['-u', '-dd', address, '-'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => socat.kill('SIGKILL'))
  let said = ''
  let text = ''
  socat.stderr.setEncoding('utf8').on('data', chunk => {
    said += chunk
  })
  socat.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const heard = () => text.split('\n').slice(0, -1)
  const until = async (what: string, holds: () => boolean) => {
    for (const end = performance.now() + 10_000; !holds(); await sleep(10)) {
      if (performance.now() > end || socat.exitCode !== null)
        throw new Error(`waited in vain for ${what}; socat: ${said}; heard: ${text}`)
    }
  }
  await until('socat', () => said.includes('starting data transfer loop'))
  return {
    heard,
    hears: (pattern, from = 0) =>
      until(String(pattern), () =>
        heard()
          .slice(from)
          .some(line => pattern.test(line)),
      ),
  }
}
