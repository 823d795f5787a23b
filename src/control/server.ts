/**
 * The control socket: JSON lines over a UNIX socket of mode 0600, one request at a time per connection. It knows the
 * shape of requests and nothing of what they mean. Whatever comes in, the answer is a line; nothing a client sends or
 * stops reading harms the daemon or another client.
 */

import { once } from 'node:events'
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Answer, Request } from './commands.ts'
import { checkRequest } from './requests.ts'

const LINE_BYTES_MAX = 65_536
const CONNECTIONS_MAX = 64
/** A client that says nothing for so long has forgotten its connection. */
const IDLE_LIMIT_MS = 60_000

/** Answers one request; what it throws becomes an error line. */
export type Respond = (request: Request) => Promise<Answer>

export interface ControlServer {
  /** Ends all conversations and removes the socket. */
  close(): Promise<void>
}

/** Throws an Error in one line if `path` cannot become a control socket: a live daemon, or no socket at all. */
export async function claimSocket(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (!file) return
  if (!file.isSocket())
    throw new Error(`${path} exists and is no socket; remove it or set control.socket`)
  if (await answers(path)) {
    throw new Error(`another daemon answers at ${path}; stop it or set control.socket`)
  }
  unlinkSync(path)
}

/** Listens at `path` (see claimSocket), making its folder if need be. */
export async function openServer(path: string, respond: Respond): Promise<ControlServer> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  await claimSocket(path)
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    // ECONNRESET and EPIPE belong to the client; `close` follows.
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    if (open.size >= CONNECTIONS_MAX) {
      socket.end(line({ error: `more than ${CONNECTIONS_MAX} connections; try again later` }))
      socket.destroySoon()
      return
    }
    open.add(socket)
    socket.setTimeout(IDLE_LIMIT_MS, () => socket.destroy())
    converse(socket, respond).catch(() => socket.destroy())
  })
  // The socket is made with its final mode, inside listen(): a chmod after it would leave it open for a moment.
  const umask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(umask)
  }
  await once(server, 'listening')
  return {
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of open) socket.destroy()
      }),
  }
}

/** Reads lines and answers them in order; reads on only when the client has taken the answer. */
async function converse(socket: Socket, respond: Respond): Promise<void> {
  let rest = ''
  socket.setEncoding('utf8')
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    for (const text of lines) {
      if (text.trim() === '') continue
      const answer =
        text.length > LINE_BYTES_MAX ? { error: tooLong } : await answerTo(text, respond)
      if (!socket.write(line(answer))) await drained(socket)
    }
    if (rest.length > LINE_BYTES_MAX) {
      socket.write(line({ error: tooLong }))
      break
    }
  }
  socket.end()
  socket.destroySoon()
}

const tooLong = `a request is one line of at most ${LINE_BYTES_MAX} bytes`

async function answerTo(text: string, respond: Respond): Promise<Answer> {
  try {
    return await respond(checkRequest(text))
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function line(answer: Answer): string {
  return `${JSON.stringify(answer)}\n`
}

function drained(socket: Socket): Promise<void> {
  return new Promise(done => {
    if (socket.destroyed) return done()
    socket.once('drain', done)
    socket.once('close', done)
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise(done => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      done(true)
    })
    // EAGAIN: its queue of connections is full, so it lives.
    probe.once('error', error => done((error as NodeJS.ErrnoException).code === 'EAGAIN'))
  })
}
