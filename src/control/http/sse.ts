/**
 * `GET /v1/events`: the events as a stream (server-sent events, the HTML standard 9.2). A client that does not read is
 * cut off: nobody waits for it, and what is held for it is bounded.
 */

import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod'
import { HttpError } from '../../api/errors.ts'
import { type DaemonEvent, eventSchema } from '../../api/events.ts'
import { HEARTBEAT_MS } from '../../api/limits.ts'
import type { Events } from '../model/events.ts'
import { EventStream } from './event-stream.ts'
import { describeStream } from './openapi.ts'

/** Beyond what the kernel holds. */
const UNREAD_BYTES_MAX = 65_536
/** Of the connections of a listener, so that watching never locks out asking. */
const STREAMS_MAX = 32

/** Adds the path to `app`. => ends all streams */
export function addEvents(app: FastifyInstance, events: Events): () => void {
  const streams = new Set<ServerResponse>()
  const schema = describeStream({
    id: 'events',
    tag: 'daemon',
    summary: 'What happens, as it happens: server-sent events',
    description: `A stream without end. After a broken connection, \`last-event-id\` brings what came since; if that is \
not known any more, an event \`missed\` comes first, and the state must be asked for anew. Lines that begin with a colon \
are heartbeats, one in ${HEARTBEAT_MS / 1000} s. Who does not read is cut off. There are at most ${STREAMS_MAX}.`,
    headers: z.object({ 'last-event-id': z.string().optional() }),
    type: 'text/event-stream',
    answer: eventSchema,
  })
  app.get('/v1/events', { schema }, (request, reply) => {
    if (streams.size >= STREAMS_MAX)
      throw new HttpError(503, `more than ${STREAMS_MAX} streams of events; close one`)
    reply.hijack()
    const response = reply.raw
    streams.add(response)
    stream(response, events, request.headers['last-event-id'] as string | undefined, () =>
      streams.delete(response),
    )
  })
  return () => {
    for (const response of streams) response.end()
  }
}

function stream(
  response: ServerResponse,
  events: Events,
  lastId: string | undefined,
  closed: () => void,
): void {
  const to = new EventStream(response, () => {
    stop()
    closed()
  })
  const send = (text: string) => {
    to.write(text)
    if (to.unread > UNREAD_BYTES_MAX) to.cutOff()
  }
  const stop = events.listen(event => send(frame(event)))
  if (lastId === undefined) return
  const past = events.after(lastId)
  if (!past) send('event: missed\ndata: {}\n\n')
  for (const event of past ?? []) send(frame(event))
}

function frame(event: DaemonEvent): string {
  return `id: ${event.id}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`
}
