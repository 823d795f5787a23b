/**
 * An HTTP server that holds its clients to limits. Whatever comes in, the answer is HTTP; nothing a client sends or stops
 * reading harms the daemon or another client, and who is not let in takes nobody's place.
 */

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Turns } from '../system/turns.ts'
import { Paced } from './paced.ts'

export interface Limits {
  /** Of each listener; so what comes by TCP never locks the control socket. */
  connections: number
  /** ms for the head of a request, from its connection or from the request before. */
  headMs: number
  /** ms for all of a request. */
  requestMs: number
  /** ms without a byte in either direction, in a request or between two. */
  idleMs: number
}

export const LIMITS: Limits = {
  connections: 64,
  headMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
}

/** Of the kernel, for each listener: that many are taken in one turn of the event loop. */
export const BACKLOG = 128

/** Those above the limit, who are told so; the kernel's answer to more is silence. */
const CONNECTIONS_TURNED_AWAY = 64

/** A new connection is about to say something, so many at once do not push each other out. */
const SILENT_MS = 50

/** Told of a request that its sender may make: its connection keeps its place from then on. */
export type Admit = (request: IncomingMessage) => void

/** `make` gives what answers, each request of a connection after the one before. */
export function limited(
  limits: Limits,
  turns: Turns,
  make: (admit: Admit) => RequestListener,
): Server {
  const options = {
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(2000, limits.headMs / 2),
  }
  const places = new Places(limits.connections)
  const inTurn = oneByOne(
    make(({ socket }) => places.keep(socket)),
    turns,
  )
  const server = createServer(options, (request, response) => {
    if (places.has(request.socket)) inTurn(request, response)
    else {
      const error = `more than ${limits.connections} connections; try again later`
      response.writeHead(503, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify({ error }))
    }
  })
  // Some of them have lost their place and are about to be gone.
  server.maxConnections = limits.connections + CONNECTIONS_TURNED_AWAY + BACKLOG
  server.timeout = limits.idleMs
  // What Node would give the connection itself to.
  const [take] = server.listeners('connection') as ((connection: Duplex) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const connection = new Paced(socket, turns)
    const hasPlace = places.take(connection)
    take?.call(server, connection)
    if (!hasPlace) connection.setTimeout(Math.min(1000, limits.idleMs), () => connection.destroy())
  })
  server.on('clientError', refuse)
  return server
}

/** Who is there. When all places are taken, the oldest goes of those who were not admitted and have nothing to say. */
class Places {
  readonly #max: number
  readonly #admitted = new Set<Duplex>()
  /** When they came, in that order. */
  readonly #strangers = new Map<Duplex, number>()

  constructor(max: number) {
    this.#max = max
  }

  has(connection: Duplex): boolean {
    return this.#admitted.has(connection) || this.#strangers.has(connection)
  }

  /** => false if there is no place */
  take(connection: Paced): boolean {
    if (this.#admitted.size + this.#strangers.size >= this.#max && !this.#makePlace()) return false
    this.#strangers.set(connection, performance.now())
    connection.once('close', () => {
      this.#strangers.delete(connection)
      this.#admitted.delete(connection)
    })
    return true
  }

  keep(connection: Duplex): void {
    if (this.#strangers.delete(connection)) this.#admitted.add(connection)
  }

  #makePlace(): boolean {
    const until = performance.now() - SILENT_MS
    for (const [stranger, since] of this.#strangers) {
      if (since > until) return false
      if ((stranger as Paced).isWaiting) continue
      this.#strangers.delete(stranger)
      stranger.destroy()
      return true
    }
    return false
  }
}

/**
 * Of each connection: Node would start all requests that came in one piece at once, and hold all their answers. Nothing
 * more is read while one waits, so that there are never more than a piece holds.
 */
function oneByOne(handle: RequestListener, turns: Turns): RequestListener {
  interface Line {
    last: ServerResponse
    waiting: number
  }
  const lines = new WeakMap<object, Line>()
  return (request, response) => {
    const connection = request.socket as unknown as Paced
    const line = lines.get(connection)
    if (!line || (line.waiting === 0 && line.last.writableFinished)) {
      lines.set(connection, { last: response, waiting: 0 })
      return handle(request, response)
    }
    const before = line.last
    line.last = response
    line.waiting++
    connection.held = true
    const begin = () => {
      line.waiting--
      // It has gone, and what it asked for in vain is not worth the work.
      if (connection.destroyed) return
      if (line.waiting === 0) connection.held = false
      handle(request, response)
    }
    before.once('close', () => turns.add(begin))
  }
}

/** The answer to what is no request. */
function refuse(error: NodeJS.ErrnoException, connection: Duplex): void {
  if (!connection.writable || error.code === 'ECONNRESET') return void connection.destroy()
  const [status, line] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'the request took too long']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'the head of the request is too long']
        : [400, 'that is no HTTP/1.1; see docs/api.md']
  const body = JSON.stringify({ error: line })
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json`
  connection.end(`${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
  const paced = connection as Paced
  paced.destroySoon()
}
