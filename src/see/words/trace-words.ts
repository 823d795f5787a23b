/**
 * Records of the trace ring as log lines. The lines of DPVS are kept to the character (semantics 2.4 and 13.7,
 * the old build's `:` after the source's name), because people grep for them; the others are ours.
 */

import { countedName, NEIGH_STATES, stateName } from '../../api/names.ts'
import { IN } from '../../engine/tcp-state.ts'
import { Chosen, Reset, TraceKind } from '../../engine/trace.ts'
import { endpointText, ipv4Text, macText } from '../../wire/address.ts'
import { FLAG } from '../../wire/tcp.ts'
import { counted } from '../text/counted.ts'

export interface Words {
  level: 'debug' | 'info' | 'warn'
  text: string
}

/** What the numbers of a record mean here: the worker's id, and the arms' names by index. */
export interface Names {
  worker: number
  arms: string[]
}

/** Modules of the log that the engine's lines belong to; `log` is that of lines nobody knows. */
export type PacketModule = 'conn' | 'neigh' | 'sa_pool' | 'service' | 'log'

/** What a line belongs to, known before it is put into words. */
export interface KindOfLine {
  level: Words['level']
  module: PacketModule
  /** The kind's name in lower case. */
  event: string
}

const MODULE_OF: Record<keyof typeof TraceKind, PacketModule> = {
  LOOKUP: 'conn',
  LPORT_FETCHED: 'sa_pool',
  CONN_NEW: 'conn',
  CONN_DEL: 'conn',
  STATE: 'conn',
  NEIGH: 'neigh',
  NOT_SYN: 'service',
  REFUSED: 'service',
  TOA_FAILED: 'conn',
  SCHEDULED: 'service',
  RESET: 'conn',
  RESET_RS: 'conn',
  CONN_KEPT: 'conn',
  PARKED_DROP: 'neigh',
  ADDRESS_CLAIMED: 'neigh',
  NEIGH_FAILED: 'neigh',
  NEIGH_MOVED: 'neigh',
}
const LEVEL_OF: Partial<Record<keyof typeof TraceKind, Words['level']>> = {
  ADDRESS_CLAIMED: 'warn',
  NEIGH_FAILED: 'warn',
  NEIGH_MOVED: 'info',
}
const UNKNOWN: KindOfLine = { level: 'warn', module: 'log', event: 'unknown_record' }

const KINDS: KindOfLine[] = []
for (const name of Object.keys(TraceKind) as (keyof typeof TraceKind)[]) {
  KINDS[TraceKind[name]] = {
    level: LEVEL_OF[name] ?? 'debug',
    module: MODULE_OF[name],
    event: name.toLowerCase(),
  }
}

export function kindOf(record: Int32Array): KindOfLine {
  return KINDS[record[0] ?? 0] ?? UNKNOWN
}

/** The log line of one record; cells are as documented at TraceKind. */
export function wordsOf(record: Int32Array, names: Names): Words {
  // A record has all its cells; the array's type just cannot say so.
  const cell = (letter: number) => record[letter + 2] ?? 0
  const worker = `[${names.worker}]`
  const armName = (letter: number) => names.arms[cell(letter)] ?? `arm ${cell(letter)}`
  switch (record[0]) {
    case TraceKind.LOOKUP: {
      const found = cell(4) ? 'hit' : 'miss'
      return debug(
        `IPVS: conn lookup: ${worker} ${protocolName(cell(0))} ${source(cell(1), cell(3))} -> ${target(cell(2), cell(3))} ${found} `,
      )
    }
    case TraceKind.LPORT_FETCHED:
      return debug(`SAPOOL: sa_pool_fetch: ${endpointText(cell(0), cell(1))} fetched!`)
    case TraceKind.CONN_NEW:
    case TraceKind.CONN_DEL: {
      const what = record[0] === TraceKind.CONN_NEW ? 'new' : 'del'
      const ends = connEnds(cell(1), cell(2), cell(3), cell(4), cell(5), cell(6))
      return debug(
        `IPVS: ${what} conn:  ${worker} ${protocolName(cell(0))} ${ends} refs ${cell(7)}`,
      )
    }
    case TraceKind.STATE: {
      const dir = cell(1) === IN ? 'in' : 'out'
      const pair = `${endpointText(cell(3), cell(5))}->${endpointText(cell(4), cell(6))}`
      const states = `${stateName(cell(7))}->${stateName(cell(8))}`
      return debug(
        `IPVS: state trans: ${protocolName(cell(0))} ${dir} [${flagsText(cell(2))}] ${pair}  state ${states} conn.refcnt ${cell(9)}`,
      )
    }
    case TraceKind.NEIGH: {
      const [before, after] = [NEIGH_STATES[cell(0)], NEIGH_STATES[cell(1)]]
      return debug(`NEIGHBOUR: ${before} trans state to ${after}.`)
    }
    case TraceKind.NOT_SYN: {
      const from = `${ipv4Text(cell(1))}/${cell(3) >>> 16}`
      const to = `${ipv4Text(cell(2))}/${cell(3) & 0xffff}`
      return debug(
        `IPVS: tcp_conn_sched: ${worker} try sched non-SYN packet: [${flagsText(cell(4))}] ${from}->${to}`,
      )
    }
    case TraceKind.REFUSED:
      return debug(
        `IPVS: refused: ${worker} ${protocolName(cell(0))} ${source(cell(1), cell(3))} -> ${target(cell(2), cell(3))} ${countedName(cell(4))}`,
      )
    case TraceKind.TOA_FAILED: {
      const ends = connEnds(cell(0), cell(1), cell(2), cell(3), cell(4), cell(5))
      return debug(`IPVS: no TOA: ${worker} TCP ${ends} ${countedName(cell(6))}`)
    }
    case TraceKind.SCHEDULED: {
      const why = cell(7) === Chosen.PERSISTENCE ? 'persistence' : 'scheduler'
      const rs = endpointText(cell(3), cell(4))
      return debug(
        `IPVS: scheduled: ${worker} TCP ${source(cell(0), cell(2))} -> ${target(cell(1), cell(2))} to ${rs} by ${why}, weight ${cell(5)}, 1 of ${cell(6)}`,
      )
    }
    case TraceKind.RESET:
      return debug(
        `IPVS: reset conn: ${worker} TCP ${connEnds(cell(0), cell(1), cell(2), cell(3), cell(4), cell(5))}${cell(6) === Reset.CUT ? ', cut' : ''}`,
      )
    case TraceKind.RESET_RS:
    case TraceKind.CONN_KEPT: {
      const what = record[0] === TraceKind.RESET_RS ? 'reset RS of' : 'another in place of'
      const ends = connEnds(cell(0), cell(1), cell(2), cell(3), cell(4), cell(5))
      return debug(`IPVS: ${what} conn: ${worker} TCP ${ends}`)
    }
    case TraceKind.PARKED_DROP:
      return debug(`NEIGHBOUR: parked packet ${cell(0)} dropped: ${countedName(cell(1))}`)
    case TraceKind.ADDRESS_CLAIMED:
      return {
        level: 'warn',
        text: `ARP: ${macText(cell(2), cell(3))} on ${armName(1)} claims our address ${ipv4Text(cell(0))}`,
      }
    case TraceKind.NEIGH_FAILED:
      return {
        level: 'warn',
        text: `NEIGHBOUR: ${ipv4Text(cell(0))} on ${armName(1)} does not answer, ${counted(cell(2), 'packet')} dropped`,
      }
    case TraceKind.NEIGH_MOVED:
      return {
        level: 'info',
        text: `NEIGHBOUR: ${ipv4Text(cell(0))} on ${armName(1)} moved from ${macText(cell(2), cell(3))} to ${macText(cell(4), cell(5))}`,
      }
    default:
      return { level: 'warn', text: `TRACE: record of unknown kind ${record[0]}` }
  }
}

function debug(text: string): Words {
  return { level: 'debug', text }
}

export function protocolName(protocol: number): string {
  return { 1: 'ICMP', 6: 'TCP', 17: 'UDP' }[protocol] ?? `protocol ${protocol}`
}

function source(address: number, ports: number): string {
  return endpointText(address, ports >>> 16)
}

function target(address: number, ports: number): string {
  return endpointText(address, ports & 0xffff)
}

/** CIP:cport VIP:vport LIP:lport RIP:rport */
function connEnds(
  cip: number,
  vip: number,
  clientPorts: number,
  lip: number,
  rip: number,
  rsPorts: number,
): string {
  const client = `${source(cip, clientPorts)} ${target(vip, clientPorts)}`
  return `${client} ${target(lip, rsPorts)} ${source(rip, rsPorts)}`
}

/** SFAR, each a letter or a dot; PSH and URG are not shown. */
export function flagsText(flags: number): string {
  const letter = (flag: number, text: string) => (flags & flag ? text : '.')
  return (
    letter(FLAG.SYN, 'S') + letter(FLAG.FIN, 'F') + letter(FLAG.ACK, 'A') + letter(FLAG.RST, 'R')
  )
}

/** `SYN+ACK`, as sentences name a segment; PSH and what is rarer is left out. */
export function flagNames(flags: number): string {
  const names = [
    [FLAG.RST, 'RST'],
    [FLAG.SYN, 'SYN'],
    [FLAG.FIN, 'FIN'],
    [FLAG.ACK, 'ACK'],
  ] as const
  const found = names.filter(([flag]) => flags & flag).map(([, name]) => name)
  return found.join('+') || 'a segment without flags'
}
