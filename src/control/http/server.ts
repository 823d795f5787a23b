/**
 * Where the API listens: the control socket, a UNIX socket of mode 0600, and loopback TCP ports behind tokens, that of the
 * API and that of the page (ui/), if they are wanted. It knows nothing of what requests mean; limited.ts has the limits.
 */

import { once } from 'node:events'
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import type { ConfigHttp } from '../../config/listeners.ts'
import type { Journals } from '../journal/journals.ts'
import { Events } from '../model/events.ts'
import type { HeadOf } from '../recorder/capture-head.ts'
import type { Watching } from '../recorder/watching.ts'
import { Turns } from '../system/turns.ts'
import { buildApp, LOCAL, type Respond } from './app.ts'
import { type Admit, BACKLOG, LIMITS, type Limits, limited } from './limited.ts'
import { tokenCheck, tokenOf } from './token.ts'

export type { Respond } from './app.ts'

/** A TCP listener that lets through what it likes of requests to the API, or answers itself. */
export interface Listener {
  address: string
  /** 0 for any. */
  port: number
  /** What to set if the port is in use. */
  key: string
  /** `api` answers whatever it is handed; who may ask is to be admitted. */
  guard(api: RequestListener, admit: Admit): RequestListener
}

export interface ServerOptions {
  /** What GET /v1/events tells. */
  events?: Events
  /** What GET /v1/moments tells; left out, it answers 503, as do the next two. */
  watching?: Watching
  /** What GET /v1/journal brings. */
  journals?: Journals
  /** What GET /v1/capture says of itself. */
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
  const { app, endStreams, makeDocument } = await buildApp(
    respond,
    events,
    watching,
    journals,
    headOf,
  )
  makeDocument()
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  await claimSocket(path)
  const servers: Server[] = []
  const turns = new Turns()
  const close = async () => {
    events.stop()
    await endStreams()
    await Promise.all(servers.map(closeServer))
    await app.close()
  }
  try {
    const local = limited(limits, turns, admit => (request, response) => {
      admit(request)
      LOCAL.add(request)
      app.routing(request, response)
    })
    await listen(servers, local, () => {
      // The socket is made with its final mode, inside listen(): a chmod after it would leave it open for a moment.
      const umask = process.umask(0o177)
      try {
        local.listen({ path, backlog: BACKLOG })
      } finally {
        process.umask(umask)
      }
    })
    const open = (listener: Listener) =>
      listenAt(
        servers,
        listener,
        limited(limits, turns, admit => listener.guard(app.routing, admit)),
      )
    const port = http ? await open(withToken(http)) : undefined
    const uiPort = ui ? await open(ui) : undefined
    return { port, uiPort, close }
  } catch (error) {
    await close()
    throw error
  }
}

function withToken(http: ConfigHttp): Listener {
  const { address, port } = http
  const key = 'control.http.port'
  const token = tokenOf(http, 'control.http')
  return { address, port, key, guard: (api, admit) => guarded(api, token, admit) }
}

/** => the port, once it listens */
async function listenAt(
  servers: Server[],
  { address, port, key }: Listener,
  server: Server,
): Promise<number> {
  try {
    await listen(servers, server, () => server.listen({ port, host: address, backlog: BACKLOG }))
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

/** Lets clients with the token through, whatever the path. */
function guarded(handle: RequestListener, token: string, admit: Admit): RequestListener {
  const holds = tokenCheck(token)
  return (request, response) => {
    if (holds(request.headers.authorization)) {
      admit(request)
      return handle(request, response)
    }
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
