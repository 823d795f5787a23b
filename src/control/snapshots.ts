/** What listings show, copied out of the engine between two bursts. Bounded: a page of conns is at most a few hundred. */

import { CELL } from '../engine/conn.ts'
import {
  ArmCell,
  type Counters,
  Drop,
  Event,
  HANDSHAKE_BOUNDS,
  HANDSHAKE_CELLS,
  Handshake,
} from '../engine/counters.ts'
import type { Engine } from '../engine/engine.ts'
import { Neigh } from '../engine/neigh-state.ts'
import { type Dest, Stat } from '../engine/service.ts'
import { State } from '../engine/tcp-state.ts'
import { endpointText, ipv4Text, macText } from '../wire/address.ts'
import type {
  AddressInfo,
  ArmInfo,
  ConnInfo,
  ConnPage,
  CountersInfo,
  HandshakeInfo,
  NeighbourInfo,
  RealServerInfo,
  ServiceInfo,
} from './commands.ts'
import type { Config } from './config.ts'

/** Records looked at for one page, in use or not: what a listing may cost the packets at a time. */
const RECORDS_PER_PAGE = 4096

/** What a listing wants to know of a TapArm. */
export interface TapState {
  readonly fd: number
  readonly reads: boolean
  readonly ready: number
}

const NEIGH_STATES = Object.keys(Neigh)

/** Sorted by address and port, and so are the real servers of each, as ipvsadm lists them. */
export function services(engine: Engine, config: Config): ServiceInfo[] {
  const list = engine.services.map((service, i) => ({
    vip: service.vip,
    info: {
      protocol: 'tcp' as const,
      address: ipv4Text(service.vip),
      port: service.vport,
      scheduler: config.services[i]?.scheduler ?? '',
      connTimeout: config.services[i]?.connTimeout ?? 0,
      realServers: service.dests
        .toSorted((a, b) => byAddress(a.rip, b.rip) || a.rport - b.rport)
        .map(dest => realServer(engine, dest)),
    },
  }))
  list.sort((a, b) => byAddress(a.vip, b.vip) || a.info.port - b.info.port)
  return list.map(({ info }) => info)
}

/** The engine's addresses are int32, so half of them are negative. */
function byAddress(a: number, b: number): number {
  return (a >>> 0) - (b >>> 0)
}

function realServer(engine: Engine, dest: Dest): RealServerInfo {
  const { dests } = engine
  const stat = (cell: number) => dests.stat(dest.index, cell)
  return {
    address: ipv4Text(dest.rip),
    port: dest.rport,
    weight: dest.weight,
    activeConns: dests.active(dest.index),
    inactiveConns: dests.inactive(dest.index),
    stats: {
      conns: stat(Stat.CONNS),
      inPackets: stat(Stat.IN_PACKETS),
      outPackets: stat(Stat.OUT_PACKETS),
      inBytes: stat(Stat.IN_BYTES),
      outBytes: stat(Stat.OUT_BYTES),
    },
    // Control knows them.
    rates: { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 },
  }
}

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

export function addresses(engine: Engine, config: Config): AddressInfo[] {
  return engine.arms.flatMap((arm, i) =>
    arm.addresses.map(({ address, prefixLength }) => {
      const info = {
        address: ipv4Text(address),
        prefixLength,
        arm: config.arms[i]?.name ?? '',
      }
      const pool = engine.lips.find(({ lip }) => lip === address)
      if (!pool) return info
      return { ...info, lports: { used: pool.used, free: pool.free, misses: pool.misses } }
    }),
  )
}

export function neighbours(engine: Engine, config: Config, worker: number): NeighbourInfo[] {
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
    })
  }
  return list
}

/** `taps` are in the order of the arms. Slots that wait to be read into count as free. */
export function counters(engine: Engine, config: Config, taps: readonly TapState[]): CountersInfo {
  const { counters: numbers, frames, conns } = engine
  const named = (names: Record<string, number>) =>
    Object.fromEntries(
      Object.entries(names).map(([name, i]) => [name.toLowerCase(), numbers.events[i] ?? 0]),
    )
  const arm = (i: number): ArmInfo => ({
    name: config.arms[i]?.name ?? '',
    mac: config.arms[i]?.mac ?? '',
    mtu: config.arms[i]?.mtu ?? 0,
    up: (taps[i]?.fd ?? -1) >= 0,
    queues: taps[i]?.reads ? 1 : 0,
    rxPackets: numbers.armCell(i, ArmCell.RX_PACKETS),
    rxBytes: numbers.armCell(i, ArmCell.RX_BYTES),
    txPackets: numbers.armCell(i, ArmCell.TX_PACKETS),
    txBytes: numbers.armCell(i, ArmCell.TX_BYTES),
    rxDrops: numbers.armCell(i, ArmCell.RX_DROPS),
    txDrops: numbers.armCell(i, ArmCell.TX_DROPS),
  })
  return {
    arms: engine.arms.map((_, i) => arm(i)),
    drops: named(Drop),
    events: { ...named(Event), trace_lost: engine.trace.lost },
    conns: { used: conns.table.used, capacity: conns.table.capacity },
    ...gauges(numbers),
    frames: {
      free: taps.reduce((sum, { ready }) => sum + ready, frames.free),
      slots: frames.slots,
    },
  }
}

/** What is counted by state, and how long handshakes took: from memory that any thread may read. */
export function gauges(
  counters: Counters,
): Pick<CountersInfo, 'states' | 'neighbours' | 'handshakes'> {
  const byState = (states: Record<string, number>, counts: Float64Array) =>
    Object.fromEntries(
      Object.entries(states).map(([name, i]) => [name.toLowerCase(), counts[i] ?? 0]),
    )
  return {
    states: byState(State, counters.states),
    neighbours: byState(Neigh, counters.neighbours),
    handshakes: {
      rs: handshake(counters, Handshake.RS),
      client: handshake(counters, Handshake.CLIENT),
    },
  }
}

function handshake({ handshakes }: Counters, which: number): HandshakeInfo {
  const at = which * HANDSHAKE_CELLS
  return {
    buckets: [...handshakes.subarray(at, at + HANDSHAKE_BOUNDS.length + 1)],
    sumMs: handshakes[at + HANDSHAKE_CELLS - 1] ?? 0,
  }
}
