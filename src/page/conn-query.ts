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
  const { search, state, rs, client, sort, order } = query
  const words = Object.entries({ search, state, rs, client, sort, order, offset, limit })
    .map(([key, value]) => [key, String(value).trim()] as const)
    .filter(([, text]) => text !== '')
    .map(([key, text]) => `${key}=${encodeURIComponent(text)}`)
  return `./ui/conns?${words.join('&')}`
}

/** The next order after the header of a column was pressed: the other one of the same column, else upwards. */
export function sortedBy(query: ConnQuery, sort: Sort): ConnQuery {
  const order = query.sort === sort && query.order === 'asc' ? 'desc' : 'asc'
  return { ...query, sort, order }
}
