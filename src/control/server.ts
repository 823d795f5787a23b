/**
 * Where the API listens: the control socket, a UNIX socket of mode 0600, and loopback TCP ports behind tokens, that of the
 * API and that of the page (ui/), if they are wanted. It knows limits and nothing of what requests mean. Whatever comes in, the answer is HTTP; nothing a
 * client sends or stops reading harms the daemon or another client.
 */

import { once } from 'node:events'
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import {
  createServer,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createConnection, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { buildApp, type Respond } from './api/app.ts'
import { Events } from './api/events.ts'
import { tokenCheck, tokenOf } from './api/token.ts'
import type { HeadOf } from './capture-head.ts'
import type { ConfigHttp } from './config-listeners.ts'
import type { Journals } from './journal/recorder.ts'
import type { Watching } from './watching.ts'

export type { Respond } from './api/app.ts'

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

const LIMITS: Limits = { connections: 64, headMs: 10_000, requestMs: 30_000, idleMs: 60_000 }

/** Those above the limit, who are told so; the kernel's answer to more is silence. */
const CONNECTIONS_TURNED_AWAY = 64

/** A TCP listener that lets through what it likes of requests to the API, or answers itself. */
export interface Listener {
  address: string
  /** 0 for any. */
  port: number
  /** What to set if the port is in use. */
  key: string
  /** `api` answers whatever it is handed. */
  guard(api: RequestListener): RequestListener
}

export interface ServerOptions {
  /** What GET /v1/events tells. */
  events?: Events
  /** What GET /v1/moments tells; left out, there is no such path. */
  watching?: Watching
  /** What GET /v1/journal brings; left out, there is no such path. */
  journals?: Journals
  /** What GET /v1/capture says of itself; left out, there is no such path. */
  headOf?: HeadOf
  http?: ConfigHttp | null
  /** That of the page. */
  ui?: Listener | null
  limits?: Partial<Limits>
}

export interface ControlServer {
  /** Ports of the TCP listeners; undefined if there is none. */
  readonly port: number | undefined
  readonly uiPort: number | undefined
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
  // A service of somebody else may be between two starts.
  if (file.uid !== process.geteuid?.() && file.uid !== 0)
    throw new Error(`${path} belongs to user ${file.uid}; remove it or set control.socket`)
  unlinkSync(path)
}

/**
 * Listens at `path` (see claimSocket), making its folder if need be, and at `http` if there is one. Throws an Error in
 * one line if it cannot.
 */
export async function openServer(
  path: string,
  respond: Respond,
  {
    events = new Events(),
    watching,
    headOf,
    journals,
    http,
    ui,
    limits: given,
  }: ServerOptions = {},
): Promise<ControlServer> {
  const limits = { ...LIMITS, ...given }
  const { app, endStreams } = await buildApp(respond, events, watching, journals, headOf)
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  await claimSocket(path)
  const servers: Server[] = []
  const close = async () => {
    events.stop()
    endStreams()
    await Promise.all(servers.map(closeServer))
    await app.close()
  }
  try {
    const local = limited(app.routing, limits)
    await listen(servers, local, () => {
      // The socket is made with its final mode, inside listen(): a chmod after it would leave it open for a moment.
      const umask = process.umask(0o177)
      try {
        local.listen(path)
      } finally {
        process.umask(umask)
      }
    })
    const open = (listener: Listener) =>
      listenAt(servers, listener, limited(listener.guard(app.routing), limits))
    const port = http ? await open(withToken(http)) : undefined
    const uiPort = ui ? await open(ui) : undefined
    return { port, uiPort, close }
  } catch (error) {
    await close()
    throw new Error((error as Error).message)
  }
}

function withToken(http: ConfigHttp): Listener {
  const { address, port } = http
  const key = 'control.http.port'
  return { address, port, key, guard: api => guarded(api, tokenOf(http, 'control.http')) }
}

/** => the port, once it listens */
async function listenAt(
  servers: Server[],
  { address, port, key }: Listener,
  server: Server,
): Promise<number> {
  try {
    await listen(servers, server, () => server.listen(port, address))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(`${address}:${port} is in use; set ${key}`)
  }
  return (server.address() as { port: number }).port
}

async function listen(servers: Server[], server: Server, start: () => void): Promise<void> {
  start()
  await once(server, 'listening')
  servers.push(server)
}

/** An HTTP server that holds its clients to `limits`. */
function limited(handle: RequestListener, limits: Limits): Server {
  const options = {
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(2000, limits.headMs / 2),
  }
  const excess = new WeakSet<Socket>()
  const inTurn = oneByOne(handle)
  const server = createServer(options, (request, response) => {
    if (excess.has(request.socket)) {
      const error = `more than ${limits.connections} connections; try again later`
      response.writeHead(503, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify({ error }))
    } else inTurn(request, response)
  })
  server.maxConnections = limits.connections + CONNECTIONS_TURNED_AWAY
  server.timeout = limits.idleMs
  let open = 0
  server.on('connection', socket => {
    if (open >= limits.connections) {
      excess.add(socket)
      socket.setTimeout(Math.min(1000, limits.idleMs), () => socket.destroy())
      return
    }
    open++
    socket.once('close', () => open--)
  })
  server.on('clientError', refuse)
  return server
}

/** Of each connection: Node would start all requests that came in one piece at once, and hold all their answers. */
function oneByOne(handle: RequestListener): RequestListener {
  const last = new WeakMap<Socket, ServerResponse>()
  return (request, response) => {
    const before = last.get(request.socket)
    last.set(request.socket, response)
    if (!before || before.writableFinished) handle(request, response)
    else before.once('close', () => handle(request, response))
  }
}

/** Lets through who has the token, whatever the path. */
function guarded(handle: RequestListener, token: string): RequestListener {
  const holds = tokenCheck(token)
  return (request, response) => {
    if (holds(request.headers.authorization)) return handle(request, response)
    const error =
      'a bearer token is needed (control.http of the config): Authorization: Bearer TOKEN'
    response.writeHead(401, {
      'content-type': 'application/json',
      'www-authenticate': 'Bearer',
      connection: 'close',
    })
    response.end(JSON.stringify({ error }))
  }
}

/** The answer to what is no request. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const [status, line] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'the request took too long']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'the head of the request is too long']
        : [400, 'that is no HTTP/1.1; see docs/api.md']
  const body = JSON.stringify({ error: line })
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json`
  socket.end(`${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
  socket.destroySoon()
}

function closeServer(server: Server): Promise<void> {
  return new Promise(done => {
    server.close(() => done())
    server.closeAllConnections()
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
