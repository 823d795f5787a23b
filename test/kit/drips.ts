/**
 * `node drips.js HOST PORT COUNT EVERY`: COUNT connections to a redis-server, each of which says a byte of its PING every EVERY ms. Says
 * `open` when all are; when stdin ends, prints as JSON how many have been answered at least once, and which have ended.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

export interface Drips {
  answered: number
  /** Why, each. */
  ended: string[]
}

const PING = 'PING\r\n'
const [host = '', port, count, every] = process.argv.slice(2)
const answered = new Set<Socket>()
const ended: string[] = []
const sockets: Socket[] = []

while (sockets.length < Number(count)) {
  const socket = createConnection(Number(port), host)
  socket.setNoDelay()
  await once(socket, 'connect')
  socket.on('data', () => answered.add(socket))
  socket.on('error', ({ message }) => ended.push(message))
  socket.on('end', () => ended.push('closed'))
  sockets.push(socket)
}
process.stdout.write('open\n')

let said = 0
const timer = setInterval(() => {
  const byte = PING[said++ % PING.length] as string
  for (const socket of sockets) socket.write(byte)
}, Number(every))
process.stdin.resume()
process.stdin.on('end', () => {
  clearInterval(timer)
  const drips: Drips = { answered: answered.size, ended }
  process.stdout.write(`${JSON.stringify(drips)}\n`)
  for (const socket of sockets) socket.destroy()
})
