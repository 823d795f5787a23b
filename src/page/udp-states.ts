/** The state machine of UDP, drawn from the table that the engine itself goes by. */

import type { UdpStateName } from '../api/names.ts'
import { udpRows } from '../see/explain/state-tables.ts'
import { edgeKey, type Graph, type GraphEdge } from './graph.ts'

/** In the order of a connection's life. */
const WORDS: Record<UdpStateName, string> = {
  UDP_NONE: 'No connection yet: the client’s datagram opens it. With one_packet it ends with that.',
  UDP_ONEWAY: 'Only the client has sent; an answer of the RS is awaited.',
  UDP_NORM: 'The RS has answered, and that is never taken back.',
}

/** States and what leads from one to another; datagrams that leave the state as it is are no edges. */
export function udpGraph(): Graph {
  const edges = new Map<string, GraphEdge>()
  for (const { direction, cells } of udpRows()) {
    for (const { from, to, reachable } of cells) {
      if (from === to || !reachable) continue
      const key = edgeKey({ from, to })
      const edge = edges.get(key) ?? { from, to, causes: [] }
      edge.causes.push(`datagram from ${direction === 'in' ? 'client' : 'RS'}`)
      edges.set(key, edge)
    }
  }
  return {
    nodes: Object.entries(WORDS).map(([name, title]) => ({ name, title, dim: false })),
    edges: [...edges.values()],
  }
}

/** What causes an edge, in few letters: `›datagram` from the client, `‹datagram` from the RS. */
export function shortDatagrams(causes: readonly string[]): string {
  return causes.map(cause => `${cause.endsWith('client') ? '›' : '‹'}datagram`).join(' ')
}
