/** What the connection table asks the daemon. */

import type { Sort } from '../api/page.ts'
import { endpointParts, parseIp } from '../wire/ip-address.ts'
import type { Span } from './table-window.ts'

export type { Sort }

export interface ConnQuery {
  search: string
  /** `tcp` or `udp`, or empty for all. */
  protocol: string
  /** A state's name, or empty for all; so with the others. */
  state: string
  rs: string
  client: string
  sort: Sort
  order: 'asc' | 'desc'
}

export const ALL_CONNS: ConnQuery = {
  search: '',
  protocol: '',
  state: '',
  rs: '',
  client: '',
  sort: 'client',
  order: 'asc',
}

/** An address, with a port or without: of IPv6 with brackets where it has one. */
export function isEndpoint(text: string): boolean {
  const { host = '', port = '0' } = endpointParts(text.trim()) ?? {}
  return parseIp(host) !== undefined && /^\d{1,5}$/.test(port) && Number(port) <= 65_535
}

/** Relative to the page. A client that is not yet wholly typed is not asked for. */
export function connsUrl(query: ConnQuery, { offset, limit }: Span): string {
  const { search, protocol, state, rs, sort, order } = query
  const client = isEndpoint(query.client) ? query.client : ''
  const words = Object.entries({ search, protocol, state, rs, client, sort, order, offset, limit })
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
