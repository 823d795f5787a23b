/** A state machine of which only what happened is drawn; what never did shows at the state one points at, or when asked for. */

import { useMemo, useState } from 'preact/hooks'
import { hiddenEdges } from '../../../src/page/graph.ts'
import { counted } from '../../../src/see/text/counted.ts'
import { ScrollBox } from './scroll-box.tsx'
import { StateGraph, type StateGraphProps } from './state-graph.tsx'

export interface LiveGraphProps extends StateGraphProps {
  /** Edges that were taken at least once. */
  used: ReadonlySet<string>
}

export function LiveGraph(props: LiveGraphProps) {
  const { graph, used, label } = props
  const [near, setNear] = useState<string | null>(null)
  const [all, setAll] = useState(false)
  const amount = hiddenEdges(graph, used, null).size
  const gone = useMemo(
    () => (all ? new Set<string>() : hiddenEdges(graph, used, near)),
    [graph, used, near, all],
  )
  const state = graph.nodes.find(({ name }) => name === near)
  return (
    <>
      <ScrollBox label={label}>
        <StateGraph {...props} hidden={gone} near={near} onNear={setNear} />
      </ScrollBox>
      <p class="facts graph-words" aria-live="polite">
        {state ? `${state.name}: ${state.title}` : 'Point at a state, or go to it by Tab.'}
      </p>
      {amount > 0 && (
        <p class="facts graph-words">
          {counted(amount, 'edge')} {amount === 1 ? 'was' : 'were'} never taken.{' '}
          <button type="button" class="link-button" aria-pressed={all} onClick={() => setAll(!all)}>
            {all ? 'Hide them' : 'Show them'}
          </button>
        </p>
      )}
    </>
  )
}
