/** The balancer's state machine, live, and beside it that of a TCP socket. */

import { useMemo } from 'preact/hooks'
import { stateKey } from '../../../src/api/names.ts'
import { balancerGraph, shortCauses } from '../../../src/page/balancer-states.ts'
import type { EdgeCount } from '../../../src/page/edge-counts.ts'
import { duration, rate, short, whole } from '../../../src/page/format.ts'
import { edgeKey, type GraphEdge } from '../../../src/page/graph.ts'
import { rfcGraph, rfcLabel } from '../../../src/page/rfc9293.ts'
import { shortDatagrams, udpGraph } from '../../../src/page/udp-states.ts'
import { clockText } from '../../../src/see/text/times.ts'
import { view } from '../daemon.ts'
import { ScrollBox } from '../parts/scroll-box.tsx'
import { Section } from '../parts/section.tsx'
import { StateGraph } from '../parts/state-graph.tsx'

const OURS = balancerGraph()
const RFC = rfcGraph()
const UDP = udpGraph()
const NONE = new Map<string, EdgeCount>()

export function States() {
  const edges = view.value?.edges ?? NONE
  const states = view.value?.states ?? {}
  const taken = useMemo(() => new Map([...edges].map(([key, edge]) => [key, edge.taken])), [edges])
  const text = (edge: GraphEdge) => {
    const count = edges.get(edgeKey(edge))?.count ?? 0
    return [shortCauses(edge.causes), count > 0 ? short(count) : ' ']
  }
  return (
    <Section
      id="states"
      title="States"
      about="Which states the connections are in, and the segments that lead from one to the next; an edge lights up when it is taken, and states that no path reaches are dim."
    >
      <div class="side-by-side">
        <figure class="panel">
          <figcaption class="panel-title">
            Of the balancer, TCP{' '}
            <span class="facts">› from the client, ‹ from the RS; dotted: not taken yet</span>
          </figcaption>
          <ScrollBox label="State machine of the balancer">
            <StateGraph
              id="ours"
              testId="state-graph"
              label="State machine of the balancer; the table below says the same in words"
              graph={OURS}
              edgeText={text}
              emphasis={1}
              count={name => states[stateKey(name)]}
              taken={taken}
              used={new Set(edges.keys())}
            />
          </ScrollBox>
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
      <Datagrams edges={edges} states={states} taken={taken} />
      <Taken edges={edges} />
    </Section>
  )
}

interface DatagramsProps {
  edges: ReadonlyMap<string, EdgeCount>
  states: Readonly<Record<string, number>>
  taken: ReadonlyMap<string, number>
}

/** UDP has one event, so its states say no more than whether the RS has answered. */
function Datagrams({ edges, states, taken }: DatagramsProps) {
  const text = (edge: GraphEdge) => {
    const count = edges.get(edgeKey(edge))?.count ?? 0
    return [shortDatagrams(edge.causes), count > 0 ? short(count) : ' ']
  }
  return (
    <figure class="panel">
      <figcaption class="panel-title">Of the balancer, UDP</figcaption>
      <ScrollBox label="State machine of UDP">
        <StateGraph
          id="udp"
          testId="udp-graph"
          label="State machine of UDP; the table below says the same in words"
          graph={UDP}
          edgeText={text}
          emphasis={1}
          count={name => states[stateKey(name)]}
          taken={taken}
          used={new Set(edges.keys())}
        />
      </ScrollBox>
    </figure>
  )
}

function Taken({ edges }: { edges: ReadonlyMap<string, EdgeCount> }) {
  const { seconds, atMs } = view.value?.moment ?? { seconds: 0, atMs: 0 }
  const rows = [...OURS.edges, ...UDP.edges].flatMap(edge => edges.get(edgeKey(edge)) ?? [])
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
              <td class="number">{rate(seconds > 0 ? row.taken / seconds : 0)}</td>
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
