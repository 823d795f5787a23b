/** Which services are shown and in which order. */

import type { ServiceRow } from '../see/numbers/rows.ts'
import type { Place } from './place.ts'

export const SERVICE_SORTS = [
  'config',
  'name',
  'health',
  'weight',
  'active',
  'inactive',
  'conns',
  'packets',
  'bits',
] as const
export type ServiceSort = (typeof SERVICE_SORTS)[number]

/** `failing`: takes no new connections, or has a real server that is out. */
export const SERVICE_SHOWS = ['all', 'failing', 'busy', 'idle'] as const
export type ServiceShow = (typeof SERVICE_SHOWS)[number]

export interface ServiceQuery {
  /** Words that must all be found. */
  search: string
  show: ServiceShow
  sort: ServiceSort
  order: 'asc' | 'desc'
}

export const ALL_SERVICES: ServiceQuery = { search: '', show: 'all', sort: 'config', order: 'asc' }

/** As the page's address has it; what it could not have been made with is as if it were not there. */
export function serviceQueryOf({ search = '', show, sort, order }: Place['words']): ServiceQuery {
  return {
    search,
    show: SERVICE_SHOWS.find(name => name === show) ?? 'all',
    sort: SERVICE_SORTS.find(name => name === sort) ?? 'config',
    order: order === 'desc' ? 'desc' : 'asc',
  }
}

/** What differs from all of them in the order of the config. */
export function serviceWords(query: ServiceQuery): Place['words'] {
  return Object.fromEntries(
    Object.entries(query).filter(
      ([key, value]) => ALL_SERVICES[key as keyof ServiceQuery] !== value,
    ),
  )
}

/** The next order after the header of a column was pressed: numbers the largest first, then the other way, then the config's. */
export function servicesSortedBy(query: ServiceQuery, sort: ServiceSort): ServiceQuery {
  const first = sort === 'name' || sort === 'health' ? 'asc' : 'desc'
  if (query.sort !== sort) return { ...query, sort, order: first }
  if (query.order === first) return { ...query, order: first === 'asc' ? 'desc' : 'asc' }
  return { ...query, sort: ALL_SERVICES.sort, order: ALL_SERVICES.order }
}

/** A number by which the column orders. */
const VALUES: Record<Exclude<ServiceSort, 'config' | 'name'>, (row: ServiceRow) => number> = {
  health: row => usableOf(row) / Math.max(1, row.realServers.length),
  weight: row => row.weight,
  active: row => row.active,
  inactive: row => row.inactive,
  conns: row => row.rates.conns,
  packets: row => row.rates.in_packets + row.rates.out_packets,
  bits: row => row.rates.in_bytes + row.rates.out_bytes,
}

/** Real servers that take new connections. */
export function usableOf({ realServers }: ServiceRow): number {
  return realServers.filter(({ usable }) => usable).length
}

const SHOWN: Record<ServiceShow, (row: ServiceRow) => boolean> = {
  all: () => true,
  failing: row => !row.usable || row.realServers.some(({ reason }) => reason !== null),
  busy: row => row.active + row.inactive > 0,
  idle: row => row.active + row.inactive === 0,
}

/** Numbers of the rows that are shown, in the order in which they are. Those that are alike stay as in the config. */
export function chosenServices(rows: readonly ServiceRow[], query: ServiceQuery): number[] {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = SHOWN[query.show]
  const chosen = rows.flatMap((row, i) => {
    if (!shown(row)) return []
    const text = words.length > 0 ? textOf(row) : ''
    return words.every(word => text.includes(word)) ? [i] : []
  })
  const { sort } = query
  if (sort === 'config') return chosen
  const row = (i: number) => rows[i] as ServiceRow
  const before =
    sort === 'name'
      ? (a: number, b: number) => NAMES.compare(row(a).service, row(b).service)
      : (a: number, b: number) => VALUES[sort](row(a)) - VALUES[sort](row(b))
  const sign = query.order === 'asc' ? 1 : -1
  return chosen.sort((a, b) => sign * before(a, b) || a - b)
}

/** 10.0.0.9 comes before 10.0.0.10. */
const NAMES = new Intl.Collator('en', { numeric: true })

function textOf({ service, scheduler, realServers }: ServiceRow): string {
  return [service, scheduler, ...realServers.map(({ rs }) => rs)].join(' ').toLowerCase()
}
