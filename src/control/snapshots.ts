/** What listings show of a worker's own tables, copied out of the engine between two bursts. Bounded: a page of conns is at most a few hundred. */

import { CELL } from '../engine/conn.ts'
import type { Engine } from '../engine/engine.ts'
import { Neigh } from '../engine/neigh-state.ts'
import { endpointText, ipv4Text, macText } from '../wire/address.ts'
import type { BareConfig } from './apply.ts'
import type { ConnInfo, ConnPage, NeighbourInfo } from './commands.ts'

/** Records looked at for one page, in use or not: what a listing may cost the packets at a time. */
const RECORDS_PER_PAGE = 4096

const NEIGH_STATES = Object.keys(Neigh)

/** A page of the table from record `from` on. */
export function connPage(engine: Engine, from: number, limit: number, worker: number): ConnPage {
  const { table } = engine.conns
  const conns: ConnInfo[] = []
  const end = Math.min(from + RECORDS_PER_PAGE, table.capacity)
  let next = from
  while (conns.length < limit) {
    const conn = table.nextUsed(next, end)
    if (conn < 0) return { conns, next: end < table.capacity ? end : -1 }
    conns.push(connInfo(engine, conn, worker))
    next = conn + 1
  }
  return { conns, next: next < table.capacity ? next : -1 }
}

function connInfo(engine: Engine, conn: number, worker: number): ConnInfo {
  const { conns } = engine
  const cell = (offset: number) => conns.table.cells[(conn << 4) + offset] ?? 0
  const state = conns.table.state(conn)
  const inPorts = cell(CELL.PORTS)
  const outPorts = cell(4 + CELL.PORTS)
  return {
    worker,
    protocol: 'tcp',
    timeoutSec: conns.timeoutMs(conn, state) / 1000,
    state,
    client: endpointText(cell(0), inPorts >>> 16),
    vip: endpointText(cell(1), inPorts & 0xffff),
    lip: endpointText(cell(5), outPorts & 0xffff),
    rs: endpointText(cell(4), outPorts >>> 16),
  }
}

export function neighbours(engine: Engine, config: BareConfig, worker: number): NeighbourInfo[] {
  const { neighs } = engine
  const list: NeighbourInfo[] = []
  for (let n = 0; n < neighs.capacity; n++) {
    const arm = neighs.arm[n] ?? -1
    if (arm < 0) continue
    const state = neighs.state[n] ?? 0
    const resolved = state >= Neigh.REACHABLE
    list.push({
      address: ipv4Text(neighs.address[n] ?? 0),
      mac: resolved ? macText(neighs.macHi[n] ?? 0, neighs.macLo[n] ?? 0) : null,
      state: NEIGH_STATES[state] ?? '',
      arm: config.arms[arm]?.name ?? '',
      worker,
      static: neighs.fixed[n] === 1,
    })
  }
  return list
}
