/** What comes bit by bit: packets and journals. */

import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { queryOf } from '../api/verbs.ts'
import type { Moment } from '../see/moments/moment.ts'
import { momentFromJson } from '../see/moments/moment-json.ts'
import { open, type Reply, type Target, textOf } from './exchange.ts'

export interface PacketOptions {
  /** What the flight recorders hold. */
  past?: boolean
  /** What comes from now on, until the reader stops. */
  follow?: boolean
  /** Bytes of each frame; default: what the config says. */
  snaplen?: number
  /** Words as of `tapvs capture`. */
  filter?: string
  /** Ends the stream, without an error. */
  signal?: AbortSignal
}

export interface CaptureOptions extends PacketOptions {
  /** Ends after so many packets. */
  count?: number
  seconds?: number
}

export interface JournalOptions {
  seconds?: number
  /** Of the whole; default 64 MiB. */
  bytes?: number
  /** Ends it; what was read until then is good. */
  signal?: AbortSignal
}

/** So many records were overwritten, or left out, because the reader was too slow. */
export interface Lost {
  kind: 'lost'
  records: number
}

/** Makes the error of an answer that is none. */
type Failed = (reply: Reply) => Error

/** The body, as it comes. */
export async function* bytesOf(
  target: Target,
  path: string,
  { signal, ...query }: CaptureOptions | JournalOptions,
  failed: Failed,
): AsyncGenerator<Uint8Array> {
  for await (const response of opened(target, `${path}${queryOf(query)}`, signal, failed))
    for await (const chunk of response) {
      if (signal?.aborted) return
      yield chunk
    }
}

export async function* momentsOf(
  target: Target,
  { signal, ...query }: PacketOptions,
  failed: Failed,
): AsyncGenerator<Moment | Lost> {
  const path = `/v1/moments${queryOf(query)}`
  for await (const response of opened(target, path, signal, failed)) {
    for await (const line of createInterface({ input: response })) {
      // Some lines may have come already.
      if (signal?.aborted) return
      // A heartbeat has nothing in it.
      if (line === '') continue
      const json = JSON.parse(line) as { kind: string }
      yield json.kind === 'lost' ? (json as Lost) : momentFromJson(json)
    }
  }
}

/** One answer, closed when its reader is done with it; `signal` ends it without an error. */
async function* opened(
  target: Target,
  path: string,
  signal: AbortSignal | undefined,
  failed: Failed,
): AsyncGenerator<IncomingMessage> {
  let response: IncomingMessage | undefined
  try {
    response = await open(target, { method: 'GET', path, signal })
    const status = response.statusCode ?? 0
    if (status !== 200) throw failed({ status, text: await textOf(response) })
    yield response
  } catch (error) {
    if (!signal?.aborted) throw error
  } finally {
    response?.destroy()
  }
}
