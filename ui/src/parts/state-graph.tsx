/** A state machine as boxes and arrows; what is counted comes in as text, and edges just taken light up. */

import { useEffect, useMemo, useRef } from 'preact/hooks'
import { edgeKey, type Graph, type GraphEdge } from '../../../src/page/graph.ts'
import { BOX, type Layout, layoutOf, pathOf } from '../../../src/page/layout.ts'
import { lightUp } from './light-up.ts'

export interface StateGraphProps {
  id: string
  /** Said instead of the picture. */
  label: string
  graph: Graph
  /** Text at an edge, by lines. */
  edgeText: (edge: GraphEdge) => string[]
  /** Number of the line that is the count. */
  emphasis?: number
  /** The number in a box; without it there is none. */
  count?: (state: string) => number | undefined
  /** How many went over each edge just now, by edgeKey. */
  taken?: ReadonlyMap<string, number>
  /** Edges that were taken at least once; the others are drawn thin. */
  used?: ReadonlySet<string>
  /** Edges that are left out, by edgeKey; what there is room for does not change with it. */
  hidden?: ReadonlySet<string>
  /** The state that somebody points at. */
  near?: string | null
  /** With it a state can be pointed at, by the mouse, a finger or the keyboard. */
  onNear?: (state: string | null) => void
  /** So that tests find the boxes. */
  testId?: string
}

const LETTER = 6.4
const LINE = 13
/** Letters of a count, which may come later. */
const COUNT = 5

/** px: a graph is not made narrower than this, nor wider than it is. */
const LEGIBLE = 560

export function StateGraph(props: StateGraphProps) {
  const { id, graph, label, edgeText, taken, testId } = props
  const svg = useRef<SVGSVGElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: texts change with the counts, the room for them does not
  const layout = useMemo(() => layoutOf(graph, edge => roomFor(edgeText(edge))), [graph])
  useEffect(() => {
    if (svg.current && taken) lightUp(svg.current, taken)
  }, [taken])
  return (
    <svg
      ref={svg}
      class="state-graph"
      role={props.onNear ? 'group' : 'img'}
      aria-label={label}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      style={{ minWidth: `${Math.min(LEGIBLE, layout.width)}px`, maxWidth: `${layout.width}px` }}
      data-testid={testId}
    >
      <defs>
        <marker
          id={`${id}-head`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerUnits="userSpaceOnUse"
          markerWidth="9"
          markerHeight="9"
          orient="auto-start-reverse"
        >
          <path d="M0 0.5 8 4 0 7.5Z" class="edge-head" />
        </marker>
      </defs>
      {graph.edges.map(edge => (
        <Edge key={edgeKey(edge)} edge={edge} layout={layout} props={props} />
      ))}
      <g class="dots" />
      {graph.nodes.map(node => {
        const { x, y } = layout.nodes.get(node.name) ?? { x: 0, y: 0 }
        return <Box key={node.name} node={node} x={x} y={y} props={props} />
      })}
    </svg>
  )
}

function roomFor(lines: readonly string[]) {
  const letters = Math.max(COUNT, ...lines.map(({ length }) => length))
  return { width: letters * LETTER + 6, height: Math.max(1, lines.length) * LINE + 2 }
}

function Edge({
  edge,
  layout,
  props,
}: {
  edge: GraphEdge
  layout: Layout
  props: StateGraphProps
}) {
  const key = edgeKey(edge)
  const place = layout.edges.get(key)
  if (!place || props.hidden?.has(key)) return null
  const used = props.used ? props.used.has(key) : true
  const lines = props.edgeText(edge)
  const top = place.label.y - ((lines.length - 1) * LINE) / 2
  return (
    <g class={used ? 'edge' : 'edge edge-unused'} data-edge={key}>
      <title>{`${edge.from} to ${edge.to}: ${edge.causes.join(', ')}`}</title>
      <path class="edge-line" d={pathOf(place.points)} marker-end={`url(#${props.id}-head)`} />
      <text x={place.label.x} y={top} class="edge-text">
        {lines.map((line, i) => (
          <tspan
            key={line}
            x={place.label.x}
            dy={i === 0 ? 0 : LINE}
            class={i === props.emphasis ? 'edge-count' : ''}
          >
            {line}
          </tspan>
        ))}
      </text>
    </g>
  )
}

interface BoxProps {
  node: Graph['nodes'][number]
  x: number
  y: number
  props: StateGraphProps
}

function Box({ node, x, y, props }: BoxProps) {
  const count = props.count?.(node.name)
  const occupied = count !== undefined && count > 0
  const classes = [
    'box',
    ...(node.dim ? ['box-dim'] : []),
    ...(occupied ? ['box-occupied'] : []),
    ...(props.near === node.name ? ['box-near'] : []),
  ]
  return (
    <g class={classes.join(' ')} {...pointing(node, count, props.onNear)}>
      <title>{node.title}</title>
      <rect
        x={x - BOX.width / 2}
        y={y - BOX.height / 2}
        width={BOX.width}
        height={BOX.height}
        rx={6}
      />
      <text x={x} y={props.count ? y - 4 : y + 4} class="box-name">
        {node.name}
      </text>
      {props.count && (
        <text x={x} y={y + 13} class="box-count" data-testid={`state-${node.name}`}>
          {count ?? 0}
        </text>
      )}
    </g>
  )
}

/** What makes a box one that can be pointed at. */
function pointing(
  { name, title }: Graph['nodes'][number],
  count: number | undefined,
  onNear: StateGraphProps['onNear'],
) {
  if (!onNear) return {}
  const come = () => onNear(name)
  const leave = () => onNear(null)
  return {
    role: 'img' as const,
    tabIndex: 0,
    'aria-label': `${name}${count === undefined ? '' : `, ${count}`}. ${title}`,
    onFocus: come,
    onMouseEnter: come,
    onClick: come,
    onBlur: leave,
    onMouseLeave: leave,
  }
}
