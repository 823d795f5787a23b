/**
 * The state machine explained: its tables from the table that the engine uses, which cells a connection of FullNAT can reach
 * and which it never does, and why a balancer's states are not those of an endpoint.
 */

import { STATE_NAMES, UDP_STATE_NAMES } from '../../api/names.ts'
import { nextState, TABLE } from '../../engine/states.ts'
import { CODES, EVENTS, IN, INPUT_ONLY, OUT, STATES, State } from '../../engine/tcp-state.ts'
import { FLAG } from '../../wire/tcp.ts'

/** Flags that make each event, in the order of EVENTS. */
const FLAGS_OF = [FLAG.SYN, FLAG.FIN, FLAG.ACK, FLAG.RST, 0]

export { CODES as STATE_CODES, EVENTS }

export interface Cell {
  direction: number
  /** Index in EVENTS. */
  event: number
  before: number
  after: number
  /** A connection of FullNAT can be in `before` when this segment comes. */
  reachable: boolean
}

/** What a datagram does, a row for each direction: its cells by state. */
export interface UdpRow {
  direction: 'in' | 'out'
  cells: { from: string; to: string; reachable: boolean }[]
}

/** The table of UDP. Only a client's datagram opens a connection. */
export function udpRows(): UdpRow[] {
  return (['in', 'out'] as const).map((direction, i) => ({
    direction,
    cells: UDP_STATE_NAMES.map((from, before) => ({
      from,
      to: UDP_STATE_NAMES[nextState(TABLE.UDP | i, before, 0)] as string,
      reachable: before > 0 || direction === 'in',
    })),
  }))
}

/** What is known of a cell in use, as /v1/edges says it. */
export interface UsedCell {
  direction: 'in' | 'out'
  event: string
  from: string
  count: number
}

export interface StateTable {
  name: string
  direction: number
  /** By event and state. */
  rows: Cell[][]
}

/** The three tables, every cell with whether FullNAT reaches it. */
export function stateTables(): StateTable[] {
  const reached = reachable()
  const table = (name: string, direction: number): StateTable => ({
    name,
    direction,
    rows: EVENTS.map((_, event) =>
      STATE_NAMES.map((_, before) => ({
        direction,
        event,
        before,
        after: next(direction, event, before),
        reachable: reached.has(keyOf(direction, event, before)),
      })),
    ),
  })
  return [
    table('from the client', IN),
    table('from the real server', OUT),
    table('input only (direct routing and tunnels, never FullNAT)', INPUT_ONLY),
  ]
}

function next(direction: number, event: number, before: number): number {
  return nextState(direction, before, FLAGS_OF[event] as number)
}

export function keyOf(direction: number, event: number, before: number): number {
  return (direction << 8) | (event << 4) | before
}

/**
 * Cells that a connection of FullNAT can meet, by keyOf. It begins in NONE with a SYN of its client and nothing else (no
 * other segment opens one); from then on any segment may come from either side.
 */
export function reachable(): Set<number> {
  const cells = new Set<number>()
  const states = new Set<number>()
  const wait = [next(IN, EVENTS.indexOf('syn'), State.NONE)]
  cells.add(keyOf(IN, EVENTS.indexOf('syn'), State.NONE))
  for (let state = wait.pop(); state !== undefined; state = wait.pop()) {
    if (states.has(state)) continue
    states.add(state)
    for (const direction of [IN, OUT]) {
      for (let event = 0; event < EVENTS.length; event++) {
        cells.add(keyOf(direction, event, state))
        wait.push(next(direction, event, state))
      }
    }
  }
  return cells
}

/** States that no connection of FullNAT is ever in, by name. */
export function unreachedStates(): string[] {
  const cells = reachable()
  return STATE_NAMES.filter(
    (_, state) =>
      ![IN, OUT].some(direction =>
        EVENTS.some((_, event) => cells.has(keyOf(direction, event, state))),
      ),
  )
}

/** `state` is in none of the tables' cells but its own row: what leads to it, as `in ack from LAST_ACK`. */
export function waysInto(state: number): string[] {
  const ways: string[] = []
  for (const direction of [IN, OUT]) {
    for (let event = 0; event < EVENTS.length; event++) {
      for (let before = 0; before < STATES; before++) {
        if (before === state || next(direction, event, before) !== state) continue
        const name = direction === IN ? 'in' : 'out'
        ways.push(`${name} ${EVENTS[event]} from ${STATE_NAMES[before]}`)
      }
    }
  }
  return ways
}

/** A close as each side of it sees it: the segment, the balancer, the client and the server by RFC 9293. */
export interface CloseStep {
  segment: string
  balancer: string
  client: string
  server: string
}

/** The client closes first: what passes, and the states behind it. The balancer's are taken from the tables. */
export function clientCloses(): CloseStep[] {
  const { ACK, FIN } = FLAG
  const steps = [
    { segment: '', flags: ACK, direction: IN, client: 'ESTABLISHED', server: 'ESTABLISHED' },
    {
      segment: 'FIN of the client',
      flags: FIN | ACK,
      direction: IN,
      client: 'FIN-WAIT-1',
      server: 'CLOSE-WAIT',
    },
    {
      segment: 'FIN+ACK of the server',
      flags: FIN | ACK,
      direction: OUT,
      client: 'TIME-WAIT',
      server: 'LAST-ACK',
    },
    {
      segment: 'ACK of the client',
      flags: ACK,
      direction: IN,
      client: 'TIME-WAIT',
      server: 'CLOSED',
    },
  ]
  let state: number = State.ESTABLISHED
  return steps.map(({ segment, flags, direction, client, server }) => {
    state = nextState(direction, state, flags)
    return { segment, balancer: STATE_NAMES[state] as string, client, server }
  })
}
