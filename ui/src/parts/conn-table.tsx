// biome-ignore-all lint/a11y/useSemanticElements: rows of a table element cannot be put where they are seen
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active row
/** The table of connections: a grid (ARIA) of as many rows as there are, of which a few dozen are in the document. */

import { useRef } from 'preact/hooks'
import type { ConnRow } from '../../../src/api/page.ts'
import { type ConnQuery, type Sort, sortedBy } from '../../../src/page/conn-query.ts'
import { uptime, whole } from '../../../src/page/format.ts'
import { bodyHeight, ROW_HEIGHT, seenRows, spanFor } from '../../../src/page/table-window.ts'
import { keepsClient, methodWords } from '../../../src/see/words/forwarding.ts'
import { connFilter, ladderFilter, showLadder } from '../choice.ts'
import { connections } from '../daemon.ts'
import { type Held, useConns } from './use-conns.ts'
import { HEAD, useRows } from './use-rows.ts'
import { useSides } from './use-sides.ts'
import { useVisible } from './use-visible.ts'

const COLUMNS: { sort: Sort; name: string; title: string }[] = [
  { sort: 'client', name: 'Client', title: 'address and port of the client' },
  { sort: 'vip', name: 'VIP', title: 'the virtual address and port it connected to' },
  { sort: 'lip', name: 'LIP', title: 'the balancer’s address and lport towards the real server' },
  { sort: 'rs', name: 'Real server', title: 'address and port of the real server' },
  { sort: 'forwarding', name: 'Method', title: 'how the real server gets its packets' },
  { sort: 'protocol', name: 'Protocol', title: 'TCP, UDP, or ICMP of pings' },
  { sort: 'state', name: 'State', title: 'state of the connection' },
  { sort: 'age', name: 'Age', title: 'how long it has been there' },
  { sort: 'worker', name: 'Worker', title: 'the packet thread that has it' },
]

/** More no window shows. */
const ROWS_MAX = 100
/** px, at most; below the rows on small screens. */
const SCROLL_BAR = 14

function ageText({ age_sec: ageSec }: ConnRow): string {
  return ageSec === undefined ? '-' : uptime(ageSec)
}

/** Rows that will come, so that the page does not move when they do. */
function expected(): number {
  return connections.peek() ?? 0
}

/** px: a short table leaves no empty room below, and an empty one some for what may come. */
function heightFor(rows: number): number {
  return HEAD + Math.min(ROWS_MAX, Math.max(5, rows)) * ROW_HEIGHT + SCROLL_BAR
}

export interface ConnTableProps {
  query: ConnQuery
  onQuery: (query: ConnQuery) => void
}

function boxStyle(rows: number, letters: number) {
  return { '--rows-height': `${heightFor(rows)}px`, '--letters': letters }
}

/** Letters of the longest endpoint seen so far: columns grow, and do not shrink while one scrolls. */
function useLongest(held: Held | null): number {
  const longest = useRef(0)
  for (const { client, vip, lip, rs } of held?.rows ?? [])
    longest.current = Math.max(longest.current, client.length, vip.length, lip.length, rs.length)
  return longest.current
}

export function ConnTable({ query, onQuery }: ConnTableProps) {
  const { box, scrollTop, viewport, current, setCurrent, onScroll, onMove } = useRows(query)
  const sides = useSides(box)
  // Of the last answer: what to ask for hangs on how many there are.
  const answered = useRef(0)
  const asked = seenRows(scrollTop, viewport, answered.current)
  const span = spanFor(asked.first, viewport)
  const { held, error } = useConns(query, span, useVisible(box))
  const total = held?.matched ?? 0
  answered.current = total
  const seen = seenRows(scrollTop, viewport, total)
  const letters = useLongest(held)

  const rowAt = (index: number) => (held ? held.rows[index - held.offset] : undefined)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current) return
    const chosen = rowAt(current)
    if (event.key === 'Enter' && chosen) {
      choose(chosen)
      return
    }
    onMove(event, total)
  }
  const isSeen = current >= seen.first && current < seen.first + seen.count
  return (
    <>
      <Summary held={held} error={error} stale={held !== null && held.query !== query} />
      <div class="sideways" data-more={sides}>
        <div
          ref={box}
          class="conn-table rows-table"
          role="grid"
          tabIndex={0}
          data-testid="conn-table"
          aria-label="Connections"
          style={boxStyle(held ? total : expected(), letters)}
          aria-rowcount={total + 1}
          aria-colcount={COLUMNS.length}
          aria-activedescendant={isSeen && total > 0 ? `conn-${current}` : undefined}
          onKeyDown={onKeyDown}
          onScroll={onScroll}
        >
          <Head query={query} onQuery={onQuery} />
          <div role="rowgroup" class="conn-body" style={{ height: `${bodyHeight(total)}px` }}>
            {Array.from({ length: seen.count }, (_, i) => {
              const index = seen.first + i
              return (
                <Row
                  key={index}
                  index={index}
                  conn={rowAt(index)}
                  top={seen.top + i * ROW_HEIGHT}
                  current={index === current}
                  onCurrent={setCurrent}
                />
              )
            })}
          </div>
          {held && total === 0 && <Nothing held={held} />}
        </div>
      </div>
    </>
  )
}

function choose(conn: ConnRow): void {
  showLadder(connFilter(conn))
}

/** Why there is no row. */
function Nothing({ held: { total, complete } }: { held: Held }) {
  if (!complete) return null
  return (
    <p class="empty">
      {total === 0
        ? 'There is no connection now. One comes with the first packet of a client, and goes some time after the last.'
        : 'No connection fits what is asked for above.'}
    </p>
  )
}

interface SummaryProps {
  held: Held | null
  error: string | null
  stale: boolean
}

function Summary({ held, error, stale }: SummaryProps) {
  if (error) return <p class="facts bad">The connections could not be read: {error}</p>
  if (!held) return <p class="facts">Asking for the connections…</p>
  const { matched, total, complete } = held
  return (
    <p class="facts">
      {matched === total
        ? `${whole(total)} connection${total === 1 ? '' : 's'}`
        : `${whole(matched)} of ${whole(total)}`}
      {!complete && ' so far; the table is still being read'}
      {stale && ' · asking…'}
    </p>
  )
}

function Head({ query, onQuery }: ConnTableProps) {
  return (
    <div role="rowgroup" class="rows-head">
      <div role="row" aria-rowindex={1} class="conn-row">
        {COLUMNS.map(({ sort, name, title }, i) => {
          const order = query.sort === sort ? query.order : null
          const spoken = order === 'asc' ? 'ascending' : order === 'desc' ? 'descending' : 'none'
          return (
            <div key={sort} role="columnheader" aria-sort={spoken} aria-colindex={i + 1}>
              <button type="button" title={title} onClick={() => onQuery(sortedBy(query, sort))}>
                {name}
                <span class="order" aria-hidden="true">
                  {order === 'asc' ? '▲' : order === 'desc' ? '▼' : ''}
                </span>
              </button>
            </div>
          )
        })}
      </div>
    </div>
  )
}

interface RowProps {
  index: number
  /** undefined while it is asked for. */
  conn: ConnRow | undefined
  top: number
  current: boolean
  onCurrent: (index: number) => void
}

function Row({ index, conn, top, current, onCurrent }: RowProps) {
  const inLadder = conn !== undefined && ladderFilter() === connFilter(conn)
  const cells = conn
    ? [
        conn.client,
        conn.vip,
        keepsClient(conn.forwarding) ? '–' : conn.lip,
        conn.rs,
        methodWords(conn).name,
        conn.protocol.toUpperCase(),
        conn.state,
        ageText(conn),
        String(conn.worker),
      ]
    : ['…', ...COLUMNS.slice(1).map(() => '')]
  const onClick = () => {
    onCurrent(index)
    if (conn) choose(conn)
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Enter is heard by the grid, which has the focus
    <div
      id={`conn-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={inLadder}
      class={`conn-row${current ? ' row-current' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onClick}
    >
      {cells.map((cell, i) => (
        // An address of IPv6 may be wider than its column.
        <div key={COLUMNS[i]?.sort} role="gridcell" aria-colindex={i + 1} title={cell}>
          {cell}
        </div>
      ))}
    </div>
  )
}
