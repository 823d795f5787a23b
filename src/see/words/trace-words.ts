/**
 * Records of the trace as log lines. The lines of DPVS are kept to the character (semantics 2.4 and 13.7, the old
 * build's `:` after the source's name), because people grep for them; the others are ours.
 */

import { TraceKind, type TraceName } from '../../engine/trace-kinds.ts'
import { counted } from '../text/counted.ts'
import { fieldsOf, type Names, type TraceFields } from './trace-fields.ts'

type Level = 'debug' | 'info' | 'warn'

export interface Words {
  level: Level
  text: string
}

/** Modules of the log that the engine's lines belong to; `log` is that of lines nobody knows. */
export type PacketModule = 'conn' | 'neigh' | 'sa_pool' | 'service' | 'log'

/** What a line belongs to, known before it is put into words. */
export interface KindOfLine {
  level: Level
  module: PacketModule
  /** The kind's name in lower case. */
  event: string
}

interface Row<Name extends TraceName> {
  module: PacketModule
  level?: 'info' | 'warn'
  line(fields: TraceFields<Name>, worker: number): string
}

interface Ends {
  protocol: string
  client: string
  vip: string
  lip: string
  rs: string
}

/** References that DPVS would count: one for being hashed, one for the code at work (semantics 1.4), none at the end. */
const [REFS, NO_REFS] = [2, 0]

const ROWS: { readonly [Name in TraceName]: Row<Name> } = {
  LOOKUP: {
    module: 'conn',
    line: ({ protocol, src, dst, hit }, worker) =>
      `IPVS: conn lookup: [${worker}] ${protocol} ${src} -> ${dst} ${hit ? 'hit' : 'miss'} `,
  },
  LPORT_FETCHED: { module: 'sa_pool', line: ({ lip }) => `SAPOOL: sa_pool_fetch: ${lip} fetched!` },
  CONN_NEW: {
    module: 'conn',
    line: (ends, worker) => `IPVS: new conn:  ${endsText(ends, worker)} refs ${REFS}`,
  },
  CONN_DEL: {
    module: 'conn',
    line: (ends, worker) => `IPVS: del conn:  ${endsText(ends, worker)} refs ${NO_REFS}`,
  },
  STATE: {
    module: 'conn',
    line: ({ protocol, direction, flags, client, rs, from, to }) =>
      `IPVS: state trans: ${protocol} ${direction} [${flags}] ${client}->${rs}  state ${from}->${to} conn.refcnt ${REFS}`,
  },
  NEIGH: {
    module: 'neigh',
    line: ({ from, to }) => `NEIGHBOUR: ${from} trans state to ${to}.`,
  },
  NOT_SYN: {
    module: 'service',
    line: ({ src, dst, flags }, worker) =>
      `IPVS: tcp_conn_sched: [${worker}] try sched non-SYN packet: [${flags}] ${slashed(src)}->${slashed(dst)}`,
  },
  REFUSED: {
    module: 'service',
    line: ({ protocol, src, dst, reason }, worker) =>
      `IPVS: refused: [${worker}] ${protocol} ${src} -> ${dst} ${reason}`,
  },
  TOA_FAILED: {
    module: 'conn',
    line: (fields, worker) => `IPVS: no TOA: ${endsText(fields, worker)} ${fields.reason}`,
  },
  SCHEDULED: {
    module: 'service',
    line: ({ protocol, client, vip, rs, by, weight, servers }, worker) =>
      `IPVS: scheduled: [${worker}] ${protocol} ${client} -> ${vip} to ${rs} by ${by}, weight ${weight}, 1 of ${servers}`,
  },
  RESET: {
    module: 'conn',
    line: (fields, worker) =>
      `IPVS: reset conn: ${endsText(fields, worker)}${fields.why === 'cut' ? ', cut' : ''}`,
  },
  RESET_RS: {
    module: 'conn',
    line: (ends, worker) => `IPVS: reset RS of conn: ${endsText(ends, worker)}`,
  },
  CONN_KEPT: {
    module: 'conn',
    line: (ends, worker) => `IPVS: another in place of conn: ${endsText(ends, worker)}`,
  },
  PARKED_DROP: {
    module: 'neigh',
    line: ({ pair, reason }) => `NEIGHBOUR: parked packet ${pair} dropped: ${reason}`,
  },
  ADDRESS_CLAIMED: {
    module: 'neigh',
    level: 'warn',
    line: ({ address, arm, mac }) => `ARP: ${mac} on ${arm} claims our address ${address}`,
  },
  NEIGH_FAILED: {
    module: 'neigh',
    level: 'warn',
    line: ({ address, arm, dropped }) =>
      `NEIGHBOUR: ${address} on ${arm} does not answer, ${counted(dropped, 'packet')} dropped`,
  },
  NEIGH_MOVED: {
    module: 'neigh',
    level: 'info',
    line: ({ address, arm, from, to }) =>
      `NEIGHBOUR: ${address} on ${arm} moved from ${from} to ${to}`,
  },
  NEIGH_FLAPS: {
    module: 'neigh',
    level: 'warn',
    line: ({ address, arm, from, to }) =>
      `NEIGHBOUR: ${address} on ${arm} changes its MAC again and again, now from ${from} to ${to}: two have the address, or somebody pretends to; arms[].neighbours fixes the right one`,
  },
  SYN_PROXY: {
    module: 'service',
    level: 'warn',
    line: ({ service, active, syns }, worker) =>
      active
        ? `SYNPROXY: [${worker}] ${service}: ${syns} SYNs without connection in this second, from now on they are answered by cookies`
        : `SYNPROXY: [${worker}] ${service}: ${syns} SYNs without connection in the last second, they open connections again`,
  },
}

type Line = (fields: Record<string, unknown>, worker: number) => string

const UNKNOWN: KindOfLine = { level: 'warn', module: 'log', event: 'unknown_record' }
const KINDS: KindOfLine[] = []
const LINES: Line[] = []
for (const name of Object.keys(TraceKind) as TraceName[]) {
  const { module, level = 'debug', line } = ROWS[name]
  KINDS[TraceKind[name]] = { level, module, event: name.toLowerCase() }
  // The fields are those of the record, which is of this kind.
  LINES[TraceKind[name]] = line as Line
}

export function kindOf(record: Int32Array): KindOfLine {
  return KINDS[record[0] ?? 0] ?? UNKNOWN
}

/** `fields` are those of the record (fieldsOf). */
export function lineOf(
  record: Int32Array,
  fields: Record<string, unknown>,
  { worker }: Names,
): string {
  const line = LINES[record[0] ?? 0]
  return line === undefined ? `TRACE: record of unknown kind ${record[0]}` : line(fields, worker)
}

/** The log line of one record. */
export function wordsOf(record: Int32Array, names: Names): Words {
  return { level: kindOf(record).level, text: lineOf(record, fieldsOf(record, names), names) }
}

/** [worker] PROTOCOL CIP:cport VIP:vport LIP:lport RIP:rport */
function endsText({ protocol, client, vip, lip, rs }: Ends, worker: number): string {
  return `[${worker}] ${protocol} ${client} ${vip} ${lip} ${rs}`
}

/** address/port, as DPVS has it in one of its lines. */
function slashed(endpoint: string): string {
  return endpoint.replace(/:(?=\d+$)/, '/')
}
