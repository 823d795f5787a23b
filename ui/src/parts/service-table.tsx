// biome-ignore-all lint/a11y/useSemanticElements: rows of a table element cannot be put where they are seen
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active row
/** The table of services: a grid (ARIA) whose rows fold, of which a few dozen are in the document however many there are. */

import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { ServiceInfo } from '../../../src/api/commands.ts'
import {
  AS_IT_SUITS,
  type Folding,
  type ServiceLine,
  serviceLines,
  turned,
} from '../../../src/page/service-list.ts'
import {
  type ServiceQuery,
  type ServiceSort,
  servicesSortedBy,
} from '../../../src/page/service-query.ts'
import { bodyHeight, ROW_HEIGHT, seenRows } from '../../../src/page/table-window.ts'
import type { ServiceRow } from '../../../src/see/numbers/rows.ts'
import { services } from '../daemon.ts'
import { ServiceLineRow } from './service-line.tsx'
import { HEAD, useRows } from './use-rows.ts'
import { useSides } from './use-sides.ts'

/** px: its border, and a scroll bar below it. */
const EDGES = 14

/** It stays while one looks at other views. */
export const folding = signal<Folding>(AS_IT_SUITS)

export function foldAll(open: boolean): void {
  folding.value = { all: open, turned: new Set() }
}

const COLUMNS: { sort?: ServiceSort; name: string; title: string; number?: boolean }[] = [
  { sort: 'name', name: 'Service', title: 'its VIP, port and protocol, or what it matches' },
  { sort: 'health', name: 'Health', title: 'real servers that take new connections' },
  { sort: 'weight', name: 'Weight', title: 'shares of new connections', number: true },
  { sort: 'active', name: 'Active', title: 'connections in ESTABLISHED', number: true },
  { name: 'Share', title: 'part of the service’s active connections' },
  { sort: 'inactive', name: 'Inactive', title: 'in any other state', number: true },
  { name: 'Total', title: 'connections opened since it is there', number: true },
  { sort: 'conns', name: 'New/s', title: 'connections opened per second', number: true },
  {
    sort: 'packets',
    name: 'Packets/s in, out',
    title: 'from clients, to clients',
    number: true,
  },
  { sort: 'bits', name: 'Bits/s in, out', title: 'from clients, to clients', number: true },
]

const NONE: readonly ServiceInfo[] = []

export interface ServiceTableProps {
  rows: readonly ServiceRow[]
  /** Numbers of those that are shown. */
  chosen: readonly number[]
  query: ServiceQuery
  onQuery: (query: ServiceQuery) => void
}

export function ServiceTable({ rows, chosen, query, onQuery }: ServiceTableProps) {
  const infos = services.value ?? NONE
  const folded = folding.value
  // Not for each px that is scrolled.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is another value each time somebody folds
  const lines = useMemo(
    () => serviceLines(infos, rows, chosen, folded),
    [infos, rows, chosen, folded],
  )
  const grid = useRows(query)
  const { box, current } = grid
  const sides = useSides(box)
  const total = lines.length
  const seen = seenRows(grid.scrollTop, grid.viewport, total)
  const isSeen = current >= seen.first && current < seen.first + seen.count
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || grid.onMove(event, total)) return
    if (foldsBy(event.key, lines[current])) event.preventDefault()
  }
  return (
    <div class="sideways" data-more={sides}>
      <div
        ref={box}
        class="service-table rows-table"
        role="treegrid"
        tabIndex={0}
        data-testid="services"
        aria-label="Services"
        style={{
          '--rows-height': `${HEAD + (total === 0 ? 2 : Math.min(total, 100)) * ROW_HEIGHT + EDGES}px`,
        }}
        aria-rowcount={total + 1}
        aria-colcount={COLUMNS.length}
        aria-activedescendant={isSeen && total > 0 ? `service-${current}` : undefined}
        onKeyDown={onKeyDown}
        onScroll={grid.onScroll}
      >
        <Head query={query} onQuery={onQuery} />
        {total === 0 ? (
          <p class="empty">No service fits what is asked for above.</p>
        ) : (
          <div role="rowgroup" class="service-body" style={{ height: `${bodyHeight(total)}px` }}>
            {lines.slice(seen.first, seen.first + seen.count).map((line, i) => {
              const index = seen.first + i
              return (
                <ServiceLineRow
                  key={index}
                  index={index}
                  line={line}
                  top={seen.top + i * ROW_HEIGHT}
                  columns={COLUMNS.length}
                  current={index === current}
                  onPress={() => {
                    grid.setCurrent(index)
                    if (line.kind === 'service') fold(line)
                  }}
                />
              )
            })}
          </div>
        )}
      </div>
    </div>
  )
}

type Service = Extract<ServiceLine, { kind: 'service' }>

function fold({ row }: Service): void {
  folding.value = turned(folding.value, row.service)
}

/** As in ARIA's treegrid: right unfolds, left folds, Enter does either. => whether the key was ours */
function foldsBy(key: string, line: ServiceLine | undefined): boolean {
  if (line?.kind !== 'service') return false
  const does =
    key === 'Enter' || (key === 'ArrowRight' && !line.open) || (key === 'ArrowLeft' && line.open)
  if (does) fold(line)
  return does
}

function Head({ query, onQuery }: Pick<ServiceTableProps, 'query' | 'onQuery'>) {
  return (
    <div role="rowgroup" class="rows-head">
      <div role="row" aria-rowindex={1} class="service-row">
        {COLUMNS.map(({ sort, name, title, number }, i) => {
          const order = sort !== undefined && query.sort === sort ? query.order : null
          const spoken = order === 'asc' ? 'ascending' : order === 'desc' ? 'descending' : 'none'
          return (
            <div
              key={name}
              role="columnheader"
              class={number ? 'number' : ''}
              aria-sort={sort ? spoken : undefined}
              aria-colindex={i + 1}
            >
              {sort ? (
                <button
                  type="button"
                  title={title}
                  onClick={() => onQuery(servicesSortedBy(query, sort))}
                >
                  {name}
                  <span class="order" aria-hidden="true">
                    {order === 'asc' ? '▲' : order === 'desc' ? '▼' : ''}
                  </span>
                </button>
              ) : (
                <span title={title}>{name}</span>
              )}
            </div>
          )
        })}
      </div>
    </div>
  )
}
