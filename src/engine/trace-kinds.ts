/**
 * What the engine says, each kind described once. From its row follow the cells that say.ts writes, the fields that programs
 * read (see/words/trace-fields.ts) and those that its log line is made of (see/words/trace-words.ts).
 *
 *   record   0 kind | from 1 on the fields of the row, one behind the other
 */

import { cellsOf } from './cells.ts'

/** Cells of a field by what it holds; a kind that grows here moves what is behind it in every record. */
const WIDTH = {
  /** An int32. */
  number: 1,
  /** 1 or 0; `mark` is there for programs only if it is 1. */
  flag: 1,
  mark: 1,
  /** Of the IPv4 header. */
  protocol: 1,
  /** An address of IPv4, or the last word of one of IPv6; and its first three, of IPv4 0. */
  address: 4,
  /** The same, with the port behind the first cell. */
  endpoint: 5,
  /** First 16 bits, last 32 bits. */
  mac: 2,
  /** Index of an arm. */
  arm: 1,
  /** IN or OUT. */
  direction: 1,
  tcpFlags: 1,
  /** State of a connection, of a neighbour. */
  state: 1,
  neighState: 1,
  /** A drop reason or an event. */
  reason: 1,
  /** One of Chosen, of Reset. */
  chosen: 1,
  reset: 1,
  /** A connection's method, where a binding has it; there for programs only if it is not FULLNAT. */
  forwarding: 1,
} as const

export type FieldKind = keyof typeof WIDTH

/** Who hears of a kind: the log at its debug level keeps to DPVS's lines, and the flight recorder gets everything. */
export const Heard = { LOGGED: 0, RECORDED: 1, ALWAYS: 2 } as const
const { LOGGED, RECORDED, ALWAYS } = Heard

const PACKET = { protocol: 'protocol', src: 'endpoint', dst: 'endpoint' } as const
const CONN = {
  protocol: 'protocol',
  client: 'endpoint',
  vip: 'endpoint',
  lip: 'endpoint',
  rs: 'endpoint',
  forwarding: 'forwarding',
} as const

/** Of a neighbour that gets another MAC. */
const MOVE = { address: 'address', arm: 'arm', from: 'mac', to: 'mac' } as const

const ROWS = {
  LOOKUP: [LOGGED, { ...PACKET, hit: 'flag' }],
  /** LIPs that were tried before it, lports left free towards the RS */
  LPORT_FETCHED: [LOGGED, { lip: 'endpoint', tried: 'number', free: 'number' }],
  CONN_NEW: [LOGGED, { ...CONN, delta: 'number' }],
  CONN_DEL: [LOGGED, { ...CONN, state: 'state', replaced: 'flag', cut: 'mark' }],
  STATE: [
    LOGGED,
    {
      protocol: 'protocol',
      direction: 'direction',
      flags: 'tcpFlags',
      client: 'endpoint',
      rs: 'endpoint',
      from: 'state',
      to: 'state',
    },
  ],
  NEIGH: [LOGGED, { address: 'address', arm: 'arm', from: 'neighState', to: 'neighState' }],
  /** A segment without a connection that is no SYN. */
  NOT_SYN: [LOGGED, { ...PACKET, flags: 'tcpFlags' }],
  /** A SYN to a service that was refused. */
  REFUSED: [LOGGED, { ...PACKET, reason: 'reason' }],
  TOA_FAILED: [LOGGED, { ...CONN, reason: 'reason' }],
  /** The RS that a client was given, its weight, and how many RSs the service has. */
  SCHEDULED: [
    RECORDED,
    {
      protocol: 'protocol',
      client: 'endpoint',
      vip: 'endpoint',
      rs: 'endpoint',
      weight: 'number',
      servers: 'number',
      by: 'chosen',
    },
  ],
  /** Both ends were sent an RST. */
  RESET: [RECORDED, { ...CONN, why: 'reset' }],
  /** The RS was sent an RST, its client has begun another connection. */
  RESET_RS: [RECORDED, CONN],
  /** Another connection goes on with all that one had, whose state this is. */
  CONN_KEPT: [RECORDED, { ...CONN, state: 'state' }],
  /** Pair of the frame that was parked. */
  PARKED_DROP: [RECORDED, { pair: 'number', reason: 'reason' }],
  /** A stranger claims our address. */
  ADDRESS_CLAIMED: [ALWAYS, { address: 'address', arm: 'arm', mac: 'mac' }],
  /** Nobody answered; packets that were dropped. */
  NEIGH_FAILED: [ALWAYS, { address: 'address', arm: 'arm', dropped: 'number' }],
  NEIGH_MOVED: [ALWAYS, MOVE],
  /** It moves again and again; not said more than once in FLAP_WINDOW_MS. */
  NEIGH_FLAPS: [ALWAYS, MOVE],
  /** A worker begins to answer SYNs to a service by cookies, or ends it; SYNs without connection in the last second. */
  SYN_PROXY: [ALWAYS, { service: 'endpoint', active: 'flag', syns: 'number' }],
} as const satisfies Record<string, readonly [number, Readonly<Record<string, FieldKind>>]>

export type TraceName = keyof typeof ROWS
/** Names of a kind's fields, with what each holds. */
export type FieldsOfKind<Name extends TraceName> = (typeof ROWS)[Name][1]

type Cells = { readonly [Name in TraceName]: Readonly<Record<keyof FieldsOfKind<Name>, number>> }

const names = Object.keys(ROWS) as TraceName[]
const kinds: Record<string, number> = {}
const cells: Record<string, Readonly<Record<string, number>>> = {}
/** By kind: cells of its records, that of the kind included, and one of Heard. */
export const TRACE_CELLS = new Uint8Array(names.length + 1)
export const TRACE_HEARD = new Uint8Array(names.length + 1)
for (const [i, name] of names.entries()) {
  const [heard, fields] = ROWS[name]
  // 0 is memory that nobody has written to.
  const kind = i + 1
  const widths: Record<string, number> = {}
  for (const [field, holds] of Object.entries(fields)) widths[field] = WIDTH[holds]
  kinds[name] = kind
  cells[name] = cellsOf(widths, 1)
  TRACE_CELLS[kind] = cells[name].CELLS
  TRACE_HEARD[kind] = heard
}

/** A record's first cell. */
export const TraceKind = kinds as Readonly<Record<TraceName, number>>
/** By kind and field: the field's first cell. */
export const TraceCell = cells as Cells
/** By kind: its fields, in the order in which they are told. */
export function fieldsOfKind(name: TraceName): Readonly<Record<string, FieldKind>> {
  return ROWS[name][1]
}

/** Cells of the longest record. */
export const RECORD_CELLS = Math.max(...TRACE_CELLS)
