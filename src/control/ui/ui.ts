/**
 * The page of `tapvs run --ui`: a listener of its own on 127.0.0.1 that hands out the built page, the reading half of the
 * API, and the streams and tables that only the page has. It changes nothing and nothing leaves the machine.
 */

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type HttpError, statusOf } from '../../api/errors.ts'
import type { ConfigUi, Scope } from '../../config/listeners.ts'
import { parseFilter } from '../../see/moments/filter.ts'
import type { Moment } from '../../see/moments/moment.ts'
import type { Admit } from '../http/limited.ts'
import type { Listener } from '../http/server.ts'
import { tokenOf } from '../http/token.ts'
import type { Log } from '../log/log.ts'
import type { Model } from '../model/model.ts'
import { numbers } from '../readings/numbers.ts'
import { edges } from '../readings/refusals.ts'
import type { Watching } from '../recorder/watching.ts'
import type { Workers } from '../threads/workers.ts'
import { connQuery } from './conns/query.ts'
import { ConnTable } from './conns/table.ts'
import { NOT_BUILT, type PageFile, pageFiles } from './files.ts'
import { Guard, HEADERS } from './guard.ts'
import { Live, livePartsOf } from './live.ts'
import { MomentStream } from './moments.ts'
import { PACKETS, withoutPayload } from './scope.ts'
import { countedBy, Series, STEP_MS } from './series.ts'

/** Of the 64 connections of a listener, so that watching never locks out asking. */
const STREAMS_MAX = 32
/** Of these, of packets: each has the recorders' moments made for itself. */
const PACKET_STREAMS_MAX = 4

/** The reading half of the API without what holds secrets; no escapes, which a router might read as another path. */
const API = /^\/v1\/[\w.~:/-]+$/
/** What the page asks for, and is not one of its files. */
const ASKED = /^\/(v1|v2|ui|metrics)(\/|$)/
const SECRET = /^\/v1\/(config|journal|ui)(\/|$)/

export interface UiSources {
  model: Model
  watching: Pick<Watching, 'follow'>
  workers: Pick<Workers, 'pages' | 'arms'>
}

/** What lets a request in, and what answers it. */
interface Behind {
  api: RequestListener
  admit: Admit
}

/** What answers a path; throws an Error in one line about what was asked. */
type Answer = (url: URL, response: ServerResponse) => void | Promise<void>

export class Ui {
  readonly listener: Listener
  readonly #token: string
  readonly #guard: Guard
  readonly #scope: Scope
  readonly #files: ReadonlyMap<string, PageFile>
  readonly #model: Model
  readonly #series = new Series()
  readonly #live: Live
  readonly #conns: ConnTable
  readonly #timer: NodeJS.Timeout
  readonly #streams = new Set<ServerResponse>()
  readonly #paths: Record<string, Answer>

  /** Throws an Error in one line if the file of the token has none. */
  constructor(
    config: ConfigUi,
    { model, workers, watching }: UiSources,
    files: ReadonlyMap<string, PageFile> = pageFiles(),
  ) {
    this.#files = files
    const own = config.token !== null || config.tokenFile !== null
    this.#token = own ? tokenOf(config, 'control.ui') : randomBytes(18).toString('base64url')
    this.#guard = new Guard(this.#token)
    this.#scope = config.scope
    this.#model = model
    this.#live = new Live(parts => ({
      at_ms: Date.now(),
      numbers: numbers(model, workers.arms, parts.has('services')),
      states: model.readings.states(),
      edges: parts.has('edges') ? edges(model.readings) : [],
      step: this.#series.last(),
    }))
    this.#conns = new ConnTable(model, workers)
    this.#paths = {
      '/ui/live': this.#stream(STREAMS_MAX, ({ searchParams }, response, closed) =>
        this.#live.add(response, livePartsOf(searchParams.get('parts')), closed),
      ),
      '/ui/moments': this.#stream(PACKET_STREAMS_MAX, ({ searchParams }, response, closed) => {
        const wanted = parseFilter(searchParams.get('filter') ?? '')
        const shown = this.#scope === 'full' ? (moment: Moment) => moment : withoutPayload
        new MomentStream(response, watching, { wanted, shown }, closed)
      }),
      '/ui/series': (_, response) => sendJson(response, 200, this.#series.info()),
      '/ui/conns': async ({ searchParams }, response) =>
        sendJson(response, 200, await this.#conns.query(connQuery(searchParams))),
    }
    this.#sample()
    this.#timer = setInterval(() => {
      this.#sample()
      this.#live.tick()
    }, STEP_MS)
    this.listener = {
      address: '127.0.0.1',
      port: config.port,
      key: 'control.ui.port or --ui=PORT',
      guard: (api, admit) => (request, response) =>
        void this.#answer({ api, admit }, request, response),
    }
  }

  /** `port` is where it listens. */
  url(port: number): string {
    return `http://127.0.0.1:${port}/#token=${encodeURIComponent(this.#token)}`
  }

  /** Tells where it is. => the address */
  announce(port: number, log: Pick<Log, 'info' | 'warn'>): string {
    const url = this.url(port)
    log.info(`TAPVS: page at ${url}`)
    if (!this.#built) log.warn(`TAPVS: ${NOT_BUILT}`)
    return url
  }

  get #built(): boolean {
    return this.#files.has('/')
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#conns.stop()
    for (const response of this.#streams) response.end()
  }

  #sample(): void {
    const { readings, config } = this.#model
    this.#series.sample(countedBy(readings, config.arms.length), performance.now(), Date.now())
  }

  async #answer(
    { api, admit }: Behind,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    response.setHeader('cache-control', 'no-store')
    const { method, headers } = request
    const url = urlOf(request.url ?? '')
    if (!url) return refuse(response, 400, 'that is no plain path')
    const refusal = this.#guard.refuses({ method, url, headers })
    if (refusal) return refuse(response, refusal.status, refusal.error)
    const { pathname } = url
    if (!ASKED.test(pathname)) return this.#sendFile(pathname, headers['accept-encoding'], response)
    if (!this.#guard.knows(headers))
      return refuse(response, 401, 'the address needs its token; tapvs ui prints it')
    admit(request)
    if (this.#scope !== 'full' && PACKETS.test(pathname)) {
      const error = 'this token shows no payload; control.ui.scope: full does'
      return sendJson(response, 403, { error })
    }
    if (API.test(pathname) && !SECRET.test(pathname)) return api(request, response)
    try {
      const own = this.#paths[pathname]
      if (own) await own(url, response)
      else sendText(response, 404, `there is no ${pathname}`)
    } catch (error) {
      const { message, status = statusOf('invalid') } = error as Partial<HttpError>
      sendJson(response, status, { error: message })
    }
  }

  #sendFile(
    path: string,
    encodings: string | string[] | undefined,
    response: ServerResponse,
  ): void {
    const file = this.#files.get(path)
    if (!file) {
      sendText(response, this.#built ? 404 : 503, this.#built ? `there is no ${path}` : NOT_BUILT)
      return
    }
    const gzip = /\bgzip\b/.test(String(encodings))
    response.setHeader('cache-control', file.cache)
    response.setHeader('vary', 'accept-encoding')
    if (gzip) response.setHeader('content-encoding', 'gzip')
    send(response, 200, file.type, gzip ? file.gzip : file.bytes)
  }

  /** An answer without end; there are no more than `max` of a kind, and STREAMS_MAX of all. */
  #stream(
    max: number,
    begin: (url: URL, response: ServerResponse, closed: () => void) => void,
  ): Answer {
    let open = 0
    return (url, response) => {
      if (open >= max || this.#streams.size >= STREAMS_MAX) {
        const error = `more than ${open >= max ? max : STREAMS_MAX} streams; close a page`
        return sendJson(response, 503, { error })
      }
      begin(url, response, () => {
        open--
        this.#streams.delete(response)
      })
      // What was asked wrongly has thrown.
      open++
      this.#streams.add(response)
    }
  }
}

/** null for what a router might read as another path than it looks like. */
function urlOf(target: string): URL | null {
  try {
    const url = new URL(`http://127.0.0.1${target}`)
    return url.pathname === target.split('?', 1)[0] ? url : null
  } catch {
    return null
  }
}

/** A browser that has not been let in may ask once per connection. */
function refuse(response: ServerResponse, status: number, line: string): void {
  response.setHeader('connection', 'close')
  sendText(response, status, line)
}

function sendText(response: ServerResponse, status: number, line: string): void {
  send(response, status, 'text/plain; charset=utf-8', Buffer.from(`${line}\n`))
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', Buffer.from(JSON.stringify(value)))
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
}
