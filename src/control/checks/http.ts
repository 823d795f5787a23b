/** HTTP and HTTPS: a GET whose status must be one of the expected ones, and whose body may have to hold a text. */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { dial } from './dial.ts'
import type { Attempt } from './probe.ts'

/** So much of a body is looked at. */
const BODY_MAX = 64 * 1024

export async function probeHttp(attempt: Attempt): Promise<void> {
  const { check, rs, signal } = attempt
  const { get } = await import('node:http')
  const socket = await (check.type === 'https' ? dialTls(attempt) : dial(attempt))
  attempt.step = 'the answer'
  const answer = await new Promise<IncomingMessage>((done, fail) => {
    const request = get(
      {
        createConnection: () => socket,
        host: rs.address,
        port: attempt.port,
        path: check.path,
        headers: {
          host: check.host ?? hostHeader(attempt),
          'user-agent': 'tapvs',
          connection: 'close',
        },
        signal,
      },
      done,
    )
    request.on('error', fail)
  })
  const status = answer.statusCode ?? 0
  if (!check.status.some(([from, to]) => status >= from && status <= to)) {
    answer.destroy()
    throw new Error(`GET ${check.path} was answered with status ${status}`)
  }
  if (check.expect === null) {
    answer.destroy()
    return
  }
  attempt.step = 'the body'
  if (!(await holds(answer, check.expect))) {
    throw new Error(`the answer to GET ${check.path} does not hold ${JSON.stringify(check.expect)}`)
  }
}

/** The RS's, as a client that talks to it would write it. */
function hostHeader({ check, rs, port }: Attempt): string {
  return port === (check.type === 'https' ? 443 : 80) ? rs.address : `${rs.address}:${port}`
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

async function holds(answer: IncomingMessage, text: string): Promise<boolean> {
  const wanted = Buffer.from(text)
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of answer) {
    parts.push(part as Buffer)
    bytes += (part as Buffer).length
    if (Buffer.concat(parts).includes(wanted)) return true
    if (bytes >= BODY_MAX) return false
  }
  return false
}
