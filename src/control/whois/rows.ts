/**
 * Rows of the history's file: as they are handed over, numbers, and as they are in the file, where names are text and an
 * address of IPv6 is too.
 */

import type { WhoisConn } from '../../api/commands.ts'
import { DEFAULT_PROTOCOL, MATCH_PROTOCOLS, PROTOCOLS, protocolNamed } from '../../api/protocols.ts'
import { ALL_FORWARDINGS, FORWARDINGS } from '../../api/words.ts'
import { endpointText } from '../../wire/address.ts'
import { hostText, type IpAddress } from '../../wire/ip-address.ts'
import { ipv6Text } from '../../wire/ipv6-address.ts'
import type { Ended } from './ended.ts'

export const COLUMNS = [
  ...['worker', 'cip', 'cport', 'vip', 'vport', 'lip', 'lport', 'rip', 'rport'],
  ...['opened', 'last', 'ended', 'state', 'how', 'protocol', 'forwarding'],
] as const
export const TEXTS: readonly string[] = ['state', 'how', 'protocol', 'forwarding']
const ADDRESSES = ['cip', 'vip', 'lip', 'rip'] as const
/**
 * Doubles of a row as it is handed over; what is text in the file are numbers there, and the first three words of each
 * address stand behind the columns, of IPv4 0.
 */
export const ROW = COLUMNS.length + 3 * ADDRESSES.length

/** An address of IPv6 is text. */
export type Row = Record<(typeof COLUMNS)[number], number> & {
  [Address in (typeof ADDRESSES)[number]]: number | string
} & {
  state: string
  how: string
  /** Missing in a file of VERSION_TCP. */
  protocol?: string
  /** Missing in files before VERSION. */
  forwarding?: string
}

/** One connection as ROW doubles. */
export function rowOf(e: Ended): number[] {
  // biome-ignore format: the order of the columns
  return [
    e.worker, lastOf(e.cip), e.cport, lastOf(e.vip), e.vport, lastOf(e.lip), e.lport, lastOf(e.rip), e.rport,
    e.openedMs, e.lastMs, e.endedMs, e.state, e.end, PROTOCOLS[e.protocol].code,
    ALL_FORWARDINGS.indexOf(e.forwarding),
    ...ADDRESSES.flatMap(name => restOf(e[name])),
  ]
}

function lastOf(address: IpAddress): number {
  return (typeof address === 'number' ? address : address[3]) >>> 0
}

function restOf(address: IpAddress): number[] {
  return typeof address === 'number' ? [0, 0, 0] : address.slice(0, 3)
}

/** What the columns of a row up to the texts hold. */
export function valuesOf(row: Float64Array): (number | string)[] {
  const values: (number | string)[] = [...row.subarray(0, COLUMNS.length - TEXTS.length)]
  for (const [i, name] of ADDRESSES.entries()) {
    const from = COLUMNS.length + 3 * i
    const [a = 0, b = 0, c = 0] = row.subarray(from, from + 3)
    const at = COLUMNS.indexOf(name)
    if ((a | b | c) !== 0) values[at] = ipv6Text([a, b, c, Number(values[at]) | 0])
  }
  return values
}

export function connOf(row: Row): WhoisConn {
  const { worker, cip, cport, vip, vport, lip, lport, rip, rport, opened, last, ended } = row
  return {
    worker,
    protocol: protocolNamed(row.protocol ?? '', MATCH_PROTOCOLS) ?? DEFAULT_PROTOCOL,
    client: endOf(cip, cport),
    vip: endOf(vip, vport),
    lip: endOf(lip, lport),
    rs: endOf(rip, rport),
    forwarding: ALL_FORWARDINGS.find(name => name === row.forwarding) ?? FORWARDINGS[0],
    check: false,
    opened_ms: opened,
    state: row.state,
    ended: { at_ms: ended, last_ms: last, how: row.how },
  }
}

/** An address as the columns have it. */
export function keyOf(address: IpAddress): number | string {
  return typeof address === 'number' ? address >>> 0 : ipv6Text(address)
}

function endOf(address: number | string, port: number): string {
  return typeof address === 'number' ? endpointText(address, port) : `${hostText(address)}:${port}`
}
