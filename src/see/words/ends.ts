/** The ends of a connection in words, out of records that hold them as engine/ends.ts says. */

import type { AnyForwarding } from '../../api/words.ts'
import { EndsCell } from '../../engine/ends.ts'
import { SUB_POOLS, subPoolOf } from '../../engine/sa-pool.ts'
import { type IpAddress, ipEndpointText, parseIpEndpoint } from '../../wire/ip-address.ts'

/** address:port each. */
export interface Ends {
  client: string
  vip: string
  lip: string
  rs: string
}

export interface ConnEnds extends Ends {
  /** `TCP`, `UDP`, or `ICMP` of a ping. */
  protocol: string
  /** How the RS gets its packets; missing of FullNAT, and where it is not known. */
  forwarding?: AnyForwarding
}

/** The sub-pool of every LIP that an RS draws its lports from, or null of IPv6, where the book that words are from decides. */
export function subPoolOfRs(endpoint: string): number | null {
  const rs = parseIpEndpoint(endpoint)
  return typeof rs?.address === 'number' ? subPoolOf(rs.address, rs.port) : null
}

/** ` (sub-pool 13 of 16)`, or nothing if it is not known. */
export function subPoolText(rs: string): string {
  const pool = subPoolOfRs(rs)
  return pool === null ? '' : ` (sub-pool ${pool} of ${SUB_POOLS})`
}

/** What tells one connection from another, as text. */
export function connKey({ protocol, client, vip, lip, rs }: ConnEnds): string {
  return `${protocol} ${client} ${vip} ${lip} ${rs}`
}

/** `at` is the first of their cells. */
export function endsAt(cells: Int32Array, at: number): Ends {
  const cell = (which: number) => cells[at + which] ?? 0
  const clientPorts = cell(EndsCell.CLIENT_PORTS)
  const rsPorts = cell(EndsCell.RS_PORTS)
  const address = (of: 'CIP' | 'VIP' | 'LIP' | 'RIP') => addressAt(cells, at, of)
  return {
    client: ipEndpointText(address('CIP'), clientPorts >>> 16),
    vip: ipEndpointText(address('VIP'), clientPorts & 0xffff),
    lip: ipEndpointText(address('LIP'), rsPorts & 0xffff),
    rs: ipEndpointText(address('RIP'), rsPorts >>> 16),
  }
}

/** One of them: of IPv6 if its first words are not all 0. */
export function addressAt(
  cells: Int32Array,
  at: number,
  of: 'CIP' | 'VIP' | 'LIP' | 'RIP',
): IpAddress {
  const rest = at + EndsCell[`${of}_REST`]
  const [a = 0, b = 0, c = 0] = cells.subarray(rest, rest + 3)
  const last = cells[at + EndsCell[of]] ?? 0
  return (a | b | c) === 0 ? last : [a, b, c, last]
}
