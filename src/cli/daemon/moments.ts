/** The moments of a running daemon, as they come over its control socket. */

import { createInterface } from 'node:readline'
import { queryOf } from '../../api/verbs.ts'
import { open } from '../../client/exchange.ts'
import type { Moment } from '../../see/moments/moment.ts'
import { momentFromJson } from '../../see/moments/moment-json.ts'
import { failure, notReached } from './client.ts'

export interface MomentsQuery {
  /** What the recorders hold. */
  past?: boolean
  /** And what comes from now on, until the caller stops. */
  follow?: boolean
  snaplen?: number
  /** Words of see/moments/filter.ts. */
  filter?: string
  /** Told how many records are missing in between. */
  lost?: (records: number) => void
  signal?: AbortSignal
}

/** Throws CliError when no daemon answers, or when it does not like the query. */
export async function* moments(
  socket: string,
  { lost, signal, ...query }: MomentsQuery,
): AsyncGenerator<Moment> {
  const path = `/v1/moments${queryOf(query)}`
  const response = await open({ socket }, { method: 'GET', path, signal }).catch(error => {
    throw notReached(socket, error)
  })
  if (response.statusCode !== 200) throw await failure(socket, response)
  try {
    for await (const line of createInterface({ input: response })) {
      if (line === '') continue
      const json = JSON.parse(line) as { kind: string; records: number }
      if (json.kind === 'lost') lost?.(json.records)
      else yield momentFromJson(json)
    }
  } catch (error) {
    if (!signal?.aborted) throw notReached(socket, error)
  } finally {
    response.destroy()
  }
}
