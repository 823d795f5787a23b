/** The stream of events, read as it comes (server-sent events, the HTML standard 9.2). */

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
    response.setEncoding('utf8')
    let rest = ''
    for await (const chunk of response) {
      const frames = (rest + chunk).split('\n\n')
      rest = frames.pop() as string
      for (const frame of frames) {
        const event = read(frame)
        if (event) yield event
      }
    }
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}

/** undefined: a heartbeat */
function read(frame: string): DaemonEvent | Missed | undefined {
  const field = (name: string) =>
    frame
      .split('\n')
      .find(line => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  if (field('event') === 'missed') return { event: 'missed' }
  const data = field('data')
  return data === undefined ? undefined : (JSON.parse(data) as DaemonEvent)
}
