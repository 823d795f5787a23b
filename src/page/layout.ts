/** Where the boxes and arrows of a state machine go; dagre decides it. */

import { Graph as Dagre, layout } from '@dagrejs/dagre'
import { edgeKey, type Graph } from './graph.ts'

export const BOX = { width: 118, height: 42 }

export interface Point {
  x: number
  y: number
}

export interface Layout {
  width: number
  height: number
  /** Centres of the boxes. */
  nodes: Map<string, Point>
  /** By edgeKey: the way from border to border, and the middle of the room for its label. */
  edges: Map<string, { points: Point[]; label: Point }>
}

/** px; `labels` says how much room the text at an edge takes. */
export function layoutOf(
  graph: Graph,
  labels: (edge: Graph['edges'][number]) => { width: number; height: number },
): Layout {
  const dagre = new Dagre({ multigraph: false })
  dagre.setGraph({ rankdir: 'TB', nodesep: 26, ranksep: 34, edgesep: 12, marginx: 8, marginy: 8 })
  dagre.setDefaultEdgeLabel(() => ({}))
  for (const { name } of graph.nodes) dagre.setNode(name, { ...BOX })
  for (const edge of graph.edges)
    dagre.setEdge(edge.from, edge.to, { ...labels(edge), labelpos: 'c' })
  layout(dagre)
  const { width = 0, height = 0 } = dagre.graph()
  return {
    width,
    height,
    nodes: new Map(
      graph.nodes.map(({ name }) => {
        const { x, y } = dagre.node(name)
        return [name, { x, y }]
      }),
    ),
    edges: new Map(
      graph.edges.map(edge => {
        const { points, x, y } = dagre.edge(edge.from, edge.to)
        return [edgeKey(edge), { points, label: { x, y } }]
      }),
    ),
  }
}

/** A smooth line through the points, as SVG's path data: curves from middle to middle, bent at the points. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points
  const last = rest.pop()
  if (!first || !last) return ''
  const at = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`
  const bends = rest.map((point, i) => {
    const next = rest[i + 1]
    const end = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : last
    return `Q${at(point)} ${at(end)}`
  })
  return `M${at(first)}${bends.length > 0 ? bends.join('') : `L${at(last)}`}`
}
