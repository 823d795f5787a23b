/** All connections, however many: a table that only draws the rows one sees. */

import { useMemo, useState } from 'preact/hooks'
import type { ServiceInfo } from '../../../src/api/commands.ts'
import { ALL_STATES, stateKey } from '../../../src/api/names.ts'
import { MATCH_PROTOCOLS } from '../../../src/api/protocols.ts'
import { balancerGraph } from '../../../src/page/balancer-states.ts'
import {
  type ConnQuery,
  connQueryOf,
  connWords,
  isEndpoint,
  isNarrowed,
} from '../../../src/page/conn-query.ts'
import { whole } from '../../../src/page/format.ts'
import { serversLike } from '../../../src/page/servers-like.ts'
import { udpGraph } from '../../../src/page/udp-states.ts'
import { states } from '../daemon.ts'
import { ConnTable } from '../parts/conn-table.tsx'
import { Section } from '../parts/section.tsx'
import { Term } from '../parts/term.tsx'
import { narrow, place } from '../place.ts'
import { ask } from '../stream.ts'

/** Pings have no graph of their own: theirs are the states of UDP. */
const STATES = [
  ...[...balancerGraph().nodes, ...udpGraph().nodes]
    .filter(({ dim }) => !dim)
    .map(({ name }) => name),
  ...ALL_STATES.filter(name => name.startsWith('ICMP_')),
].filter(name => !/^(UDP_|ICMP_)?NONE$/.test(name))

const FREE = { search: '', protocol: '', state: '', rs: '', client: '' }

export function Connections() {
  const { words } = place.value
  const query = useMemo(() => connQueryOf(words), [words])
  const onQuery = (next: ConnQuery) => narrow(connWords(next))
  return (
    <Section
      id="connections"
      title="Connections"
      about={
        <>
          Every connection with its four ends: client and <Term of="VIP" /> outside,{' '}
          <Term of="LIP" /> and <Term of="RS" /> inside; Enter or a click on one shows its packets
          in the ladder.
        </>
      }
    >
      <Filters query={query} onQuery={onQuery} />
      <ConnTable query={query} onQuery={onQuery} />
    </Section>
  )
}

interface FiltersProps {
  query: ConnQuery
  onQuery: (query: ConnQuery) => void
}

function Filters({ query, onQuery }: FiltersProps) {
  const change = (part: Partial<ConnQuery>) => onQuery({ ...query, ...part })
  const { search, protocol, state, client } = query
  return (
    <search class="filters">
      <label class="field field-wide">
        <span>Search</span>
        <input
          type="search"
          data-testid="conn-search"
          data-search
          placeholder="part of any address"
          maxLength={200}
          value={search}
          onInput={event => change({ search: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>Client</span>
        <input
          type="text"
          placeholder="IP or IP:port"
          value={client}
          aria-invalid={client !== '' && !isEndpoint(client)}
          onInput={event => change({ client: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>Protocol</span>
        <select
          value={protocol}
          onChange={event => change({ protocol: event.currentTarget.value })}
        >
          <option value="">any</option>
          {MATCH_PROTOCOLS.map(name => (
            <option key={name} value={name}>
              {name.toUpperCase()}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>State</span>
        <select value={state} onChange={event => change({ state: event.currentTarget.value })}>
          <option value="">any</option>
          {STATES.map(name => (
            <option key={name} value={name}>
              {name} ({whole(states.value[stateKey(name)] ?? 0)})
            </option>
          ))}
        </select>
      </label>
      <RealServer rs={query.rs} onRs={rs => change({ rs })} />
      <button
        type="button"
        class="button"
        disabled={!isNarrowed(query)}
        onClick={() => change(FREE)}
      >
        Clear filters
      </button>
    </search>
  )
}

/** Names that fit are offered, of which the daemon is asked once somebody comes here: there may be thousands. */
function RealServer({ rs, onRs }: { rs: string; onRs: (rs: string) => void }) {
  const [known, setKnown] = useState<readonly ServiceInfo[]>([])
  const load = async () => {
    try {
      setKnown(await ask<ServiceInfo[]>('./v1/services'))
    } catch {
      // Then none are offered; one can still be typed.
    }
  }
  const offered = useMemo(() => serversLike(known, rs), [known, rs])
  return (
    <label class="field">
      <span>Real server</span>
      <input
        type="text"
        list="rs-offered"
        placeholder="IP or IP:port"
        value={rs}
        aria-invalid={rs !== '' && !isEndpoint(rs)}
        onFocus={() => void load()}
        onInput={event => onRs(event.currentTarget.value)}
      />
      <datalist id="rs-offered">
        {offered.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  )
}
