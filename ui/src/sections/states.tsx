/** The balancer's state machine, live, and beside it that of a TCP socket. */

import { useMemo } from 'preact/hooks'
import { ALL_STATES, stateKey } from '../../../src/api/names.ts'
import { balancerGraph, shortCauses } from '../../../src/page/balancer-states.ts'
import type { EdgeCount } from '../../../src/page/edge-counts.ts'
import { duration, rate, short, whole } from '../../../src/page/format.ts'
import { edgeKey, type GraphEdge } from '../../../src/page/graph.ts'
import { rfcGraph, rfcLabel } from '../../../src/page/rfc9293.ts'
import { RATE_SEC } from '../../../src/page/smooth.ts'
import { shortDatagrams, udpGraph } from '../../../src/page/udp-states.ts'
import { clockText } from '../../../src/see/text/times.ts'
import { states as counts, edges as heardEdges, moment } from '../daemon.ts'
import { LiveGraph } from '../parts/live-graph.tsx'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { StateGraph } from '../parts/state-graph.tsx'

const OURS = balancerGraph()
const RFC = rfcGraph()
const UDP = udpGraph()
const NONE = new Map<string, EdgeCount>()

export function States() {
  const edges = heardEdges.value ?? NONE
  const states = counts.value
  const taken = useMemo(() => new Map([...edges].map(([key, edge]) => [key, edge.taken])), [edges])
  const used = useMemo(() => new Set(edges.keys()), [edges])
  const text = (edge: GraphEdge) => {
    const count = edges.get(edgeKey(edge))?.count ?? 0
    return [shortCauses(edge.causes), count > 0 ? short(count) : ' ']
  }
  return (
    <Section
      id="states"
      title="States"
      about={`Which states the connections are in, and the segments that lead from one to the next. An edge lights up when it is taken; those that were never taken show at the state that one points at. States that no path reaches are dim. Rates are means of ${RATE_SEC} seconds.`}
    >
      <div class="side-by-side">
        <figure class="panel">
          <figcaption class="panel-title">
            Of the balancer, TCP <span class="facts">› from the client, ‹ from the RS</span>
          </figcaption>
          <LiveGraph
            id="ours"
            testId="state-graph"
            label="State machine of the balancer; the table below says the same in words"
            graph={OURS}
            edgeText={text}
            emphasis={1}
            count={name => states[stateKey(name)]}
            taken={taken}
            used={used}
          />
        </figure>
        <figure class="panel">
          <figcaption class="panel-title">
            Of a TCP socket <span class="facts">RFC 9293, section 3.3.2</span>
          </figcaption>
          <ScrollBox label="State machine of RFC 9293">
            <StateGraph
              id="rfc"
              label="TCP connection state diagram of RFC 9293, section 3.3.2"
              graph={RFC}
              edgeText={({ causes }) => rfcLabel(causes[0] ?? '')}
            />
          </ScrollBox>
          <p class="note">
            A socket knows what its program calls and what it has sent itself. A balancer only sees
            segments of both ends go by: one FIN each way and both have closed, so every close ends
            in TIME_WAIT and never in LAST_ACK, whoever began; and a lost ACK is not missed, because
            any segment moves it on.
          </p>
        </figure>
      </div>
      <Datagrams edges={edges} states={states} taken={taken} used={used} />
      <Pings states={states} />
      <Taken edges={edges} />
    </Section>
  )
}

interface DatagramsProps {
  edges: ReadonlyMap<string, EdgeCount>
  states: Readonly<Record<string, number>>
  taken: ReadonlyMap<string, number>
  used: ReadonlySet<string>
}

/** UDP has one event, so its states say no more than whether the RS has answered. */
function Datagrams({ edges, states, taken, used }: DatagramsProps) {
  const text = (edge: GraphEdge) => {
    const count = edges.get(edgeKey(edge))?.count ?? 0
    return [shortDatagrams(edge.causes), count > 0 ? short(count) : ' ']
  }
  return (
    <figure class="panel">
      <figcaption class="panel-title">
        Of the balancer, UDP{' '}
        {edges.size > 0 && !UDP.edges.some(edge => edges.has(edgeKey(edge))) && (
          <span class="facts">no datagram has opened a connection so far</span>
        )}
      </figcaption>
      <LiveGraph
        id="udp"
        testId="udp-graph"
        label="State machine of UDP; the table below says the same in words"
        graph={UDP}
        edgeText={text}
        emphasis={1}
        count={name => states[stateKey(name)]}
        taken={taken}
        used={used}
      />
    </figure>
  )
}

/** Their states are those of UDP by other names, and nothing is counted between them: no picture is worth it. */
function Pings({ states }: { states: Readonly<Record<string, number>> }) {
  const names = ALL_STATES.filter(name => /^ICMP_(?!NONE)/.test(name))
  const all = names.map(name => `${whole(states[stateKey(name)] ?? 0)} in ${name}`)
  return (
    <p class="note">
      Pings that a real server or a host inside sends through have states too, and no picture of
      their own: {all.join(', ')}. They go as those of UDP do.
    </p>
  )
}

function Taken({ edges }: { edges: ReadonlyMap<string, EdgeCount> }) {
  const { atMs } = moment.value ?? { atMs: 0 }
  const rows = [...OURS.edges, ...UDP.edges].flatMap(edge => edges.get(edgeKey(edge)) ?? [])
  if (heardEdges.value === null) return <p class="empty">Asking for the edges…</p>
  if (rows.length === 0) return <p class="empty">No packet has changed a state yet.</p>
  return (
    <ScrollBox label="Edges that were taken">
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="number">
              Taken
            </th>
            <th scope="col" class="number">
              Per second
            </th>
            <th scope="col">Last by</th>
            <th scope="col" class="number">
              Ago
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={edgeKey(row)}>
              <th scope="row" class="code">
                {row.from}
              </th>
              <td class="code">{row.to}</td>
              <td class="number">{whole(row.count)}</td>
              <td class="number">{row.perSecond === null ? '…' : rate(row.perSecond)}</td>
              <td class="wide">
                {row.last}, {clockText(row.lastMs * 1000, 3)}
              </td>
              <td class="number">{duration(Math.max(0, atMs - row.lastMs) / 1000)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
