/** Each service with its real servers: who takes how much, and who takes nothing. */

import { useMemo } from 'preact/hooks'
import { whole } from '../../../src/page/format.ts'
import { unfoldsAll } from '../../../src/page/service-list.ts'
import {
  ALL_SERVICES,
  chosenServices,
  type ServiceQuery,
  type ServiceShow,
  serviceQueryOf,
  serviceWords,
} from '../../../src/page/service-query.ts'
import { RATE_SEC } from '../../../src/page/smooth.ts'
import type { ServiceRow } from '../../../src/see/numbers/rows.ts'
import { moment, services } from '../daemon.ts'
import { Section } from '../parts/section.tsx'
import { foldAll, folding, ServiceTable } from '../parts/service-table.tsx'
import { Term } from '../parts/term.tsx'
import { narrow, place } from '../place.ts'

const SHOWS: Record<ServiceShow, string> = {
  all: 'all',
  failing: 'with one that is out',
  busy: 'with connections',
  idle: 'without connections',
}

export function Services() {
  const infos = services.value
  const { words } = place.value
  const query = useMemo(() => serviceQueryOf(words), [words])
  const rows = infos ? (moment.value?.services ?? null) : null
  return (
    <Section
      id="services"
      title="Services"
      about={
        <>
          Each <Term of="VIP" /> and how its connections are spread over the{' '}
          <Term of="RS" after=";">
            real servers
          </Term>{' '}
          the bars are shares of the service, rates are means of {RATE_SEC} seconds. A real server{' '}
          <Term of="takes new" /> connections, or is <Term of="full" after="," />{' '}
          <Term of="drained" after="," /> <Term of="inhibited" /> or a{' '}
          <Term of="backup" after=";" /> its <Term of="weight" after="," /> <Term of="active" /> and{' '}
          <Term of="inactive" /> connections and its <Term of="threshold" /> stand beside it.
        </>
      }
    >
      {!infos || !rows ? (
        <p class="empty">Asking for the services…</p>
      ) : infos.length === 0 ? (
        <p class="empty">
          There is no service. One is made with{' '}
          <code class="code">tapvs ipvsadm -A -t VIP:PORT -s rr</code>, or in the config.
        </p>
      ) : (
        <All rows={rows} query={query} />
      )}
    </Section>
  )
}

interface AllProps {
  rows: readonly ServiceRow[]
  query: ServiceQuery
}

function All({ rows, query }: AllProps) {
  const chosen = useMemo(() => chosenServices(rows, query), [rows, query])
  const onQuery = (next: ServiceQuery) => narrow(serviceWords(next))
  return (
    <>
      <Filters query={query} onQuery={onQuery} open={unfoldsAll(rows, folding.value)} />
      <p class="facts" data-testid="service-count">
        {chosen.length === rows.length
          ? `${whole(rows.length)} service${rows.length === 1 ? '' : 's'}`
          : `${whole(chosen.length)} of ${whole(rows.length)}`}
      </p>
      <ServiceTable rows={rows} chosen={chosen} query={query} onQuery={onQuery} />
    </>
  )
}

interface FiltersProps {
  query: ServiceQuery
  onQuery: (query: ServiceQuery) => void
  open: boolean
}

function Filters({ query, onQuery, open }: FiltersProps) {
  const { search, show } = query
  return (
    <search class="filters">
      <label class="field field-wide">
        <span>Search</span>
        <input
          type="search"
          data-testid="service-search"
          data-search
          placeholder="part of a VIP, a real server, a scheduler"
          maxLength={200}
          value={search}
          onInput={event => onQuery({ ...query, search: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>Shown</span>
        <select
          value={show}
          onChange={event => onQuery({ ...query, show: event.currentTarget.value as ServiceShow })}
        >
          {Object.entries(SHOWS).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="button"
        disabled={search === '' && show === 'all'}
        onClick={() => onQuery({ ...query, search: '', show: ALL_SERVICES.show })}
      >
        Clear filters
      </button>
      <button type="button" class="button" onClick={() => foldAll(!open)}>
        {open ? 'Fold all' : 'Unfold all'}
      </button>
    </search>
  )
}
