/**
 * `node redis-load.js HOST PORT RATE`: RATE connections a second, a PING on each, until stdin ends. Then prints as JSON
 * how many were answered, how soon, and which were not.
 */

import { createConnection } from 'node:net'

/** A PING that was not answered: when it began (Date.now()) and why. */
export interface Failure {
  at: number
  why: string
}

export interface Load {
  answered: number
  /** Of those answered the ones that took more than LATE_MS, and what the longest took. */
  late: number
  longestMs: number
  failures: Failure[]
}

const ANSWER_LIMIT_MS = 1500
const LATE_MS = 100

const [host = '', port, rate] = process.argv.slice(2)
const load: Load = { answered: 0, late: 0, longestMs: 0, failures: [] }
let open = 0

function ping(): void {
  const at = Date.now()
  open++
  const socket = createConnection(Number(port), host)
  let done = false
  const end = (why?: string) => {
    if (done) return
    done = true
    open--
    const took = Date.now() - at
    if (why === undefined) {
      load.answered++
      if (took > LATE_MS) load.late++
      load.longestMs = Math.max(load.longestMs, took)
    } else load.failures.push({ at, why })
    socket.destroy()
  }
  socket.setTimeout(ANSWER_LIMIT_MS, () => end('no answer'))
  socket.on('connect', () => socket.write('PING\r\n'))
  socket.on('data', () => end())
  socket.on('error', ({ message }) => end(message))
  socket.on('close', () => end('closed'))
}

const timer = setInterval(ping, 1000 / Number(rate))
process.stdin.resume()
process.stdin.on('end', () => {
  clearInterval(timer)
  const wait = setInterval(() => {
    if (open > 0) return
    clearInterval(wait)
    process.stdout.write(`${JSON.stringify(load)}\n`)
  }, 20)
})
