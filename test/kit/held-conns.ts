/**
 * `node held-conns.js HOST PORT COUNT`: COUNT connections that stay open. For each line on stdin a PING on each of them; prints how many
 * were answered within a second and a half. Ends with stdin.
 */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const ANSWER_LIMIT_MS = 1500
const [host = '', port, count] = process.argv.slice(2)

const sockets: Socket[] = []
for (let i = 0; i < Number(count); i++) {
  const socket = createConnection(Number(port), host)
  socket.on('error', () => {})
  await once(socket, 'connect')
  sockets.push(socket)
}
process.stdout.write(`${sockets.length}\n`)

function ping(socket: Socket): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), ANSWER_LIMIT_MS)
    socket.once('data', () => {
      clearTimeout(timer)
      resolve(true)
    })
    socket.write('PING\r\n')
  })
}

for await (const _ of createInterface({ input: process.stdin })) {
  const answered = await Promise.all(sockets.map(ping))
  process.stdout.write(`${answered.filter(Boolean).length}\n`)
}
for (const socket of sockets) socket.destroy()
