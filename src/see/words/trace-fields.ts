/**
 * What a record of the trace says, as fields of JSON in the order of its row (engine/trace-kinds.ts). Log lines are made of
 * them as well (trace-words.ts).
 */

import { countedName, NEIGH_STATES, stateName } from '../../api/names.ts'
import type { AnyForwarding } from '../../api/words.ts'
import { KEY } from '../../engine/conn-layout.ts'
import { IN } from '../../engine/tcp-state.ts'
import { Chosen, Reset } from '../../engine/trace.ts'
import {
  type FieldKind,
  type FieldsOfKind,
  fieldsOfKind,
  TraceCell,
  TraceKind,
  type TraceName,
} from '../../engine/trace-kinds.ts'
import { macText } from '../../wire/address.ts'
import { type IpAddress, ipEndpointText, ipText } from '../../wire/ip-address.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { forwardingOf } from './forwarding.ts'
import { flagsText, protocolName } from './packet-words.ts'

/** What the numbers of a record mean here: the worker's id, and the arms' names by index. */
export interface Names {
  worker: number
  arms: string[]
}

/** What follows the second cell, and the protocol's code of KEY where the kind tells one. */
interface Beside {
  names: Names
  code: number
  rest: Int32Array
}

type Read = (a: number, b: number, beside: Beside) => unknown

/** What a field's cells say, the first of which is `a`. */
const READ = {
  number: a => a,
  flag: a => a !== 0,
  mark: a => (a === 0 ? undefined : true),
  protocol: protocolName,
  address: (d, a, { rest }) => ipText(addressOf(d, [a, rest[0] ?? 0, rest[1] ?? 0])),
  endpoint: (d, port, { rest }) =>
    ipEndpointText(addressOf(d, [rest[0] ?? 0, rest[1] ?? 0, rest[2] ?? 0]), port),
  mac: macText,
  arm: (a, _, { names }) => names.arms[a] ?? `arm ${a}`,
  direction: a => (a === IN ? 'in' : 'out'),
  tcpFlags: flagsText,
  state: (a, _, { code }) => stateName(a, code),
  neighState: a => NEIGH_STATES[a] ?? `${a}`,
  reason: countedName,
  chosen: a => CHOSEN_BY[a] ?? CHOSEN_BY[Chosen.SCHEDULER],
  reset: a => (a === Reset.CUT ? 'cut' : undefined),
  forwarding: (a): AnyForwarding | undefined => (a === 0 ? undefined : forwardingOf(a)),
} satisfies Record<FieldKind, Read>

/** By Chosen. */
const CHOSEN_BY = ['scheduler', 'persistence', 'connection ID'] as const

/** Of IPv4 the first three words are 0: no address of IPv6 that means something begins so (RFC 4291 2.5.5.1). */
function addressOf(last: number, [a, b, c]: [number, number, number]): IpAddress {
  return (a | b | c) === 0 ? last : [a, b, c, last]
}

/** The address that a field of a record has at `at`, as text. */
export function addressAt(record: Int32Array, at: number): string {
  const [last = 0, a = 0, b = 0, c = 0] = record.subarray(at, at + 4)
  return ipText(addressOf(last, [a, b, c]))
}

/** Fields of a kind; a mark that is not set is not there. */
export type TraceFields<Name extends TraceName> = {
  [Field in keyof FieldsOfKind<Name>]: FieldsOfKind<Name>[Field] extends FieldKind
    ? ReturnType<(typeof READ)[FieldsOfKind<Name>[Field]]>
    : never
}

/** By kind: its fields with their first cells, and the cell that tells the protocol, -1 for none. */
const FIELDS: { protocol: number; fields: { name: string; at: number; read: Read }[] }[] = []
const CODES = new Map<number, number>([
  [PROTO.TCP, KEY.TCP],
  [PROTO.UDP, KEY.UDP],
  [PROTO.ICMP, KEY.ICMP],
])
for (const kind of Object.keys(TraceKind) as TraceName[]) {
  const cells: Readonly<Record<string, number>> = TraceCell[kind]
  const fields = Object.entries(fieldsOfKind(kind)).map(([name, holds]) => ({
    name,
    at: cells[name] ?? 0,
    read: READ[holds],
  }))
  FIELDS[TraceKind[kind]] = { protocol: cells.protocol ?? -1, fields }
}

export function fieldsOf(record: Int32Array, names: Names): Record<string, unknown> {
  const known = FIELDS[record[0] ?? 0]
  if (known === undefined) return { kind: record[0] }
  const fields: Record<string, unknown> = {}
  const code = CODES.get(record[known.protocol] ?? 0) ?? KEY.TCP
  for (const { name, at, read } of known.fields) {
    // A record has all its cells; the array's type just cannot say so.
    const rest = record.subarray(at + 2, at + 5)
    const value = read(record[at] ?? 0, record[at + 1] ?? 0, { names, code, rest })
    if (value !== undefined) fields[name] = value
  }
  return fields
}
