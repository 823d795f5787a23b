/** What the page is told, see `tapvs run --ui`. */

import type { ConnInfo, NumbersInfo } from '../control/commands.ts'

/** How often a segment led from one state to another. */
export interface EdgeInfo {
  direction: 'in' | 'out'
  event: 'syn' | 'fin' | 'ack' | 'rst'
  from: string
  to: string
  count: number
  /** A sentence on the last segment that did. */
  last: string | null
}

/** `GET /ui/live`, event `live`, once a second. */
export interface LiveInfo {
  atMs: number
  numbers: NumbersInfo
  /** Connections by state, `established` and the like. */
  states: Record<string, number>
  edges: EdgeInfo[]
}

/** `GET /ui/series`: per second, the oldest first. */
export interface SeriesInfo {
  stepMs: number
  /** Of the newest point. */
  atMs: number
  drops: Record<string, number[]>
  conns: number[]
  packets: number[]
  bytes: number[]
}

/** `GET /ui/conns` */
export interface ConnsInfo {
  atMs: number
  total: number
  matched: number
  rows: ConnInfo[]
  /** false while the table is still being read. */
  complete: boolean
}
