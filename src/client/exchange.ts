/** One HTTP exchange with the daemon, over its UNIX socket or TCP. Node's own client and nothing else, so it loads fast. */

import { type Agent, request as http, type IncomingMessage, type RequestOptions } from 'node:http'

/** Where the daemon listens. */
export type Target = { socket: string } | { url: string; token?: string }

export interface ExchangeOptions {
  method: string
  /** With its query. */
  path: string
  /** JSON text. */
  body?: string | undefined
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
  /** Connections to be used again; without it each exchange has its own. */
  agent?: Agent | undefined
}

export interface Reply {
  status: number
  text: string
}

/** The head of the answer; rejects with Node's error if there is none. The body is still to be read. */
export async function open(target: Target, options: ExchangeOptions): Promise<IncomingMessage> {
  const { method, path, body, signal } = options
  const headers: Record<string, string | number> = { ...options.headers }
  if (body !== undefined) {
    headers['content-type'] ??= 'application/json'
    headers['content-length'] = Buffer.byteLength(body)
  }
  if ('url' in target && target.token !== undefined)
    headers.authorization = `Bearer ${target.token}`
  const place = placeOf(target, path)
  const tls = place.protocol === 'https:'
  // Behind a proxy that speaks TLS; rare, and dear to load. An agent of the one cannot serve the other.
  const send = tls ? (await import('node:https')).request : http
  const agent: Agent | false = (!tls && options.agent) || false
  return new Promise((done, fail) => {
    const request = send({ ...place, method, headers, agent, ...(signal && { signal }) })
    request.once('response', done)
    // Later ones are told by the response.
    request.on('error', fail)
    request.end(body)
  })
}

/** Rejects with Node's error, or with one of code ETIMEDOUT after `limitMs`. */
export async function exchange(
  target: Target,
  options: ExchangeOptions,
  limitMs: number,
): Promise<Reply> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), limitMs)
  try {
    const response = await open(target, { ...options, signal: abort.signal })
    return { status: response.statusCode ?? 0, text: await textOf(response) }
  } catch (error) {
    if (!abort.signal.aborted) throw error
    throw Object.assign(new Error(`no answer within ${limitMs / 1000} s`), { code: 'ETIMEDOUT' })
  } finally {
    clearTimeout(timer)
  }
}

/** The whole body. */
export function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((done, fail) => {
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    response.once('end', () => done(Buffer.concat(chunks).toString()))
    response.once('error', fail)
  })
}

function placeOf(target: Target, path: string): RequestOptions {
  if ('socket' in target) return { socketPath: target.socket, host: 'localhost', path }
  const { protocol, hostname, port, pathname } = new URL(target.url)
  // Brackets are the URL's, around an IPv6 address.
  const host = hostname.replace(/^\[|\]$/g, '')
  return { protocol, host, port, path: pathname.replace(/\/$/, '') + path }
}
