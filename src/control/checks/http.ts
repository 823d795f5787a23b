/** HTTP and HTTPS: a GET whose status must be one of the expected ones, and whose body may have to hold a text. */

import type { Duplex } from 'node:stream'
import { hostText } from '../../wire/ip-address.ts'
import type { Attempt } from './attempt.ts'
import { dial } from './dial.ts'
import { HttpAnswer } from './http-answer.ts'

/** So much of a body is looked at. */
const BODY_MAX = 64 * 1024

export async function probeHttp(attempt: Attempt): Promise<void> {
  const { check } = attempt
  const socket = await (check.type === 'https' ? dialTls(attempt) : dial(attempt))
  attempt.step = 'the answer'
  socket.write(
    [
      `GET ${check.path} HTTP/1.1`,
      `Host: ${check.host ?? hostHeader(attempt)}`,
      'User-Agent: tapvs',
      'Connection: close',
      '\r\n',
    ].join('\r\n'),
  )
  const text = check.expect === null ? null : new Search(check.expect)
  const answer = new HttpAnswer(text && (part => text.add(part)))
  // Leaving the loop, in whatever way, closes the connection.
  for await (const part of socket) {
    answer.push(part as Buffer)
    if (judged(answer, text, attempt)) return
  }
  try {
    answer.end()
  } catch (error) {
    throw new Error(`GET ${check.path} ${(error as Error).message}`)
  }
  if (!judged(answer, text, attempt)) throw withoutText(attempt)
}

/** => whether the check has passed; throws if it has failed */
function judged(answer: HttpAnswer, text: Search | null, attempt: Attempt): boolean {
  const { status, done } = answer
  if (status === 0) return false
  const { path, status: wanted } = attempt.check
  if (!wanted.some(([from, to]) => status >= from && status <= to)) {
    throw new Error(`GET ${path} was answered with status ${status}`)
  }
  if (text === null || text.found) return true
  attempt.step = 'the body'
  if (done || text.bytes >= BODY_MAX) throw withoutText(attempt)
  return false
}

function withoutText({ check }: Attempt): Error {
  return new Error(`the answer to GET ${check.path} does not hold ${JSON.stringify(check.expect)}`)
}

/** Looks for a text in the beginning of a body. */
class Search {
  found = false
  bytes = 0
  readonly #wanted: Buffer
  /** The end of what came, in which the text may begin. */
  #tail: Buffer = Buffer.alloc(0)

  constructor(text: string) {
    this.#wanted = Buffer.from(text)
  }

  add(part: Buffer): void {
    if (this.bytes >= BODY_MAX) return
    this.bytes += part.length
    const all = Buffer.concat([this.#tail, part])
    this.found ||= all.includes(this.#wanted)
    this.#tail = all.subarray(Math.max(0, all.length - this.#wanted.length + 1))
  }
}

/** The RS's, as a client that talks to it would write it. */
function hostHeader({ check, rs, port }: Attempt): string {
  const host = hostText(rs.address)
  return port === (check.type === 'https' ? 443 : 80) ? host : `${host}:${port}`
}

async function dialTls(attempt: Attempt): Promise<Duplex> {
  const { check, signal } = attempt
  const { connect } = await import('node:tls')
  const raw = await dial(attempt)
  attempt.step = 'the TLS handshake'
  return new Promise((done, fail) => {
    const socket = connect(
      {
        socket: raw,
        rejectUnauthorized: check.verify,
        // SNI takes names only; the certificate is judged by the same name.
        ...(check.host !== null && { servername: check.host.replace(/:\d+$/, '') }),
      },
      () => done(socket),
    )
    socket.on('error', fail)
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
  })
}
