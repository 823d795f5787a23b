/**
 * A client that means no good, as a process of its own: it is told what to do as JSON in its first argument and says on
 * stdout, a line of JSON each, that it is at it and what came of it. It ends by itself after so long, and when its stdin ends.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export interface Attack {
  /** A port of 127.0.0.1, or the path of a socket. */
  to: number | string
  connections: number
  /** Sent first, as it is. */
  first?: string
  /** Then this, so many times on each connection, as fast as it is taken. */
  again?: string
  times?: number
  /** Whether answers are read. */
  reads: boolean
  /** At most, before it goes. */
  seconds: number
}

export interface Outcome {
  /** Times that `again` was given to the kernel, on all connections. */
  sent: number
  /** Connections that the other side ended. */
  ended: number
}

/** => when it has connected; `outcome` when it has gone */
export async function attack(
  t: TestContext,
  what: Attack,
): Promise<{ outcome: Promise<Outcome>; stop(): void }> {
  const file = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [file, JSON.stringify(what)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  const outcome = lines.next().then(({ value }) => JSON.parse(value) as Outcome)
  return { outcome, stop: () => child.stdin.end() }
}

async function run({ to, connections, reads, seconds, ...what }: Attack): Promise<void> {
  const outcome: Outcome = { sent: 0, ended: 0 }
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket =
        typeof to === 'string' ? createConnection(to) : createConnection(to, '127.0.0.1')
      socket.on('error', () => {})
      socket.once('close', () => outcome.ended++)
      await either(socket, 'connect')
      if (reads) socket.resume()
      else socket.pause()
      return socket
    }),
  )
  for (const socket of sockets) socket.write(what.first ?? '')
  process.stdout.write('"at it"\n')
  const over = Promise.race([
    new Promise(done => setTimeout(done, seconds * 1000)),
    once(process.stdin.resume(), 'end'),
  ])
  const { again = '', times = 0 } = what
  if (times > 0) for (const socket of sockets) void flood(socket, again, times, outcome)
  await over
  const { sent, ended } = outcome
  for (const socket of sockets) socket.destroy()
  process.stdout.write(`${JSON.stringify({ sent, ended })}\n`, () => process.exit())
}

/** The event, or the end of all. */
function either(socket: Socket, event: 'connect' | 'drain'): Promise<void> {
  return new Promise(done => {
    socket.once(event, done).once('close', () => done())
  })
}

async function flood(socket: Socket, text: string, times: number, outcome: Outcome): Promise<void> {
  const each = Math.max(1, Math.floor(65_536 / text.length))
  for (let left = times; left > 0 && !socket.destroyed; ) {
    const count = Math.min(each, left)
    left -= count
    const taken = socket.write(text.repeat(count))
    if (!taken && !socket.destroyed) await either(socket, 'drain')
    outcome.sent += count
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(JSON.parse(process.argv[2] ?? ''))
