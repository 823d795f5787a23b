/**
 * `node steady.js HOST PORT CONNECTIONS`: so many connections to a redis, each with a PING every few milliseconds, until stdin ends. Then
 * prints as JSON what became of each.
 */

import { createConnection } from 'node:net'

const PERIOD_MS = 5

export interface Steady {
  /** Its local port. */
  port: number
  answered: number
  /** ms between two answers, at most, up to the end. */
  longestMs: number
  /** Why it is over; null if it is not. */
  ended: string | null
}

const [host = '', port, count] = process.argv.slice(2)
const all: Steady[] = []

function open(): void {
  const one: Steady = { port: 0, answered: 0, longestMs: 0, ended: null }
  all.push(one)
  const socket = createConnection(Number(port), host)
  let last = performance.now()
  const heard = () => {
    one.longestMs = Math.max(one.longestMs, Math.round(performance.now() - last))
    last = performance.now()
  }
  const ping = () => socket.write('PING\r\n')
  const over = (why: string) => {
    one.ended ??= why
  }
  socket.on('connect', () => {
    one.port = socket.localPort ?? 0
    last = performance.now()
    if (++connected === Number(count)) process.stdout.write('open\n')
    ping()
  })
  socket.on('data', () => {
    heard()
    one.answered++
    setTimeout(ping, PERIOD_MS)
  })
  socket.on('error', ({ message }) => over(message))
  socket.on('close', () => over('closed'))
  ends.push(() => {
    heard()
    socket.removeAllListeners()
    socket.destroy()
  })
}

let connected = 0
const ends: (() => void)[] = []
for (let i = 0; i < Number(count); i++) open()
process.stdin.resume()
process.stdin.on('end', () => {
  for (const end of ends) end()
  process.stdout.write(`${JSON.stringify(all)}\n`, () => process.exit(0))
})
