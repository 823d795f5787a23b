/** A stream of the daemon's events that is opened anew by itself. */

export interface StreamEvents {
  /** An event by its name, its data parsed. */
  on: Record<string, (data: never) => void>
  up(): void
  /** `refused`: the daemon is there and does not let us in; another tab may get the token yet. */
  down(why: 'lost' | 'refused'): void
}

const RETRY_MS = [500, 1000, 2000, 4000, 8000]
/** For an answer that says whether we are let in. */
const ANSWER_MS = 3000

/** => closes it */
export function followStream(url: string, events: StreamEvents, silenceMs = 0): () => void {
  let source: EventSource | null = null
  let timer = 0
  let failures = 0
  let closed = false

  const again = async () => {
    source?.close()
    source = null
    clearTimeout(timer)
    events.down('lost')
    const refused = await isRefused()
    if (closed) return
    if (refused) events.down('refused')
    timer = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)])
  }
  const heard = () => {
    failures = 0
    clearTimeout(timer)
    // A daemon that hangs keeps its connections open; only its silence tells.
    if (silenceMs > 0) timer = setTimeout(again, silenceMs)
    events.up()
  }
  const open = () => {
    source = new EventSource(url)
    source.onopen = heard
    source.onerror = again
    for (const [name, listener] of Object.entries(events.on)) {
      source.addEventListener(name, event => {
        heard()
        listener(JSON.parse(event.data) as never)
      })
    }
  }
  open()
  return () => {
    closed = true
    clearTimeout(timer)
    source?.close()
  }
}

/** An event source does not say why it failed. */
async function isRefused(): Promise<boolean> {
  try {
    const { status } = await fetch('./v1/ping', {
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return status === 401 || status === 403
  } catch {
    return false
  }
}

/** JSON of the daemon. Throws an Error in one line, or an AbortError. */
export async function ask<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(url, signal ? { signal } : {})
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
