/** All connections, however many: a table that only draws the rows one sees. */

import { signal } from '@preact/signals'
import { ALL_STATES, stateKey } from '../../../src/api/names.ts'
import { MATCH_PROTOCOLS } from '../../../src/api/protocols.ts'
import { balancerGraph } from '../../../src/page/balancer-states.ts'
import { ALL_CONNS, type ConnQuery, isEndpoint } from '../../../src/page/conn-query.ts'
import { whole } from '../../../src/page/format.ts'
import { udpGraph } from '../../../src/page/udp-states.ts'
import { view } from '../daemon.ts'
import { ConnTable } from '../parts/conn-table.tsx'
import { Section } from '../parts/section.tsx'
import { Term } from '../parts/term.tsx'

const query = signal<ConnQuery>(ALL_CONNS)
/** Pings have no graph of their own: theirs are the states of UDP. */
const STATES = [
  ...[...balancerGraph().nodes, ...udpGraph().nodes]
    .filter(({ dim }) => !dim)
    .map(({ name }) => name),
  ...ALL_STATES.filter(name => name.startsWith('ICMP_')),
].filter(name => !/^(UDP_|ICMP_)?NONE$/.test(name))

function change(part: Partial<ConnQuery>): void {
  query.value = { ...query.value, ...part }
}

export function Connections() {
  return (
    <Section
      id="connections"
      title="Connections"
      about={
        <>
          Every connection with its four ends: client and <Term of="VIP" /> outside,{' '}
          <Term of="LIP" /> and <Term of="RS" /> inside; Enter or a click on one shows its packets
          in the ladder below.
        </>
      }
    >
      <Filters />
      <ConnTable query={query.value} onQuery={next => (query.value = next)} />
    </Section>
  )
}

function Filters() {
  const now = view.value
  const servers = now
    ? [...new Set(now.moment.services.flatMap(service => service.realServers.map(({ rs }) => rs)))]
    : []
  const { search, protocol, state, rs, client } = query.value
  const filtered = search !== '' || protocol !== '' || state !== '' || rs !== '' || client !== ''
  return (
    <search class="filters">
      <label class="field field-wide">
        <span>Search</span>
        <input
          type="search"
          data-testid="conn-search"
          placeholder="part of any address"
          value={search}
          onInput={event => change({ search: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>Client</span>
        <input
          type="text"
          placeholder="address or address:port"
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
              {name} ({whole(now?.states[stateKey(name)] ?? 0)})
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Real server</span>
        <select value={rs} onChange={event => change({ rs: event.currentTarget.value })}>
          <option value="">any</option>
          {servers.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="button"
        disabled={!filtered}
        onClick={() => change({ search: '', protocol: '', state: '', rs: '', client: '' })}
      >
        Show all
      </button>
    </search>
  )
}
