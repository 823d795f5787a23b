/** A state machine as the page draws it. */

export interface GraphNode {
  name: string
  /** What a connection in it waits for. */
  title: string
  /** No path leads there. */
  dim: boolean
}

export interface GraphEdge {
  from: string
  to: string
  /** What takes it, one line each. */
  causes: string[]
}

export interface Graph {
  nodes: GraphNode[]
  edges: GraphEdge[]
}

export function edgeKey({ from, to }: { from: string; to: string }): string {
  return `${from} ${to}`
}

/** Names of the nodes that paths from `start` lead to, itself included. */
export function reachable(
  start: string,
  edges: readonly { from: string; to: string }[],
): Set<string> {
  const found = new Set([start])
  // A Set is walked in the order of insertion, what is added meanwhile included.
  for (const name of found) for (const { from, to } of edges) if (from === name) found.add(to)
  return found
}

/** Keys of the edges that were never taken, but for those of the state that somebody looks at. */
export function hiddenEdges(
  { edges }: Graph,
  used: ReadonlySet<string>,
  near: string | null,
): Set<string> {
  const hidden = edges.filter(
    edge => !used.has(edgeKey(edge)) && edge.from !== near && edge.to !== near,
  )
  return new Set(hidden.map(edgeKey))
}
