/**
 * `GET /v1/journal`: a journal of what the engines are given from now on, in the format of control/journal/format.ts. It
 * holds the key of the sequence numbers.
 */

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type * as z from 'zod'
import { HttpError, NO_RECORDER } from '../../api/errors.ts'
import { object, wholeText } from '../../api/fields.ts'
import type { Journals } from '../journal/journals.ts'
import { binary, describeStream } from './openapi.ts'

/** Each may hold in memory what its reader has not taken. */
const JOURNALS_MAX = 4
const BYTES_MAX = 2 ** 30
const BYTES = 64 * 2 ** 20

const query = object({
  seconds: wholeText(0, 86_400).exactOptional(),
  bytes: wholeText(2 ** 20, BYTES_MAX).exactOptional(),
})

/** ms for the last of a journal, when the daemon ends; a reader that takes nothing is not waited for. */
const END_MS = 500

/** Adds the path to `app`. => ends all streams; resolves when they have come to their readers, or will not */
export function addJournal(
  app: FastifyInstance,
  journals: Journals | undefined,
): () => Promise<void> {
  const streams = new Set<ServerResponse>()
  const schema = describeStream({
    id: 'journal',
    tag: 'packets',
    summary: 'A journal for `tapvs replay`, binary',
    description: `Begins with an image of the engines, and goes on until it is \`seconds\` old or has \`bytes\`, or the \
reader goes. It holds headers of packets and the key of the sequence numbers: keep it as you keep a key. There are at most \
${JOURNALS_MAX} of them.`,
    query,
    type: 'application/octet-stream',
    answer: binary,
  })
  app.get('/v1/journal', { schema }, (request, reply) => {
    if (!journals) throw new HttpError(503, NO_RECORDER)
    if (streams.size >= JOURNALS_MAX)
      throw new HttpError(503, `more than ${JOURNALS_MAX} journals; end one`)
    const { seconds, bytes = BYTES } = request.query as z.output<typeof query>
    reply.hijack()
    const response = reply.raw
    const gone = new AbortController()
    streams.add(response)
    response.on('error', () => {})
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
    })
    response.flushHeaders()
    response.socket?.setTimeout(0)
    const { signal } = gone
    const chunks = Readable.from(journals.record({ seconds, bytes, signal }), { objectMode: false })
    response.once('close', () => {
      streams.delete(response)
      gone.abort()
      chunks.destroy()
    })
    // Everything sent so far is good; that it is not whole shows, because its end is missing.
    chunks.on('error', () => response.destroy())
    chunks.pipe(response)
  })
  return async () => {
    journals?.stop()
    const open = Array.from(streams, response => once(response, 'close').catch(() => {}))
    const late = new AbortController()
    const limit = setTimeout(END_MS, undefined, { signal: late.signal }).catch(() => {})
    await Promise.race([Promise.all(open), limit])
    late.abort()
  }
}
