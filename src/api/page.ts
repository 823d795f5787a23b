/** What the page's own paths answer, beside those of the API. */

import type { ConnInfo, EdgeInfo, NumbersInfo } from './commands.ts'

/** What charts show: ten minutes, a point a second. */
export const POINTS = 600

/** Counts of each step, oldest first; the last step ended at `atMs`. */
export interface SeriesInfo {
  step_ms: number
  /** ms since 1970. */
  at_ms: number
  /** By reason; what there was nothing of is left out. */
  drops: Record<string, number[]>
  conns: number[]
  packets: number[]
  bytes: number[]
}

/** The last step alone. */
export interface StepInfo {
  /** ms since 1970 at its end. */
  at_ms: number
  drops: Record<string, number>
  conns: number
  packets: number
  bytes: number
}

/** What `/ui/live` says only to who asks for it: each view of the page to those that it shows. */
export const LIVE_PARTS = ['services', 'edges'] as const
export type LivePart = (typeof LIVE_PARTS)[number]

/** How it is now, once a second. */
export interface LiveInfo {
  /** ms since 1970. */
  at_ms: number
  /** Without services if these were not asked for. */
  numbers: NumbersInfo
  /** Connections by state, of all workers. */
  states: Record<string, number>
  /** Of the state machine, those that were used, if they were asked for. */
  edges: EdgeInfo[]
  /** What came in the last whole step, as in the series; null as long as there was none. */
  step: StepInfo | null
}

/** What the connection table can be sorted by. */
export const SORTS = [
  'client',
  'vip',
  'lip',
  'rs',
  'forwarding',
  'protocol',
  'state',
  'age',
  'worker',
] as const
export type Sort = (typeof SORTS)[number]

/** A row, and for how long it has been there, if anybody has noted that. */
export type ConnRow = ConnInfo & { age_sec?: number }

export interface ConnsInfo {
  /** ms since 1970 of the copy that answers. */
  at_ms: number
  /** Connections in it. */
  total: number
  matched: number
  rows: ConnRow[]
  /** False while the first copy is under way. */
  complete: boolean
}
