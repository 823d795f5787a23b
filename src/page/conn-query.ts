/** What the connection table asks the daemon. */

import { ALL_STATES } from '../api/names.ts'
import { SORTS, type Sort } from '../api/page.ts'
import { MATCH_PROTOCOLS } from '../api/protocols.ts'
import { endpointParts, parseIp } from '../wire/ip-address.ts'
import type { Place } from './place.ts'
import { queryText } from './query-text.ts'
import type { Span } from './table-window.ts'

export type { Sort }

export interface ConnQuery {
  search: string
  /** `tcp`, `udp` or `icmp`, or empty for all. */
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

/** As the page's address has it; what it could not have been made with is as if it were not there. */
export function connQueryOf(words: Place['words']): ConnQuery {
  const { search = '', protocol = '', state = '', rs = '', client = '', sort, order } = words
  return {
    search,
    protocol: MATCH_PROTOCOLS.find(name => name === protocol) ?? '',
    state: ALL_STATES.find(name => name === state) ?? '',
    rs,
    client,
    sort: SORTS.find(name => name === sort) ?? ALL_CONNS.sort,
    order: order === 'desc' ? 'desc' : 'asc',
  }
}

/** What differs from all of them in the usual order. */
export function connWords(query: ConnQuery): Place['words'] {
  return Object.fromEntries(
    Object.entries(query).filter(([key, value]) => ALL_CONNS[key as keyof ConnQuery] !== value),
  )
}

/** Whether it leaves anything out. */
export function isNarrowed({ search, protocol, state, rs, client }: ConnQuery): boolean {
  return [search, protocol, state, rs, client].some(text => text !== '')
}

/** Relative to the page. An address that is not yet wholly typed is not asked for. */
export function connsUrl(query: ConnQuery, { offset, limit }: Span): string {
  const { search, protocol, state, sort, order } = query
  const client = isEndpoint(query.client) ? query.client : ''
  const rs = isEndpoint(query.rs) ? query.rs : ''
  const words = { search, protocol, state, rs, client, sort, order, offset, limit }
  return `./ui/conns?${queryText(words)}`
}

/** The next order after the header of a column was pressed: the other one of the same column, else upwards. */
export function sortedBy(query: ConnQuery, sort: Sort): ConnQuery {
  const order = query.sort === sort && query.order === 'asc' ? 'desc' : 'asc'
  return { ...query, sort, order }
}
