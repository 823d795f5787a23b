/** `tapvs explain state`: the state machine, and what of it this box has used. */

import type { Argv } from 'yargs'
import type { EdgeInfo } from '../../api/commands.ts'
import { STATE_NAMES, stateKey, UDP_STATE_NAMES } from '../../api/names.ts'
import { State } from '../../engine/tcp-state.ts'
import {
  type Cell,
  clientCloses,
  EVENTS,
  STATE_CODES,
  type StateTable,
  stateTables,
  type UdpRow,
  udpRows,
  unreachedStates,
  waysInto,
} from '../../see/explain/state-tables.ts'
import { isTimed } from '../../see/explain/timeouts.ts'
import { instantText } from '../../see/text/times.ts'
import { hostText } from '../../wire/ip-address.ts'
import { ask } from '../daemon/client.ts'
import { type Common, printColoured, printJson } from '../terminal/common.ts'
import { hasColours } from '../terminal/terminal.ts'

/** What the daemon says of its connections. */
export interface StateUse {
  edges: readonly EdgeInfo[]
  /** Connections by state, `established` and the like. */
  states: Readonly<Record<string, number>>
  /** Seconds by state. */
  timeouts: Readonly<Record<string, number>>
  /** Services with an own timeout of ESTABLISHED, or of every state of UDP, in seconds. */
  own: readonly { service: string; protocol: string; seconds: number }[]
}

export function addExplainState(explain: Argv<Common>): Argv<Common> {
  return explain.command(
    'state',
    'the tables of the state machines of TCP and UDP, and what of them was really used',
    command =>
      command
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .option('plain', { type: 'boolean', default: false, describe: 'no colours' }),
    async ({ socket, json, plain }) => {
      const [edges, counters, timeouts, services] = await Promise.all([
        ask(socket, { verb: 'edges' }),
        ask(socket, { verb: 'counters' }),
        ask(socket, { verb: 'timeouts' }),
        ask(socket, { verb: 'services' }),
      ])
      const own = services
        .filter(({ conn_timeout: connTimeout }) => connTimeout > 0)
        .map(({ protocol, address, port, conn_timeout: connTimeout }) => ({
          service: `${hostText(address)}:${port}`,
          protocol,
          seconds: connTimeout,
        }))
      const use = { edges, states: counters.states, timeouts, own }
      if (json) return printJson(stateJson(use))
      const colours = !plain && hasColours()
      printColoured(stateText(use, { colours: colours === true }))
    },
  )
}

/** For programs: the same as the text, without its sentences. */
export function stateJson({ edges, states, timeouts, own }: StateUse): object {
  return {
    tables: stateTables().map(({ name, rows }) => ({
      name,
      rows: rows.map((cells, event) => ({
        event: EVENTS[event],
        cells: cells.map(cell => ({
          from: STATE_NAMES[cell.before],
          to: STATE_NAMES[cell.after],
          reachable: cell.reachable,
          used: useOf(cell, edges) !== undefined,
        })),
      })),
    })),
    udp: udpRows().map(({ direction, cells }) => ({
      direction,
      cells: cells.map(cell => ({
        ...cell,
        used: udpUse(direction, cell.from, edges) !== undefined,
      })),
    })),
    edges,
    states,
    timeouts,
    serviceTimeouts: own,
    unreached: unreachedStates(),
  }
}

function useOf(cell: Cell, edges: readonly EdgeInfo[]): EdgeInfo | undefined {
  const direction = ['in', 'out'][cell.direction]
  return edges.find(
    edge =>
      edge.direction === direction &&
      edge.event === EVENTS[cell.event] &&
      edge.from === STATE_NAMES[cell.before],
  )
}

function udpUse(direction: string, from: string, edges: readonly EdgeInfo[]) {
  return edges.find(
    edge => edge.event === 'datagram' && edge.direction === direction && edge.from === from,
  )
}

const BOLD_GREEN = '\x1b[1;32m'
const DIM = '\x1b[2m'
const RESET = '\x1b[0m'

/** With colours, what was used is green and what cannot be reached is dim; without, `*` and `(...)`. */
export function stateText(use: StateUse, { colours }: { colours: boolean }): string {
  const mark = (cell: Cell): string => {
    const code = STATE_CODES[cell.after] as string
    const used = useOf(cell, use.edges) !== undefined
    if (colours) {
      const style = used ? BOLD_GREEN : cell.reachable ? '' : DIM
      return style === '' ? ` ${code} ` : `${style} ${code} ${RESET}`
    }
    if (used) return ` ${code}*`
    return cell.reachable ? ` ${code} ` : `(${code})`
  }
  const legend = colours
    ? 'green: used here; dim: no connection of FullNAT gets there'
    : '*: used here; (..): no connection of FullNAT gets there'
  return [
    ...stateTables().map(table => tableText(table, mark)),
    `${legend}. A cell is the state behind the segment; none: no SYN, FIN, ACK or RST.\n`,
    udpText(use, colours),
    edgesText(use.edges),
    statesText(use),
    closeText(),
    unreachedText(),
  ].join('\n')
}

function tableText({ name, rows }: StateTable, mark: (cell: Cell) => string): string {
  const lines = rows.map(
    (cells, event) => `  ${(EVENTS[event] as string).padEnd(4)} ${cells.map(mark).join(' ')}`,
  )
  const head = STATE_CODES.map(code => ` ${code} `).join(' ')
  return `${[`${name}`, `       ${head}`.trimEnd(), ...lines.map(line => line.trimEnd())].join('\n')}\n`
}

/** UDP has three states and one event. */
function udpText({ edges, states, timeouts }: StateUse, colours: boolean): string {
  const width = Math.max(...UDP_STATE_NAMES.map(({ length }) => length)) + 2
  const cellText = (direction: string, { from, to, reachable }: UdpRow['cells'][number]) => {
    const used = udpUse(direction, from, edges) !== undefined
    if (colours) {
      const style = used ? BOLD_GREEN : reachable ? '' : DIM
      const text = to.padEnd(width)
      return style === '' ? text : `${style}${text}${RESET}`
    }
    return (used ? `${to}*` : reachable ? to : `(${to})`).padEnd(width)
  }
  const head = UDP_STATE_NAMES.map(name => name.padEnd(width)).join(' ')
  const rows = udpRows().map(({ direction, cells }) => {
    const who = direction === 'in' ? 'from the client' : 'from the real server'
    return `  ${who.padEnd(20)} ${cells.map(cell => cellText(direction, cell)).join(' ')}`
  })
  const lines = UDP_STATE_NAMES.map(name => {
    const key = stateKey(name)
    const seconds = isTimed(name) ? `${timeouts[key] ?? 0} s` : ''
    return `  ${name.padEnd(14)} ${String(states[key] ?? 0).padStart(10)} ${seconds.padStart(8)}`
  })
  return `${[
    'UDP: the state behind a datagram, by the state before it',
    `  ${''.padEnd(20)} ${head}`,
    ...rows,
    '  state          connections  timeout',
    ...lines,
  ]
    .map(line => line.trimEnd())
    .join('\n')}\n`
}

function edgesText(edges: readonly EdgeInfo[]): string {
  const taken = edges.filter(({ count }) => count > 0)
  if (taken.length === 0) return 'edges taken\n  none yet: no connection was opened\n'
  const width = Math.max(...taken.map(({ count }) => String(count).length))
  const lines = taken.map(({ direction, event, from, to, count, last, last_ms: lastMs }) => {
    const edge = `${direction.padEnd(3)} ${event === 'datagram' ? 'udp ' : event.padEnd(4)} ${from} -> ${to}`
    return `  ${String(count).padStart(width)}  ${edge.padEnd(34)} ${last} at ${instantText((lastMs ?? 0) * 1000, 3)}`
  })
  return `edges taken\n${lines.join('\n')}\n`
}

function statesText({ states, timeouts, own }: StateUse): string {
  const lines = STATE_NAMES.map((name, state) => {
    const key = name.toLowerCase()
    const code = STATE_CODES[state] as string
    const seconds = `${timeouts[key] ?? 0} s`
    return `  ${code} ${name.padEnd(12)} ${String(states[key] ?? 0).padStart(9)} ${seconds.padStart(8)}`
  })
  const services = own.map(({ service, protocol, seconds }) =>
    protocol === 'udp'
      ? `  every state of UDP service ${service}: ${seconds} s`
      : `  ESTABLISHED of service ${service}: ${seconds} s`,
  )
  const title = '  state          connections  timeout'
  return `${['states', title, ...lines, ...services].join('\n')}\n`
}

function closeText(): string {
  const rows = clientCloses().map(({ segment, balancer, client, server }) =>
    [segment.padEnd(22), balancer.padEnd(13), client.padEnd(13), server].join(' '),
  )
  return `why TIME_WAIT and not LAST_ACK
  The states of RFC 9293 are those of a socket, which knows what it has sent and what is left to send. A balancer has no
  socket: it sees segments of two ends pass, and notes only which end's FIN it has seen. With both, whoever sent the first,
  it is over: TIME_WAIT, in which the last ACK and retransmissions may still pass. CLOSE_WAIT here is "the client has
  closed", FIN_WAIT is "the real server has closed"; nothing waits for the ACK behind the second FIN, so there is nothing
  that LAST_ACK could mean.

  what passes            balancer      client (9293) server (9293)
${rows.map(row => `  ${row.trimEnd()}`).join('\n')}
`
}

function unreachedText(): string {
  const names = unreachedStates()
  const ways = waysInto(State.LAST_ACK)
  const last =
    ways.length === 0
      ? 'No cell of the first two tables leads into LAST_ACK from another state.'
      : `Into LAST_ACK lead: ${ways.join(', ')}.`
  return `never reached
  ${names.join(', ')}: no path from the SYN of a client leads there, by the tables above.
  NONE is left by the SYN that opens the connection, and by nothing else. ${last}
`
}
