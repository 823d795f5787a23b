/**
 * The page of `tapvs run --ui`: a listener of its own on 127.0.0.1 that hands out the built page, the reading half of the
 * API, and the streams and tables that only the page has. It changes nothing and nothing leaves the machine.
 */

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { parseFilter } from '../../see/filter.ts'
import { type HttpError, statusOf } from '../api/errors.ts'
import { tokenOf } from '../api/token.ts'
import type { ConfigUi } from '../config-listeners.ts'
import type { Log } from '../log.ts'
import type { Model } from '../model.ts'
import { numbers } from '../numbers.ts'
import { edges } from '../refusals.ts'
import type { Listener } from '../server.ts'
import type { Watching } from '../watching.ts'
import type { Workers } from '../workers.ts'
import { connQuery } from './conns/query.ts'
import { ConnTable } from './conns/table.ts'
import { NOT_BUILT, type PageFile, pageFiles } from './files.ts'
import { Guard, HEADERS } from './guard.ts'
import { Live } from './live.ts'
import { MomentStream } from './moments.ts'
import { countedBy, Series, STEP_MS } from './series.ts'

/** Of the 64 connections of a listener, so that watching never locks out asking. */
const STREAMS_MAX = 32

/** The reading half of the API without what holds secrets; no escapes, which a router might read as another path. */
const API = /^\/v1\/[\w.~:/-]+$/
const SECRET = /^\/v1\/(config|journal|ui)(\/|$)/

export interface UiSources {
  model: Model
  watching: Pick<Watching, 'follow'>
  workers: Pick<Workers, 'pages' | 'arms'>
}

/** What answers a path; throws an Error in one line about what was asked. */
type Answer = (url: URL, response: ServerResponse) => void | Promise<void>

export class Ui {
  readonly listener: Listener
  readonly #token: string
  readonly #guard: Guard
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
    this.#model = model
    this.#live = new Live(() => ({
      atMs: Date.now(),
      numbers: numbers(model, workers.arms),
      states: model.readings.states(),
      edges: edges(model.readings),
      step: this.#series.last(),
    }))
    this.#conns = new ConnTable(model, workers)
    this.#paths = {
      '/ui/live': this.#stream((_, response, closed) => this.#live.add(response, closed)),
      '/ui/moments': this.#stream(({ searchParams }, response, closed) => {
        const wanted = parseFilter(searchParams.get('filter') ?? '')
        new MomentStream(response, watching, wanted, closed)
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
      guard: api => (request, response) => void this.#answer(api, request, response),
    }
  }

  /** `port` is where it listens. */
  url(port: number): string {
    return `http://127.0.0.1:${port}/?token=${encodeURIComponent(this.#token)}`
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
    api: RequestListener,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    response.setHeader('cache-control', 'no-store')
    const { method, headers } = request
    const url = urlOf(request.url ?? '')
    if (!url) return sendText(response, 400, 'that is no plain path')
    const asked = { method, url, headers }
    const refusal = this.#guard.refuses(asked)
    if (refusal) return sendText(response, refusal.status, refusal.error)
    if (this.#guard.isExchange(asked)) response.setHeader('set-cookie', this.#guard.cookie)
    const { pathname } = url
    if (API.test(pathname) && !SECRET.test(pathname)) return api(request, response)
    try {
      const own = this.#paths[pathname]
      if (own) return await own(url, response)
      this.#sendFile(pathname, headers['accept-encoding'], response)
    } catch (error) {
      const { message, status } = error as HttpError
      sendJson(response, status ?? statusOf(message), { error: message })
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

  /** An answer without end; there are no more than STREAMS_MAX. */
  #stream(begin: (url: URL, response: ServerResponse, closed: () => void) => void): Answer {
    return (url, response) => {
      if (this.#streams.size >= STREAMS_MAX) {
        sendJson(response, 503, { error: `more than ${STREAMS_MAX} streams; close a page` })
        return
      }
      begin(url, response, () => this.#streams.delete(response))
      // What was asked wrongly has thrown.
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

function sendText(response: ServerResponse, status: number, line: string): void {
  send(response, status, 'text/plain; charset=utf-8', Buffer.from(`${line}\n`))
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', Buffer.from(JSON.stringify(value)))
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
}
