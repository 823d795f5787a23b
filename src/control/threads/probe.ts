/**
 * Living connections of one key, out of a worker's table: it is probed for each RS, as a packet of that connection would
 * probe it, so a table of a million costs no more than one of ten.
 */

import { PROTOCOLS, protocolOf } from '../../api/protocols.ts'
import { KEY, METHOD } from '../../engine/conn-layout.ts'
import type { Engine } from '../../engine/engine.ts'
import { Family } from '../../engine/family.ts'
import type { IpAddress } from '../../wire/ip-address.ts'
import { sharedClockMs } from './session-ring.ts'
import { copyRecord, RECORD_CELLS } from './snapshots.ts'

/** Whose connections are looked for: those of a LIP's lport, or of a client's port. */
export interface Key {
  by: 'lip' | 'client'
  address: IpAddress
  port: number
}

/** Places of RSs that one request looks at: some 20 us. */
const PLACES = 256

export interface Probed {
  /** RECORD_CELLS of each connection. */
  records: Int32Array
  /** ms since its SYN at clockMs, of each; null if nobody counts them. */
  ages: number[] | null
  /** Of the clock that all threads share. */
  clockMs: number
  /** The connection's client is a health check. */
  checks: boolean[]
  /** The place of an RS to go on from, -1 when all were looked at. */
  next: number
}

/** `arms` is how many the config has: what comes from those behind are health checks. */
export function probe(
  engine: Engine,
  { by, address, port }: Key,
  from: number,
  arms: number,
  now: number,
): Probed {
  const { dests, sessions } = engine
  const { table } = engine.conns
  const places = dests.list.length
  const end = Math.min(from + PLACES, places)
  const conns: number[] = []
  const { index } = table
  const book = engine.addressBook
  const isIpv6 = typeof address !== 'number'
  const family = isIpv6 ? Family.IPV6 : Family.IPV4
  // That of a client is a digest, which others may have as well.
  const digest = !isIpv6 ? address : book.digest(...address)
  const lip = !isIpv6 ? address : book.find(...address)
  if (isIpv6) index.sought.set(address)
  const find = isIpv6 ? index.findWide.bind(index) : index.find.bind(index)
  for (let place = from; place < end; place++) {
    if (dests.active(place) + dests.inactive(place) === 0) continue
    const dest = dests.list[place] ?? dests.gone[place]
    if (dest === undefined) continue
    const { rip, rport, service, method } = dest
    // What packets of the key are of: a LIP's come from the RS, a client's go to the VIP.
    if ((by === 'lip' ? dest : service).family !== family) continue
    const key =
      PROTOCOLS[protocolOf(service.protocol)].code | (family === Family.IPV6 ? KEY.IPV6 : 0)
    const tuple =
      by === 'lip'
        ? // By NAT it is the client's own.
          find(key, rip, method === METHOD.NAT ? digest : lip, (rport << 16) | port)
        : find(key, digest, service.vip, (port << 16) | service.vport)
    // Two services may have the same RS, and a service has many: the connection is told at its own one.
    if (tuple >= 0 && table.dest(tuple >> 1) === place) conns.push(tuple >> 1)
  }
  const records = new Int32Array(conns.length * RECORD_CELLS)
  for (const [i, conn] of conns.entries()) copyRecord(table, conn, records, i)
  return {
    records,
    ages: sessions && conns.map(conn => sessions.age(conn, now)),
    clockMs: sharedClockMs(),
    checks: conns.map(conn => table.clientArm(conn) >= arms),
    next: end < places ? end : -1,
  }
}
