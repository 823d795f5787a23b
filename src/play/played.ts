/** What became of a scenario, as plain values: what the page shows, lessons judge and exports are made of. */

import type { Moment } from '../see/moments/moment.ts'
import { connKey } from '../see/words/ends.ts'
import type { Leg } from './fields.ts'
import type { Scenario } from './scenario.ts'
import type { SocketState } from './tcp.ts'

/** A packet that the balancer was given, or a while in which only its timers may have done something. */
export interface Step {
  /** ms since the beginning, when it is over. */
  atMs: number
  /** In a transcript's words: the packet with its arm and, of a segment, its number; what left for it, and the reason if it was refused. */
  given: { packet: string; seq: number | null } | { waitMs: number }
  sent: string[]
  drop: string | null
  /** Lines of the debug log. */
  said: string[]
  moments: Moment[]
  /** The packet, and what left for it, as `lost` names them: `client.2`, `lip.2`. A flood's own and ARP have no name. */
  came: string | null
  left: (string | null)[]
  /** Nothing in it is about anybody but the flood. */
  isFlood: boolean
  /** `ipvsadm -ln -c` behind it, the first rows. */
  conns: readonly string[]
}

/** What the balancer cannot know: what was lost on the way, what sockets did. */
export interface Beside {
  /** Of the clock of moments. */
  atUs: number
  /** Steps before it. */
  behind: number
  text: string
  /** Where a packet was lost, and its ends, `address:port`; else null, and none. */
  lost: Leg | null
  ends: readonly string[]
}

/** A socket of an end moves. */
export interface Move {
  atMs: number
  behind: number
  who: 'client' | 'rs'
  /** In the order in which the clients began, from 0 on. */
  connection: number
  from: SocketState
  to: SocketState
}

export interface Refusal {
  reason: string
  count: number
  /** What it means, which rule refused the first of these frames, what to do. */
  words: string
  rule: string
  advice: string
}

export interface Played {
  scenario: Scenario
  /** The config file. */
  yaml: string
  /** Of arms, from the clients' on. */
  arms: readonly string[]
  worker: number
  steps: Step[]
  beside: Beside[]
  moves: Move[]
  refusals: Refusal[]
  /** `ipvsadm -ln` and `dpip addr show` at the end. */
  services: string
  addresses: string
  /** Connections at the end. */
  used: number
  /** Answers that each connection of the clients has had whole. */
  answers: number[]
  /** First requests that each real server has answered, in the order of the config. */
  served: number[]
  /** It was broken off, because too much happened. */
  cut: boolean
}

/** States that the balancer's connections have been in, in order, each once. */
export function statesOf({ steps }: Pick<Played, 'steps'>): string[] {
  const states = new Set<string>()
  for (const { moments } of steps)
    for (const moment of moments)
      if (moment.kind === 'in' && moment.states !== null) states.add(moment.states.after)
  return [...states]
}

/** The last state of each connection that has gone, in the order in which they went. */
export function lastStates({ steps }: Pick<Played, 'steps'>): string[] {
  const last = new Map<string, string>()
  const gone: string[] = []
  for (const { moments } of steps)
    for (const moment of moments) {
      if (moment.conn === null || moment.kind === 'out') continue
      const key = connKey(moment.conn)
      if (moment.kind === 'in' && moment.states) last.set(key, moment.states.after)
      if (moment.said.some(({ event }) => event === 'conn_del')) gone.push(last.get(key) ?? '')
    }
  return gone
}

/** The state of the connection of the last packet; undefined before the first, and once it has gone. */
export function stateAt(moments: readonly Moment[]): string | undefined {
  let state: string | undefined
  for (const moment of moments) {
    if (moment.kind === 'in' && moment.states !== null) state = moment.states.after
    if (moment.kind === 'event' && moment.said.some(({ event }) => event === 'conn_del'))
      state = undefined
  }
  return state
}

/** Edges of the state machine that segments took, `FROM TO`. */
export function edgesOf(moments: readonly Moment[]): string[] {
  return moments.flatMap(moment => {
    if (moment.kind !== 'in' || moment.states === null) return []
    const { before, after } = moment.states
    return before === after ? [] : [`${before ?? 'NONE'} ${after}`]
  })
}
