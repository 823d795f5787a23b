/** The rows of the connection table that one sees, asked for again and again, one request at a time. */

import { useEffect, useState } from 'preact/hooks'
import type { ConnRow, ConnsInfo } from '../../../src/api/page.ts'
import { type ConnQuery, connsUrl } from '../../../src/page/conn-query.ts'
import type { Span } from '../../../src/page/table-window.ts'
import { ask } from '../stream.ts'

/** After a key or a way scrolled, so that no request is sent for what is passed by. */
const PAUSE_MS = 120
const REFRESH_MS = 2000
/** While the daemon still reads its table. */
const INCOMPLETE_MS = 400

export interface Held extends Omit<ConnsInfo, 'rows'> {
  query: ConnQuery
  offset: number
  rows: ConnRow[]
}

export interface Conns {
  held: Held | null
  /** One line; null if the last request was answered. */
  error: string | null
}

/** `active`: somebody sees the table. */
export function useConns(query: ConnQuery, { offset, limit }: Span, active: boolean): Conns {
  const [held, setHeld] = useState<Held | null>(null)
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    if (!active) return
    const controller = new AbortController()
    let timer = 0
    const run = async () => {
      let next = REFRESH_MS
      try {
        const url = connsUrl(query, { offset, limit })
        const answer = await ask<ConnsInfo>(url, controller.signal)
        if (!answer.complete) next = INCOMPLETE_MS
        setHeld({ ...answer, query, offset })
        setError(null)
      } catch (problem) {
        if (controller.signal.aborted) return
        setError((problem as Error).message)
      }
      if (!controller.signal.aborted) timer = setTimeout(run, next)
    }
    timer = setTimeout(run, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [query, offset, limit, active])
  return { held, error }
}
