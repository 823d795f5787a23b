/** Where the boxes and arrows of a state machine go; dagre decides it. */

import { Graph as Dagre, layout } from '@dagrejs/dagre'
import { edgeKey, type Graph, type GraphEdge } from './graph.ts'

export const BOX = { width: 106, height: 42 }

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

/** px between the picture and the row of states that no path reaches. */
const APART = 26

/**
 * px; `labels` says how much room the text at an edge takes. Nodes are given in the order of a connection's life, from top
 * to bottom: an edge that leads back is laid out the other way round, or cycles would put the end above the beginning.
 */
export function layoutOf(
  graph: Graph,
  labels: (edge: GraphEdge) => { width: number; height: number },
): Layout {
  // Two edges between the same nodes stay two.
  const dagre = new Dagre({ multigraph: true })
  dagre.setGraph({ rankdir: 'TB', nodesep: 14, ranksep: 16, edgesep: 8, marginx: 6, marginy: 6 })
  const order = new Map(graph.nodes.map(({ name }, i) => [name, i]))
  const leadsBack = ({ from, to }: GraphEdge) => (order.get(to) ?? 0) < (order.get(from) ?? 0)
  const ends = (edge: GraphEdge): [string, string] =>
    leadsBack(edge) ? [edge.to, edge.from] : [edge.from, edge.to]
  for (const { name, dim } of graph.nodes) if (!dim) dagre.setNode(name, { ...BOX })
  for (const edge of graph.edges) {
    const weight = leadsBack(edge) ? 1 : 3
    dagre.setEdge(...ends(edge), { ...labels(edge), labelpos: 'c', weight }, edgeKey(edge))
  }
  layout(dagre)
  const { width = 0, height = 0 } = dagre.graph()
  const nodes = new Map<string, Point>()
  for (const { name, dim } of graph.nodes) {
    if (dim) continue
    const { x, y } = dagre.node(name)
    nodes.set(name, { x, y })
  }
  const edges: Layout['edges'] = new Map()
  for (const edge of graph.edges) {
    const { points, x, y } = dagre.edge(...ends(edge), edgeKey(edge))
    edges.set(edgeKey(edge), {
      points: leadsBack(edge) ? points.toReversed() : points,
      label: { x, y },
    })
  }
  return withDim(graph, { width, height, nodes, edges })
}

/** What no path reaches stands in a row of its own below. */
function withDim(graph: Graph, { width, height, nodes, edges }: Layout): Layout {
  const dim = graph.nodes.filter(node => node.dim)
  if (dim.length === 0) return { width, height, nodes, edges }
  const step = BOX.width + APART
  const whole = Math.max(width, dim.length * step)
  dim.forEach(({ name }, i) => {
    const x = whole / 2 + (i - (dim.length - 1) / 2) * step
    nodes.set(name, { x, y: height + APART + BOX.height / 2 })
  })
  return { width: whole, height: height + APART + BOX.height + 6, nodes, edges }
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
