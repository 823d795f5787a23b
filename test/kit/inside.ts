/**
 * The command line in this very process, where as a program it would begin by loading itself for a third of a second. For what
 * depends on the words alone: who looks at signals, terminals, stdin, pipes that close or full disks, and `run`, which ends its process, needs
 * the program (`TAPVS`).
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Finished } from '../../netns/processes.ts'

type Main = (argv: string[]) => Promise<number>

type Written = Pick<Finished, 'stdout' | 'stderr'>

const BUNDLE = new URL('../../bundle/program/cli/main.js', import.meta.url).href

const asking = new AsyncLocalStorage<Written>()

// What the test runner writes here goes on to it.
for (const name of ['stdout', 'stderr'] as const) {
  const stream = process[name]
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean
  stream.write = (chunk: string | Uint8Array, ...more: unknown[]) => {
    const written = asking.getStore()
    if (!written) return write(chunk, ...more)
    written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    const done = more.at(-1)
    if (typeof done === 'function') process.nextTick(done)
    return true
  }
  // Each run adds its own.
  stream.setMaxListeners(0)
}
process.setMaxListeners(0)

let last: Promise<unknown> = Promise.resolve()

/** => what the program would have ended with; one after the other, because they share the environment. `socket` is $TAPVS_SOCKET. */
export function inside(argv: readonly string[], socket?: string): Promise<Finished> {
  return within(() => import('../../src/cli/main.ts'), argv, socket)
}

/** The same of what bin/tapvs runs, the bundle. */
export function insideBundle(argv: readonly string[]): Promise<Finished> {
  return within(() => import(BUNDLE), argv)
}

function within(
  load: () => Promise<{ main: Main }>,
  argv: readonly string[],
  socket?: string,
): Promise<Finished> {
  const finished = last.then(async () => {
    const { main } = await load()
    const before = process.env.TAPVS_SOCKET
    setSocket(socket)
    const written: Written = { stdout: '', stderr: '' }
    try {
      return { code: await asking.run(written, () => main([...argv])), ...written }
    } finally {
      setSocket(before)
    }
  })
  last = finished.catch(() => {})
  return finished
}

function setSocket(path: string | undefined): void {
  if (path === undefined) delete process.env.TAPVS_SOCKET
  else process.env.TAPVS_SOCKET = path
}
