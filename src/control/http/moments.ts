/**
 * `GET /v1/moments`: what the flight recorders see, a line of JSON each. Nobody waits for a reader: when it is behind, lines
 * are left out and it is told how many, as it is told of what was overwritten before it could be read.
 */

import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { HttpError, NO_RECORDER } from '../../api/errors.ts'
import { object } from '../../api/fields.ts'
import { HEARTBEAT_MS } from '../../api/limits.ts'
import type { Moment } from '../../see/moments/moment.ts'
import { momentToJson } from '../../see/moments/moment-json.ts'
import type { Watching } from '../recorder/watching.ts'
import { describeStream } from './openapi.ts'
import {
  COPIES_MAX,
  filterOf,
  type PacketStreams,
  packetQuery,
  STREAMS_MAX,
  UNREAD_BYTES_MAX,
  writeAll,
} from './packets.ts'

const query = object(packetQuery(true, false))

const momentSchema = z.looseObject({ kind: z.enum(['in', 'out', 'event', 'lost']) }).meta({
  id: 'Moment',
  description:
    'A frame that came in, one that left, or what happened without one; `bytes` are hex. `{kind: lost, records}` tells of what is missing.',
})

/** Adds the path to `app`. */
export function addMoments(
  app: FastifyInstance,
  streams: PacketStreams,
  watching: Watching | undefined,
): void {
  const schema = describeStream({
    id: 'moments',
    tag: 'packets',
    summary: 'Packets and what became of them, a line of JSON each',
    description: `With \`past\`, what the flight recorders hold; with \`follow\`, what comes from now on, until the reader \
goes. There are at most ${STREAMS_MAX} streams of packets, and ${COPIES_MAX} that end with the past.`,
    query,
    type: 'application/x-ndjson',
    answer: momentSchema,
  })
  app.get('/v1/moments', { schema }, (request, reply) => {
    if (!watching) throw new HttpError(503, NO_RECORDER)
    const asked = request.query as z.output<typeof query>
    const wanted = filterOf(asked.filter)
    const response = reply.raw
    streams.add(response, asked, () => response.end())
    reply.hijack()
    stream(response, watching, wanted, asked)
  })
}

function stream(
  response: ServerResponse,
  watching: Watching,
  wanted: (moment: Moment) => boolean,
  { past, follow, snaplen }: z.output<typeof query>,
): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  response.on('error', () => {})
  const lines = new Lines(response, wanted)
  if (!follow) {
    void writeAll(response, past ? watching.past() : [], moments => lines.write(moments, 0)).then(
      whole => whole && response.end(),
    )
    return
  }
  response.flushHeaders()
  response.socket?.setTimeout(0)
  const heartbeat = setInterval(() => response.write('\n'), HEARTBEAT_MS)
  const options = { past, ...(snaplen !== undefined && { snaplen }) }
  const stop = watching.follow(options, (moments, lost) => lines.write(moments, lost))
  response.once('close', () => {
    clearInterval(heartbeat)
    stop()
  })
}

class Lines {
  readonly #response: ServerResponse
  readonly #wanted: (moment: Moment) => boolean
  #lost = 0

  constructor(response: ServerResponse, wanted: (moment: Moment) => boolean) {
    this.#response = response
    this.#wanted = wanted
  }

  write(all: readonly Moment[], lost: number): void {
    const moments = all.filter(this.#wanted)
    this.#lost += lost
    if (this.#response.writableLength > UNREAD_BYTES_MAX) {
      this.#lost += moments.length
      return
    }
    let text = ''
    if (this.#lost > 0) text += `{"kind":"lost","records":${this.#lost}}\n`
    this.#lost = 0
    for (const moment of moments) text += `${JSON.stringify(momentToJson(moment))}\n`
    if (text !== '') this.#response.write(text)
  }
}
