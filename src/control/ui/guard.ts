/**
 * Who may see the page: whoever has its token, once in the address and from then on as a cookie, or as a bearer token. A
 * browser is also used by strangers' pages, so a request has to name this machine and come from the page itself.
 */

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { sameAs, tokenCheck } from '../api/token.ts'

/** Of every answer. The page is nothing but its own files; no script, style or picture comes from anywhere else. */
export const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  // The token may be in the address.
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const

export interface Refusal {
  status: 401 | 403 | 405
  /** One line. */
  error: string
}

/** What of a request it is judged by. */
export interface Asked {
  method: string | undefined
  url: URL
  headers: IncomingHttpHeaders
}

export class Guard {
  /** What the browser keeps: `NAME=VALUE; ...`. */
  readonly cookie: string
  readonly #name: string
  readonly #isToken: (given: string | undefined) => boolean
  readonly #isBearer: (header: string | undefined) => boolean
  readonly #isCookie: (given: string | undefined) => boolean

  constructor(token: string) {
    const digest = (what: string) => createHash('sha256').update(`${what} ${token}`).digest('hex')
    // Browsers keep cookies by host and not by port: daemons side by side must not take one another's.
    this.#name = `tapvs-${digest('name').slice(0, 8)}`
    const value = digest('cookie')
    this.cookie = `${this.#name}=${value}; Path=/; HttpOnly; SameSite=Strict`
    this.#isToken = sameAs(token)
    this.#isBearer = tokenCheck(token)
    this.#isCookie = sameAs(value)
  }

  /** null: it may be answered. */
  refuses({ method, url, headers }: Asked): Refusal | null {
    const { host, origin } = headers
    const site = headers['sec-fetch-site']
    if (!isLoopback(host))
      // A name of a stranger's that was made to mean 127.0.0.1 (DNS rebinding) stands in this header.
      return { status: 403, error: 'the host must be 127.0.0.1 or localhost; see tapvs ui' }
    if (origin !== undefined && origin !== `http://${host}`)
      return { status: 403, error: 'only the page itself may ask' }
    // From a link elsewhere one may come to the page; what is behind it is asked for by the page.
    if (url.pathname !== '/' && (site === 'cross-site' || site === 'same-site'))
      return { status: 403, error: 'only the page itself may ask' }
    if (method !== 'GET') return { status: 405, error: 'only GET: the page changes nothing' }
    if (!this.#knows(url, headers))
      return { status: 401, error: 'the address needs its token; tapvs ui prints it' }
    return null
  }

  /** True if the token is in the address, so that the browser is to be given the cookie. */
  isExchange({ url }: Asked): boolean {
    return url.pathname === '/' && this.#isToken(tokenIn(url))
  }

  #knows(url: URL, { authorization, cookie }: IncomingHttpHeaders): boolean {
    if (url.pathname === '/' && this.#isToken(tokenIn(url))) return true
    if (this.#isBearer(authorization)) return true
    const own = (cookie ?? '').split(/; */).find(pair => pair.startsWith(`${this.#name}=`))
    return this.#isCookie(own?.slice(this.#name.length + 1))
  }
}

function tokenIn(url: URL): string | undefined {
  return url.searchParams.get('token') ?? undefined
}

/** A Host header; the port may be another one, of a tunnel. */
function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host ?? '')
}
