/** The balancer's state machine with the way that was taken, and beside it what the sockets at both ends did. */

import { useMemo } from 'preact/hooks'
import { balancerGraph, shortCauses } from '../../src/page/balancer-states.ts'
import { shortDatagrams, udpGraph } from '../../src/page/udp-states.ts'
import { edgesOf, type Played, stateAt } from '../../src/play/played.ts'
import { ScrollBox } from '../../ui/src/parts/scroll-box.tsx'
import { StateGraph } from '../../ui/src/parts/state-graph.tsx'
import { Panel } from './panel.tsx'

const TCP = balancerGraph()
const UDP = udpGraph()
/** Rows of the sockets' table. */
const MOVES_MOST = 60

export function States({ played, step }: { played: Played; step: number }) {
  const isTcp = played.scenario.protocol === 'tcp'
  const moments = useMemo(
    () => played.steps.slice(0, step).flatMap(one => one.moments),
    [played, step],
  )
  const used = useMemo(() => new Set(edgesOf(moments)), [moments])
  const taken = useMemo(() => {
    const [last = ''] = edgesOf(played.steps[step - 1]?.moments ?? [])
    return new Map([[last, 1]])
  }, [played, step])
  const now = stateAt(moments)
  return (
    <div class="two">
      <Panel id="machine" title="The balancer’s state machine">
        <p class="facts" data-testid="state">
          {now ? `The connection is in ${now}.` : 'No connection.'}
        </p>
        <ScrollBox class="graph-box" label="Picture of the state machine">
          <StateGraph
            id="play"
            label={`State machine. Taken so far: ${[...used].join(', ') || 'nothing'}. Now: ${now ?? 'no connection'}.`}
            graph={isTcp ? TCP : UDP}
            edgeText={({ causes }) => [isTcp ? shortCauses(causes) : shortDatagrams(causes)]}
            count={state => (state === now ? 1 : undefined)}
            used={used}
            taken={taken}
          />
        </ScrollBox>
      </Panel>
      {isTcp && <Sockets played={played} step={step} />}
    </div>
  )
}

/** What each end is in, which the balancer does not know. */
function Sockets({ played, step }: { played: Played; step: number }) {
  const moves = played.moves.filter(({ behind }) => behind <= step)
  const shown = moves.slice(-MOVES_MOST)
  return (
    <Panel id="sockets" title="The sockets at both ends">
      <p class="facts">What the balancer does not know: the states of RFC 9293.</p>
      <ScrollBox class="scrolls" label="States of the sockets">
        <table class="sockets">
          <thead>
            <tr>
              <th scope="col">ms</th>
              <th scope="col">Client</th>
              <th scope="col">RS</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ atMs, who, connection, to }) => (
              <tr key={`${who} ${connection} ${to} ${atMs}`}>
                <td>{atMs}</td>
                <td>{who === 'client' ? `#${connection + 1} ${to}` : ''}</td>
                <td>{who === 'rs' ? `#${connection + 1} ${to}` : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </Panel>
  )
}
