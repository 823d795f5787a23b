/**
 * Living connections of one key, out of a worker's table: it is probed for each RS, as a packet of that connection would
 * probe it, so a table of a million costs no more than one of ten. Whom hosts inside speak to by SNAT nobody has configured: for
 * those the table is gone through, a part at a time.
 */

import { PROTOCOLS, protocolOf } from '../../api/protocols.ts'
import { CELL, KEY, METHOD, RECORD } from '../../engine/conn-layout.ts'
import type { Engine } from '../../engine/engine.ts'
import { Family } from '../../engine/family.ts'
import { type IpAddress, isSameIp } from '../../wire/ip-address.ts'
import { sharedClockMs } from './session-ring.ts'
import { copyRecord, PAGE_REST, pageAddress, RECORD_CELLS } from './snapshots.ts'

/** Whose connections are looked for: those of a LIP's lport, or of a client's port. */
export interface Key {
  by: 'lip' | 'client'
  address: IpAddress
  port: number
}

/** Places of RSs that one request looks at: some 20 us. */
const PLACES = 256
/** The same of connections, in use or not. */
const CONNS = 2048
/** What a request goes on from is a connection from here on. */
const FIRST_CONN = 2 ** 32

export interface Probed {
  /** RECORD_CELLS of each connection. */
  records: Int32Array
  /** ms since its SYN at clockMs, of each; null if nobody counts them. */
  ages: number[] | null
  /** Of the clock that all threads share. */
  clockMs: number
  /** The connection's client is a health check. */
  checks: boolean[]
  /** The place of an RS, or a connection, to go on from; -1 when all were looked at. */
  next: number
}

/** `arms` is how many the config has: what comes from those behind are health checks. */
export function probe(engine: Engine, key: Key, from: number, arms: number, now: number): Probed {
  const { sessions } = engine
  const { table } = engine.conns
  const { conns, next } =
    from < FIRST_CONN ? ofRss(engine, key, from) : ofSnat(engine, key, from - FIRST_CONN)
  const records = new Int32Array(conns.length * RECORD_CELLS)
  for (const [i, conn] of conns.entries()) copyRecord(table, conn, records, i)
  return {
    records,
    ages: sessions && conns.map(conn => sessions.age(conn, now)),
    clockMs: sharedClockMs(),
    checks: conns.map(conn => table.clientArm(conn) >= arms),
    next,
  }
}

interface Part {
  conns: number[]
  next: number
}

function ofRss(engine: Engine, { by, address, port }: Key, from: number): Part {
  const { dests } = engine
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
  if (end < places) return { conns, next: end }
  return { conns, next: hasSnat(engine) ? FIRST_CONN : -1 }
}

function hasSnat({ dests }: Engine): boolean {
  return dests.list.some((listed, place) => {
    const match = (listed ?? dests.gone[place])?.service.match
    return match && dests.active(place) + dests.inactive(place) > 0
  })
}

/** Of the connections from this one on. */
function ofSnat(engine: Engine, { by, address, port }: Key, from: number): Part {
  const { table } = engine.conns
  const { capacity, cells } = table
  const end = Math.min(from + CONNS, capacity)
  const of = by === 'lip' ? 'LIP' : 'CIP'
  const record = new Int32Array(RECORD_CELLS)
  const conns: number[] = []
  for (let next = from; next < end; next++) {
    const conn = table.nextUsed(next, end)
    if (conn < 0) break
    next = conn
    const at = RECORD.at(conn)
    const own =
      by === 'lip'
        ? (cells[at | CELL.RS_PORTS] as number) & 0xffff
        : (cells[at | CELL.CLIENT_PORTS] as number) >>> 16
    if (own !== port || table.method(conn) !== METHOD.SNAT) continue
    copyRecord(table, conn, record, 0)
    if (isSameIp(pageAddress(record, CELL[of], PAGE_REST[of]), address)) conns.push(conn)
  }
  return { conns, next: end < capacity ? FIRST_CONN + end : -1 }
}
