/** The stream of events, read as it comes (server-sent events, the HTML standard 9.2). */

import { EventText } from '../see/text/event-text.ts'
import { open, type Reply, type Target, textOf } from './exchange.ts'
import type { DaemonEvent, Missed } from './types.ts'

export interface EventOptions {
  /** The id of the last event that is known: what came after it comes first. */
  after?: string
  /** Ends the stream, without an error. */
  signal?: AbortSignal
}

/** `failed` makes the error of an answer that is none. */
export async function* eventsOf(
  target: Target,
  { after, signal }: EventOptions,
  failed: (reply: Reply) => Error,
): AsyncGenerator<DaemonEvent | Missed> {
  const headers = { accept: 'text/event-stream', ...(after && { 'last-event-id': after }) }
  try {
    const response = await open(target, { method: 'GET', path: '/v1/events', headers, signal })
    const status = response.statusCode ?? 0
    if (status !== 200) throw failed({ status, text: await textOf(response) })
    const text = new EventText()
    for await (const chunk of response.setEncoding('utf8'))
      for (const { event, data } of text.add(chunk)) {
        if (event === 'missed') yield { event }
        else if (data !== undefined) yield JSON.parse(data) as DaemonEvent
      }
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}
