/** A stream of the daemon's events that is opened anew by itself. An EventSource cannot send the token; fetch can. */

import { HEARTBEAT_MS } from '../../src/api/limits.ts'
import { EventText } from '../../src/see/text/event-text.ts'
import { withToken } from './token.ts'

export interface StreamEvents {
  /** An event by its name, its data parsed. */
  on: Record<string, (data: never) => void>
  up(): void
  /** `refused`: the daemon is there and does not let us in. */
  down(why: 'lost' | 'refused'): void
}

const RETRY_MS = [500, 1000, 2000, 4000, 8000]

/** Not let in. */
class Refused extends Error {}

/** `silenceMs`: without a word for so long it is taken for lost. => closes it */
export function followStream(
  url: string,
  events: StreamEvents,
  silenceMs = 2 * HEARTBEAT_MS,
): () => void {
  let controller = new AbortController()
  let timer = 0
  let failures = 0
  let closed = false

  const heard = () => {
    failures = 0
    clearTimeout(timer)
    // A daemon that hangs keeps its connections open; only its silence tells.
    timer = setTimeout(() => controller.abort(), silenceMs)
    events.up()
  }
  const run = async () => {
    controller = new AbortController()
    const { signal } = controller
    timer = setTimeout(() => controller.abort(), silenceMs)
    let why: 'lost' | 'refused' = 'lost'
    try {
      await read(url, signal, events.on, heard)
    } catch (error) {
      if (error instanceof Refused) why = 'refused'
    }
    clearTimeout(timer)
    if (closed) return
    events.down(why)
    timer = setTimeout(run, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)])
  }
  void run()
  return () => {
    closed = true
    clearTimeout(timer)
    controller.abort()
  }
}

/** Until it ends. `heard` is told of every piece that comes, and of the beginning. */
async function read(
  url: string,
  signal: AbortSignal,
  on: StreamEvents['on'],
  heard: () => void,
): Promise<void> {
  const response = await fetch(url, { headers: withToken(), cache: 'no-store', signal })
  if (response.status === 401 || response.status === 403) throw new Refused()
  if (!response.ok || !response.body) throw new Error(`${response.status}`)
  heard()
  const text = new EventText()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    heard()
    for (const { event, data } of text.add(value)) {
      if (event !== undefined && data !== undefined) on[event]?.(JSON.parse(data) as never)
    }
  }
}

/** JSON of the daemon. Throws an Error in one line, or an AbortError. */
export async function ask<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(url, { headers: withToken(), ...(signal && { signal }) })
  if (!response.ok) throw new Error(`${response.status} ${await errorOf(response)}`)
  return (await response.json()) as T
}

async function errorOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' ? error : text
  } catch {
    return text
  }
}
