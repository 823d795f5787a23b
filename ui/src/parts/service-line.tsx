// biome-ignore-all lint/a11y/useSemanticElements: rows of a table element cannot be put where they are seen
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active row
/** A line of the table of services: a service, one of its real servers, or what there is to say of it. */

import type { ComponentChildren } from 'preact'
import type { RealServerInfo } from '../../../src/api/commands.ts'
import { percent, rate, short, whole } from '../../../src/page/format.ts'
import { hashOf } from '../../../src/page/place.ts'
import { type RsHealth, rsHealth } from '../../../src/page/rs-health.ts'
import type { ServiceLine } from '../../../src/page/service-list.ts'
import { usableOf } from '../../../src/page/service-query.ts'
import type { BalancedRow } from '../../../src/see/numbers/rows.ts'
import { methodWords } from '../../../src/see/words/forwarding.ts'
import { moment } from '../daemon.ts'
import { Bar } from './bar.tsx'

export interface ServiceLineProps {
  index: number
  line: ServiceLine
  /** px */
  top: number
  columns: number
  current: boolean
  onPress: () => void
}

export function ServiceLineRow({ index, line, top, columns, current, onPress }: ServiceLineProps) {
  const common = {
    id: `service-${index}`,
    'aria-rowindex': index + 2,
    style: { transform: `translateY(${top}px)` },
    onClick: onPress,
  }
  const classes = `service-row line-${line.kind}${current ? ' row-current' : ''}`
  if (line.kind === 'text')
    return (
      <div {...common} role="row" aria-level={2} class={classes}>
        <div
          role="gridcell"
          aria-colspan={columns}
          class={line.bad ? 'line-words bad' : 'line-words'}
        >
          {line.text}
        </div>
      </div>
    )
  const level = line.kind === 'service' ? 1 : 2
  return (
    <div
      {...common}
      role="row"
      aria-level={level}
      aria-posinset={line.at}
      aria-setsize={line.of}
      aria-expanded={line.kind === 'service' ? line.open : undefined}
      class={classes}
    >
      {line.kind === 'service' ? <Service line={line} /> : <RealServer line={line} />}
    </div>
  )
}

function Cell({ at, number, id, children }: CellProps) {
  return (
    <div role="gridcell" aria-colindex={at} class={number ? 'number' : ''} data-testid={id}>
      {children}
    </div>
  )
}

interface CellProps {
  at: number
  number?: boolean
  /** So that tests find it. */
  id?: string
  children: ComponentChildren
}

function Service({
  line: { row, total, open },
}: {
  line: Extract<ServiceLine, { kind: 'service' }>
}) {
  const usable = usableOf(row)
  const of = row.realServers.length
  const tone = !row.usable ? 'bad' : usable < of ? 'warn' : 'good'
  return (
    <>
      <Cell at={1}>
        <span class="fold" aria-hidden="true">
          {open ? '▾' : '▸'}
        </span>
        <span title={row.service}>{row.service}</span>
      </Cell>
      <Cell at={2}>
        <span class={TONES[tone]}>
          {row.usable ? `${usable} of ${of} take new` : 'takes no new connections'}
        </span>
      </Cell>
      <Cell at={3} number>
        {whole(row.weight)}
      </Cell>
      <Cell at={4} number>
        {whole(row.active)}
      </Cell>
      <Cell at={5}> </Cell>
      <Cell at={6} number>
        {whole(row.inactive)}
      </Cell>
      <Cell at={7} number>
        {whole(total)}
      </Cell>
      <Rates row={row} />
    </>
  )
}

function RealServer({ line }: { line: Extract<ServiceLine, { kind: 'rs' }> }) {
  const { row, info, service } = line
  const health = rsHealth(info)
  const share = service.active > 0 ? row.active / service.active : 0
  return (
    <>
      <Cell at={1}>
        <a
          href={hashOf({ view: 'connections', words: { rs: row.rs } })}
          // The grid is one stop of the keyboard.
          tabIndex={-1}
          title={`connections of ${row.rs}`}
        >
          {row.rs}
        </a>
        <Method rs={info} />
      </Cell>
      <Cell at={2}>
        <span class={TONES[health.tone]} title={health.title}>
          {health.word}
        </span>
      </Cell>
      <Cell at={3} number>
        {row.weight}
      </Cell>
      <Cell at={4} number>
        <span data-testid={`rs-${row.rs}-active`}>{whole(row.active)}</span>
        {info.upper_threshold > 0 && <span class="unit"> of {whole(info.upper_threshold)}</span>}
      </Cell>
      <Cell at={5}>
        <span class="share">
          <Bar share={share} />
          {percent(row.active, service.active)}
        </span>
      </Cell>
      <Cell at={6} number id={`rs-${row.rs}-inactive`}>
        {whole(row.inactive)}
      </Cell>
      <Cell at={7} number id={`rs-${row.rs}-total`}>
        {whole(info.stats.conns)}
      </Cell>
      <Rates row={row} />
    </>
  )
}

function Rates({ row: { rates } }: { row: BalancedRow }) {
  // Of the first word there is nothing before it to take a rate from.
  if (!moment.value?.seconds)
    return (
      <>
        {[8, 9, 10].map(at => (
          <Cell key={at} at={at} number>
            …
          </Cell>
        ))}
      </>
    )
  return (
    <>
      <Cell at={8} number>
        {rate(rates.conns)}
      </Cell>
      <Cell at={9} number>
        {rate(rates.in_packets)}, {rate(rates.out_packets)}
      </Cell>
      <Cell at={10} number>
        {short(rates.in_bytes * 8)}, {short(rates.out_bytes * 8)}
      </Cell>
    </>
  )
}

/** FullNAT is what all have that say nothing. */
function Method({ rs: { forwarding, address } }: { rs: RealServerInfo }) {
  if (forwarding === 'fullnat') return null
  const { name, about } = methodWords({ client: address, rs: address, forwarding })
  return (
    <span class="unit" title={about}>
      {' '}
      by {name}
    </span>
  )
}

const TONES: Record<RsHealth['tone'], string> = {
  good: 'pill pill-good',
  warn: 'pill pill-warn',
  bad: 'pill pill-bad',
}
