/**
 * `node held-open.js HOST PORT COUNT [AT_ONCE]`: COUNT connections to a redis-server that say nothing, and one with a PING every few ms.
 * Of them AT_ONCE are being opened at a time. Says `open` when all have been answered once. At a line of stdin, and when stdin ends, it has all of them answered once more, and prints
 * as JSON what became of them.
 */

import { createConnection, type Socket } from 'node:net'
import { isLong } from './long.ts'

export interface HeldOpen {
  /** Of the silent ones. */
  answered: number
  /** Why the others were not, each. */
  failures: string[]
  sent: number
  received: number
  /** The longest time between two answers since the last line, ms; not while the silent ones are asked, which keeps this client busy. */
  longestMs: number
}

/** Each costs a tenth of a ms of a processor, there and back. */
const PING_MS = isLong ? 1 : 5
const PONG = '+PONG\r\n'
const ANSWER_LIMIT_MS = 5000
/** For what was asked last. */
const END_LIMIT_MS = 5000
/** Of these no SYN is lost to a full queue of the server's. */
const AT_ONCE = '100'

const [host = '', port, count, atOnce = AT_ONCE] = process.argv.slice(2)

class Client {
  #socket: Socket
  #failure = ''
  bytes = 0
  onAnswer = () => {}

  constructor() {
    this.#socket = createConnection(Number(port), host)
    this.#socket.setNoDelay()
    this.#socket.on('data', data => {
      this.bytes += data.length
      this.onAnswer()
    })
    this.#socket.on('error', ({ message }) => this.#fail(message))
    this.#socket.on('close', () => this.#fail('closed'))
  }

  #fail(why: string): void {
    this.#failure ||= why
    this.onAnswer()
  }

  ping(): void {
    this.#socket.write('PING\r\n')
  }

  /** => why there was no answer, '' if there was */
  answer(): Promise<string> {
    if (this.#failure) return Promise.resolve(this.#failure)
    return new Promise(done => {
      const timer = setTimeout(() => done('no answer'), ANSWER_LIMIT_MS)
      this.onAnswer = () => {
        clearTimeout(timer)
        done(this.#failure)
      }
      this.ping()
    })
  }
}

const silent: Client[] = []
while (silent.length < Number(count)) {
  const some = Array.from(
    { length: Math.min(Number(atOnce), Number(count) - silent.length) },
    () => new Client(),
  )
  const failed = (await Promise.all(some.map(client => client.answer()))).find(Boolean)
  if (failed) throw new Error(failed)
  silent.push(...some)
}

const busy = new Client()
const failed = await busy.answer()
if (failed) throw new Error(failed)
let last = performance.now()
let longestMs = 0
let sent = 1
busy.onAnswer = () => {
  const now = performance.now()
  longestMs = Math.max(longestMs, now - last)
  last = now
}
const timer = setInterval(() => {
  busy.ping()
  sent++
}, PING_MS)
process.stdout.write('open\n')

async function look(): Promise<void> {
  const longest = Math.max(longestMs, performance.now() - last)
  const answers = await Promise.all(silent.map(client => client.answer()))
  const failures = answers.filter(Boolean)
  const answered = answers.length - failures.length
  const held: HeldOpen = {
    answered,
    failures,
    sent,
    received: busy.bytes / PONG.length,
    longestMs: longest,
  }
  longestMs = 0
  last = performance.now()
  process.stdout.write(`${JSON.stringify(held)}\n`)
}

process.stdin.on('data', () => void look())
process.stdin.on('end', async () => {
  clearInterval(timer)
  // What is under way comes in.
  const limit = performance.now() + END_LIMIT_MS
  while (busy.bytes < sent * PONG.length && performance.now() < limit)
    await new Promise(done => setTimeout(done, 10))
  await look()
  process.exit()
})
