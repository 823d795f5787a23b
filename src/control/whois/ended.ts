/** A connection that has ended, as the history holds it. */

import type { WhoisConn, WhoisInfo } from '../../api/commands.ts'
import { stateName } from '../../api/names.ts'
import { PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import type { AnyForwarding } from '../../api/words.ts'
import { EndsCell } from '../../engine/ends.ts'
import { SessionRecord } from '../../engine/sessions.ts'
import { addressAt } from '../../see/words/ends.ts'
import { keepsClient } from '../../see/words/forwarding.ts'
import { type IpAddress, ipEndpointText, isSameIp } from '../../wire/ip-address.ts'
import { ENDS, type SessionReading } from '../sessions/words.ts'
import type { Key } from '../threads/probe.ts'

/** Times are ms since 1970, `state` and `end` numbers of the protocol's states and of End. */
export interface Ended {
  worker: number
  protocol: Protocol
  cip: IpAddress
  cport: number
  vip: IpAddress
  vport: number
  lip: IpAddress
  lport: number
  rip: IpAddress
  rport: number
  forwarding: AnyForwarding
  openedMs: number
  lastMs: number
  endedMs: number
  state: number
  end: number
}

/** Port 0 stands for any. */
export interface RsFilter {
  rip: IpAddress
  rport: number
}

/** Connections that held the key at any moment from `fromMs` to `toMs`. */
export interface Search {
  key: Key
  rs: RsFilter | null
  fromMs: number
  toMs: number
  /** At most this many, the newest. */
  limit: number
}

/** Those that ended last come first. */
export type Found = Pick<WhoisInfo, 'conns' | 'gaps' | 'since_ms'>

const R = SessionRecord

/** Of a record of the session ring; `wallOf` turns ms of the engine's clock into those of Date. */
export function endedOf(
  { cells, lifeMs, protocol, forwarding }: SessionReading,
  worker: number,
  wallOf: (ms: number) => number,
): Ended {
  const cell = (at: number) => cells[at] ?? 0
  const endedMs = wallOf(cell(R.ENDED))
  return {
    worker,
    protocol,
    ...endsIn(cells, R.ENDS),
    forwarding,
    openedMs: endedMs - lifeMs,
    lastMs: endedMs - ((cell(R.ENDED) - cell(R.LAST)) | 0),
    endedMs,
    state: cell(R.STATE),
    end: cell(R.END),
  }
}

/** Out of cells as engine/ends.ts describes them, the first at `at`. */
export function endsIn(
  cells: Int32Array,
  at: number,
): Pick<Ended, 'cip' | 'cport' | 'vip' | 'vport' | 'lip' | 'lport' | 'rip' | 'rport'> {
  const cell = (which: number) => cells[at + which] ?? 0
  return {
    cip: addressAt(cells, at, 'CIP'),
    cport: cell(EndsCell.CLIENT_PORTS) >>> 16,
    vip: addressAt(cells, at, 'VIP'),
    vport: cell(EndsCell.CLIENT_PORTS) & 0xffff,
    lip: addressAt(cells, at, 'LIP'),
    lport: cell(EndsCell.RS_PORTS) & 0xffff,
    rip: addressAt(cells, at, 'RIP'),
    rport: cell(EndsCell.RS_PORTS) >>> 16,
  }
}

export function whoisOf(ended: Ended): WhoisConn {
  const { worker, protocol, forwarding, openedMs, lastMs, endedMs, state, end } = ended
  return {
    worker,
    protocol,
    client: ipEndpointText(ended.cip, ended.cport),
    vip: ipEndpointText(ended.vip, ended.vport),
    lip: ipEndpointText(ended.lip, ended.lport),
    rs: ipEndpointText(ended.rip, ended.rport),
    forwarding,
    check: false,
    opened_ms: openedMs,
    state: stateName(state, PROTOCOLS[protocol].code),
    ended: { at_ms: endedMs, last_ms: lastMs, how: endName(end) },
  }
}

export function endName(end: number): string {
  return ENDS[end] ?? `${end}`
}

export function isOf({ rip, rport }: Ended, rs: RsFilter | null): boolean {
  return rs === null || (isSameIp(rip, rs.rip) && (rs.rport === 0 || rport === rs.rport))
}

/** What each key has found, every connection once: without a LIP of its own it is found by its client's address, and again as by a LIP's. */
export function foundOnce([first = [], ...others]: readonly WhoisConn[][]): WhoisConn[] {
  return [...first, ...others.flat().filter(({ forwarding }) => !keepsClient(forwarding))]
}

/** What was found by several keys, the oldest first. */
export function merged(found: readonly Found[]): Found {
  const [first] = found as [Found, ...Found[]]
  return { ...first, conns: foundOnce(found.map(({ conns }) => conns)).sort(byOpening) }
}

export function byOpening(a: WhoisConn, b: WhoisConn): number {
  return (a.opened_ms ?? 0) - (b.opened_ms ?? 0)
}
