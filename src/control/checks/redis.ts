/** Redis and what speaks its protocol: PING must be answered with +PONG, after AUTH if there is a password. */

import type { Socket } from 'node:net'
import type { Attempt } from './attempt.ts'
import { dial } from './dial.ts'

/** A line that is longer is not from a redis-server. */
const LINE_MAX = 4096

export async function probeRedis(attempt: Attempt): Promise<void> {
  const { password } = attempt.check
  const socket = await dial(attempt)
  const answers = lines(socket)
  if (password !== null) {
    attempt.step = 'the answer to AUTH'
    await ask(socket, answers, ['AUTH', password], '+OK')
  }
  attempt.step = 'the answer to PING'
  await ask(socket, answers, ['PING'], '+PONG')
  socket.end()
}

async function ask(
  socket: Socket,
  answers: AsyncIterator<string, undefined>,
  words: string[],
  wanted: string,
): Promise<void> {
  const bulk = words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  socket.write(`*${words.length}\r\n${bulk.join('')}`)
  const { value } = await answers.next()
  if (value === wanted) return
  const said = value === undefined ? 'by the end of the connection' : `with ${value}`
  throw new Error(`${words[0]} was answered ${said}`)
}

async function* lines(socket: Socket): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const part of socket) {
    rest += (part as Buffer).toString('latin1')
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      yield rest.slice(0, end)
      rest = rest.slice(end + 2)
    }
    if (rest.length > LINE_MAX) throw new Error('the answer is no redis protocol')
  }
  return undefined
}
