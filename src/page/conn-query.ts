/** What the connection table asks the daemon. */

import type { Span } from './table-window.ts'

export const SORTS = ['client', 'vip', 'lip', 'rs', 'state', 'worker'] as const
export type Sort = (typeof SORTS)[number]

export interface ConnQuery {
  search: string
  /** A state's name, or empty for all; so with the others. */
  state: string
  rs: string
  client: string
  sort: Sort
  order: 'asc' | 'desc'
}

export const ALL_CONNS: ConnQuery = {
  search: '',
  state: '',
  rs: '',
  client: '',
  sort: 'client',
  order: 'asc',
}

/** Relative to the page. */
export function connsUrl(query: ConnQuery, { offset, limit }: Span): string {
  const words = new URLSearchParams()
  for (const key of ['search', 'state', 'rs', 'client'] as const) {
    const text = query[key].trim()
    if (text !== '') words.set(key, text)
  }
  words.set('sort', query.sort)
  words.set('order', query.order)
  words.set('offset', String(offset))
  words.set('limit', String(limit))
  return `./ui/conns?${words}`
}

/** The next order after the header of a column was pressed: the other one of the same column, else upwards. */
export function sortedBy(query: ConnQuery, sort: Sort): ConnQuery {
  const order = query.sort === sort && query.order === 'asc' ? 'desc' : 'asc'
  return { ...query, sort, order }
}
