/** The balancer's state machine, drawn from the table that the engine itself goes by. */

import { STATE_NAMES, type StateName } from '../api/names.ts'
import { nextState } from '../engine/states.ts'
import { EVENTS, IN, OUT, State } from '../engine/tcp-state.ts'
import { FLAG } from '../wire/tcp.ts'
import { edgeKey, type Graph, type GraphEdge, reachable } from './graph.ts'

/** In the order of a connection's life. */
const WORDS: Record<StateName, string> = {
  NONE: 'No connection yet: the client’s SYN opens it.',
  SYN_RECV: 'The client’s SYN went to the RS; its SYN+ACK or the client’s ACK is awaited.',
  ESTABLISHED: 'Both ends have answered; data flows.',
  CLOSE_WAIT: 'The client has closed its side first; the FIN of the RS is awaited.',
  FIN_WAIT: 'The RS has closed its side first; the client’s FIN is awaited.',
  SYN_SENT: 'The RS sent a SYN over a connection that was closing.',
  TIME_WAIT: 'Both sides have closed; late segments still find their way until the timer runs out.',
  CLOSE: 'Reset, or a segment that no open connection sends; forgotten soon.',
  LAST_ACK: 'In the table of IPVS, but no segment of a FullNAT connection leads here.',
  LISTEN: 'In the table of IPVS, but no segment of a FullNAT connection leads here.',
  SYNACK: 'Of synproxy in IPVS; no segment of a FullNAT connection leads here.',
}

type Event = (typeof EVENTS)[number]
const FLAGS = { syn: FLAG.SYN, fin: FLAG.FIN, ack: FLAG.ACK, rst: FLAG.RST, none: 0 }
const DIRECTIONS = { in: IN, out: OUT } as const

/** `SYN from client`, `FIN from RS`, `no flag from RS` */
export function causeText(direction: 'in' | 'out', event: Event): string {
  const word = event === 'none' ? 'no flag' : event.toUpperCase()
  return `${word} from ${direction === 'in' ? 'client' : 'RS'}`
}

/** The same in few letters: `›FIN` from the client, `‹FIN` from the RS, `FIN` from either. What has no flag is left out. */
export function shortCauses(causes: readonly string[]): string {
  return EVENTS.flatMap(event => {
    if (event === 'none') return []
    const senders = (['in', 'out'] as const).filter(way => causes.includes(causeText(way, event)))
    if (senders.length === 0) return []
    const sign = senders.length === 2 ? '' : senders[0] === 'in' ? '›' : '‹'
    return [sign + event.toUpperCase()]
  }).join(' ')
}

/**
 * States in the order of a connection's life, and each pair of states that a segment leads between. Segments that leave the state
 * as it is are not edges, and from NONE only the client's SYN leads on, since nothing else opens a connection.
 */
export function balancerGraph(): Graph {
  const edges = new Map<string, GraphEdge>()
  for (const from of STATE_NAMES) {
    for (const direction of ['in', 'out'] as const) {
      for (const event of EVENTS) {
        if (from === 'NONE' && !(direction === 'in' && event === 'syn')) continue
        const number = nextState(DIRECTIONS[direction], State[from], FLAGS[event])
        const to = STATE_NAMES[number] as string
        if (to === from) continue
        const key = edgeKey({ from, to })
        const edge = edges.get(key) ?? { from, to, causes: [] }
        edge.causes.push(causeText(direction, event))
        edges.set(key, edge)
      }
    }
  }
  const all = [...edges.values()]
  const found = reachable('NONE', all)
  return {
    nodes: Object.entries(WORDS).map(([name, title]) => ({ name, title, dim: !found.has(name) })),
    // What leads out of a state that is never entered is never taken.
    edges: all.filter(({ from }) => found.has(from)),
  }
}
