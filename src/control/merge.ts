/** Listings of several workers as one: what counts is added up, what is a worker's own stands side by side. */

import type {
  AddressInfo,
  ArmInfo,
  CountersInfo,
  HandshakeInfo,
  NeighbourInfo,
  ServiceInfo,
  Verbs,
} from './commands.ts'

type Added = 'services' | 'addresses' | 'neighbours' | 'counters'
export type Listing = Verbs[Added]['answer']

/** Adds up the answers of the workers, all of the same config and so of the same shape. */
export function addUp(verb: Added, listings: readonly Listing[]): Listing {
  switch (verb) {
    case 'services':
      return (listings as ServiceInfo[][]).reduce(both(addService))
    case 'addresses':
      return (listings as AddressInfo[][]).reduce(both(addAddress))
    case 'neighbours':
      return (listings as NeighbourInfo[][]).flat()
    case 'counters':
      return (listings as CountersInfo[]).reduce(addCounters)
  }
}

/** Where a page of connections begins: the worker by index and the record of its table, in one safe integer. */
export const pageOf = {
  write: (worker: number, record: number): number => worker * 2 ** 32 + record,
  read: (from: number) => ({ worker: Math.trunc(from / 2 ** 32), record: from % 2 ** 32 }),
}

function both<T>(add: (a: T, b: T) => T): (a: T[], b: T[]) => T[] {
  return (a, b) => a.map((item, i) => add(item, b[i] as T))
}

/** Sums of two records of numbers with the same keys. */
function sum<T extends object>(a: T, b: T): T {
  const entries = Object.entries(a).map(([key, value]) => [
    key,
    value + (b as Record<string, number>)[key],
  ])
  return Object.fromEntries(entries) as T
}

function addService(a: ServiceInfo, b: ServiceInfo): ServiceInfo {
  const realServers = a.realServers.map((rs, i) => {
    const other = b.realServers[i] as typeof rs
    return {
      ...rs,
      activeConns: rs.activeConns + other.activeConns,
      inactiveConns: rs.inactiveConns + other.inactiveConns,
      stats: sum(rs.stats, other.stats),
    }
  })
  return { ...a, realServers }
}

function addAddress(a: AddressInfo, b: AddressInfo): AddressInfo {
  return a.lports && b.lports ? { ...a, lports: sum(a.lports, b.lports) } : a
}

function addArm(a: ArmInfo, b: ArmInfo): ArmInfo {
  const { name, mac, mtu, up, ...numbers } = a
  const { name: _, mac: __, mtu: ___, up: otherUp, ...others } = b
  return { name, mac, mtu, up: up && otherUp, ...sum(numbers, others) }
}

function addHandshakes(a: HandshakeInfo, b: HandshakeInfo): HandshakeInfo {
  return {
    buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)),
    sumMs: a.sumMs + b.sumMs,
  }
}

function addCounters(a: CountersInfo, b: CountersInfo): CountersInfo {
  return {
    arms: both(addArm)(a.arms, b.arms),
    drops: sum(a.drops, b.drops),
    events: sum(a.events, b.events),
    conns: sum(a.conns, b.conns),
    states: sum(a.states, b.states),
    neighbours: sum(a.neighbours, b.neighbours),
    handshakes: {
      rs: addHandshakes(a.handshakes.rs, b.handshakes.rs),
      client: addHandshakes(a.handshakes.client, b.handshakes.client),
    },
    frames: sum(a.frames, b.frames),
  }
}
