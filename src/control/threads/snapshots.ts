/** What listings show of a worker's own tables, copied out of the engine between two bursts. */

import type { ConnInfo, NeighbourInfo } from '../../api/commands.ts'
import { type AnyStateName, NEIGH_STATES, stateName } from '../../api/names.ts'
import { PROTOCOLS, type Protocol, protocolOfCode } from '../../api/protocols.ts'
import type { ConnTable } from '../../engine/conn.ts'
import { CELL, CONN_CELLS, KEY, RECORD, RS_SEEN, STATE_MASK } from '../../engine/conn-layout.ts'
import { copyEnds, EndsCell } from '../../engine/ends.ts'
import type { Engine } from '../../engine/engine.ts'
import { armOf, Family, familyOf } from '../../engine/family.ts'
import { Neigh } from '../../engine/neigh-state.ts'
import { State } from '../../engine/tcp-state.ts'
import { forwardingOf } from '../../see/words/forwarding.ts'
import { macText } from '../../wire/address.ts'
import { type IpAddress, ipEndpointText, ipText } from '../../wire/ip-address.ts'
import type { BareConfig } from './memory.ts'
import { wordText } from './word-of.ts'

/** Of a record's addresses over IPv6 the first three words, behind its cells; where those are, the last one is in place of its word. */
const PAGE_REST_CELLS = 12
export const PAGE_REST = {
  CIP: CONN_CELLS,
  VIP: CONN_CELLS + 3,
  RIP: CONN_CELLS + 6,
  LIP: CONN_CELLS + 9,
} as const

/** Records copied for one page, and looked at, in use or not: what a listing may cost the packets at a time, some 20 us. */
export const PAGE_RECORDS = 256
const LOOKED_AT = 1024
export const RECORD_CELLS = CONN_CELLS + PAGE_REST_CELLS
/** Where a page has the age of a connection in seconds, -1 if it is not known, instead of a link of the table. */
export const PAGE_AGE = CELL.IN_NEXT

/** How many records are in the page, and where the next one begins, -1 if there is none. */
export interface Page {
  count: number
  next: number
}

/**
 * Copies the records in use from `from` on into `page` (PAGE_RECORDS of them), but for those of clients of an arm behind the
 * first `arms`; putting them into words is not for a worker. `now` is of the engine's clock.
 */
export function copyConns(
  engine: Engine,
  from: number,
  page: Int32Array,
  now: number,
  arms = engine.arms.length,
): Page {
  const { table } = engine.conns
  const { sessions } = engine
  const end = Math.min(from + LOOKED_AT, table.capacity)
  let next = from
  let count = 0
  while (count < PAGE_RECORDS) {
    const conn = table.nextUsed(next, end)
    if (conn < 0) return { count, next: end < table.capacity ? end : -1 }
    next = conn + 1
    if (table.clientArm(conn) >= arms) continue
    copyRecord(table, conn, page, count)
    page[count * RECORD_CELLS + PAGE_AGE] = sessions
      ? Math.trunc(sessions.age(conn, now) / 1000)
      : -1
    count++
  }
  return { count: PAGE_RECORDS, next: next < table.capacity ? next : -1 }
}

/** Makes a connection record `index` of a page. */
export function copyRecord(table: ConnTable, conn: number, page: Int32Array, index: number): void {
  const to = index * RECORD_CELLS
  for (let i = 0; i < CONN_CELLS; i++) page[to + i] = table.cells[RECORD.at(conn) | i] as number
  copyEnds(table, conn, ends, 0)
  page[to + CELL.CIP] = ends[EndsCell.CIP] as number
  page[to + CELL.VIP] = ends[EndsCell.VIP] as number
  page[to + CELL.RIP] = ends[EndsCell.RIP] as number
  page[to + CELL.LIP] = ends[EndsCell.LIP] as number
  // In the same order.
  for (let i = 0; i < PAGE_REST_CELLS; i++)
    page[to + CONN_CELLS + i] = ends[EndsCell.CIP_REST + i] as number
}

/** Scratch: one record is copied at a time. */
const ends = new Int32Array(EndsCell.CELLS)

/** The address that a record has in a cell, and its other words from `rest` on. */
export function pageAddress(record: Int32Array, cell: number, rest: number): IpAddress {
  const [a = 0, b = 0, c = 0] = record.subarray(rest, rest + 3)
  const last = record[cell] ?? 0
  return (a | b | c) === 0 ? last : [a, b, c, last]
}

/** Seconds by protocol and state. */
export type Timeouts = Readonly<Record<Protocol, readonly number[]>>

export function timeoutsOf({ tcp, udp }: Pick<BareConfig, 'tcp' | 'udp'>): Timeouts {
  // Match services of pings always have their own.
  return { tcp: tcp.timeouts, udp: udp.timeouts, icmp: udp.timeouts }
}

/** Record `index` of a page; `ownMs` says what the service of an RS's place has instead of the timeouts (DestCell.ESTABLISHED_MS). */
export function connInfo(
  page: Int32Array,
  index: number,
  worker: number,
  timeouts: Timeouts,
  ownMs: (place: number) => number,
): ConnInfo {
  const at = index * RECORD_CELLS
  const record = page.subarray(at, at + RECORD_CELLS)
  const cell = (offset: number) => record[offset] as number
  const address = (of: keyof typeof PAGE_REST) => pageAddress(record, CELL[of], PAGE_REST[of])
  const state = cell(CELL.WORD) & STATE_MASK
  const inPorts = cell(CELL.CLIENT_PORTS)
  const outPorts = cell(CELL.RS_PORTS)
  const binding = cell(CELL.BINDING)
  const place = RECORD.dest(binding)
  const protocol = protocolOfCode(RECORD.key(binding, 0) & ~KEY.IPV6)
  // UDP and ICMP have it in every state, and 0 where the service has none of its own.
  const own = protocol !== 'tcp' || state === State.ESTABLISHED ? ownMs(place) / 1000 : 0
  return {
    worker,
    protocol,
    timeout_sec: own || (timeouts[protocol][state] ?? 0),
    state: stateName(state, PROTOCOLS[protocol].code) as AnyStateName,
    client: ipEndpointText(address('CIP'), inPorts >>> 16),
    vip: ipEndpointText(address('VIP'), inPorts & 0xffff),
    lip: ipEndpointText(address('LIP'), outPorts & 0xffff),
    rs: ipEndpointText(address('RIP'), outPorts >>> 16),
    forwarding: forwardingOf(binding),
    // Before that the RS has said nothing that would be confirmed.
    seqs:
      protocol === 'tcp' && handshaken(cell(CELL.WORD))
        ? [cell(CELL.RST_ACK) >>> 0, cell(CELL.RST_SEQ) >>> 0]
        : null,
  }
}

function handshaken(word: number): boolean {
  const state = word & STATE_MASK
  return (word & RS_SEEN) !== 0 && state !== State.NONE && state !== State.SYN_RECV
}

/** Of neighbour n. */
function addressOf({ neighs, addressBook }: Engine, n: number): string {
  const word = neighs.word[n] ?? 0
  const family = familyOf(neighs.link(n))
  if (family === Family.IPV4 || word > 0) return wordText(addressBook, word, family)
  const [a = 0, b = 0, c = 0, d = 0] = neighs.far.subarray(n * 4, n * 4 + 4)
  return ipText([a, b, c, d])
}

export function neighbours(engine: Engine, config: BareConfig, worker: number): NeighbourInfo[] {
  const { neighs } = engine
  const list: NeighbourInfo[] = []
  for (let n = 0; n < neighs.top; n++) {
    if (!neighs.inUse(n)) continue
    const link = neighs.link(n)
    const arm = armOf(link)
    // The kernel's side of the health checks is no neighbour of the operator's.
    if (arm >= config.arms.length) continue
    const state = neighs.state[n] ?? 0
    const resolved = state >= Neigh.REACHABLE
    list.push({
      address: addressOf(engine, n),
      mac: resolved ? macText(neighs.macHi[n] ?? 0, neighs.macLo[n] ?? 0) : null,
      state: NEIGH_STATES[state] ?? '',
      arm: config.arms[arm]?.name ?? '',
      worker,
      static: neighs.fixed[n] === 1,
      flaps: neighs.flaps(n),
    })
  }
  return list
}
