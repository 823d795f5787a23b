/**
 * Who may see the page. Its files are no secret; whatever they ask for needs the token, as a bearer token. The page has it
 * from behind the `#` of its address, which no browser sends, and keeps it for its own origin: a cookie would be sent to
 * every other port of 127.0.0.1 too. A browser is also used by strangers' pages, so a request has to name this machine and
 * come from the page itself.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { tokenCheck } from '../http/token.ts'

/** Of every answer. The page is nothing but its own files; no script, style or picture comes from anywhere else. */
export const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
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
  readonly #isBearer: (header: string | undefined) => boolean

  constructor(token: string) {
    this.#isBearer = tokenCheck(token)
  }

  /** null: it may be answered; for the files of the page see knows(). */
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
    return null
  }

  /** Whether the token is there. */
  knows({ authorization }: IncomingHttpHeaders): boolean {
    return this.#isBearer(authorization)
  }
}

/** A Host header; the port may be another one, of a tunnel. */
function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host ?? '')
}
