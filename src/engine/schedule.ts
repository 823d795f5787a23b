/** Schedulers: which RS takes a new connection. To add one: a row in SCHEDULERS, with a function, a cost or a table. */

import type { Asker, Hashing } from './asker.ts'
import { type HashTable, Maglev, Ring, Runs } from './hash-tables.ts'
import type { Dest, Pick, Service } from './service.ts'

/** Round robin: the first RS behind the cursor that can. */
function rr(service: Service, without: number): Dest | undefined {
  const { candidates } = service
  let at = candidates.next(service.cursor + 1, 1, without)
  if (at < 0) at = candidates.next(0, 1, without)
  if (at < 0) return undefined
  service.cursor = at
  return service.dests[at]
}

/**
 * Weighted round robin as LVS has done it since 1998: whenever the cursor passes the head of the list the current
 * weight drops by the weights' gcd (and wraps to their maximum), and only an RS of at least that weight is picked.
 * Over a cycle each RS gets connections in proportion to its weight, spread and not in runs.
 */
function wrr(service: Service, without: number): Dest | undefined {
  const { candidates, cursor } = service
  let at = cursor < 0 ? -1 : candidates.next(cursor + 1, service.currentWeight, without)
  if (at < 0) {
    if (!startRound(service, without)) return undefined
    at = candidates.next(0, service.currentWeight, without)
  }
  service.cursor = at
  return service.dests[at]
}

function startRound(service: Service, without: number): boolean {
  const max = service.candidates.max(without)
  if (max === 0) return false
  service.currentWeight -= service.candidates.divisor(without)
  // Weights may have become less since the last round.
  if (service.currentWeight <= 0 || service.currentWeight > max) service.currentWeight = max
  return true
}

/** Failover: the heaviest that can. */
function fo({ candidates, dests }: Service, without: number): Dest | undefined {
  const max = candidates.max(without)
  return max === 0 ? undefined : dests[candidates.next(0, max, without)]
}

/** The cheapest by what the scheduler's row says of costs. */
function least({ candidates, dests }: Service, without: number): Dest | undefined {
  const at = candidates.least(without)
  return at < 0 ? undefined : dests[at]
}

/** How often another place of the table is looked at before any RS will do. */
const TURNS = 64

/** The RS that the client's hash leads to; if that cannot, none, or with `fallback` the next in an order of the client's own. */
function hashed(service: Service, without: number, asker: Asker): Dest | undefined {
  const key = service.hashing.port ? asker.client + asker.port : asker.client
  return placed(service, without, key | 0)
}

function hashedById(service: Service, without: number, asker: Asker): Dest | undefined {
  return placed(service, without, asker.id)
}

/** All clients of a VIP are at one RS. */
function hashedByVip(service: Service, without: number): Dest | undefined {
  return placed(service, without, service.vipKey)
}

function placed(service: Service, without: number, key: number): Dest | undefined {
  const { candidates, dests } = service
  const table = service.table as HashTable
  if (service.tableVersion !== candidates.version) {
    table.make(dests, candidates.meant())
    service.tableVersion = candidates.version
  }
  const at = table.place(key, 0)
  if (at < 0) return undefined
  if (candidates.takes(dests[at], without)) return dests[at]
  if (!service.hashing.fallback) return undefined
  for (let turn = 1; turn <= TURNS; turn++) {
    const dest = dests[table.place(key, turn)]
    if (candidates.takes(dest, without)) return dest
  }
  let next = candidates.next(at + 1, 1, without)
  if (next < 0) next = candidates.next(0, 1, without)
  return next < 0 ? undefined : dests[next]
}

/** An active connection is as much as so many others (LVS). */
const ACTIVE = 256
/** Others only tell apart those that are equal otherwise: there are fewer than this. */
const TIE = 2 ** -25

/** What an RS costs, of its connections and its weight. `jobs`: the active ones, or all of UDP, of which none is active. */
export type CostOf = (active: number, inactive: number, jobs: number, weight: number) => number

const COSTS = {
  lc: (active, inactive) => active * ACTIVE + inactive,
  wlc: (active, inactive, _, weight) => (active * ACTIVE + inactive) / weight,
  sed: (_, inactive, jobs, weight) => (jobs + 1 + inactive * TIE) / weight,
  // Whoever is idle costs less than all who are not.
  nq: (_, inactive, jobs, weight) =>
    jobs === 0 ? inactive * TIE - 1 : (jobs + 1 + inactive * TIE) / weight,
} satisfies Record<string, CostOf>

interface Scheduler {
  pick: Pick
  /** What it does, in a few words behind its name. */
  says: string
  cost?: CostOf
  table?: () => HashTable
  /** Keys of Hashing that mean something to it. */
  hashing?: readonly (keyof Hashing)[]
}

/** By name. Everything that speaks of schedulers, from the config's schema to the help, goes by these rows. */
export const SCHEDULERS = {
  rr: { pick: rr, says: 'one real server after the other' },
  wrr: { pick: wrr, says: 'each as often as its weight says' },
  lc: { pick: least, says: 'the one with the fewest connections', cost: COSTS.lc },
  wlc: { pick: least, says: 'the one with the fewest for its weight', cost: COSTS.wlc },
  sed: { pick: least, says: 'the shortest delay by active ones and weight', cost: COSTS.sed },
  nq: { pick: least, says: 'an idle one, else as sed', cost: COSTS.nq },
  sh: {
    pick: hashed,
    says: "by the client's address",
    table: () => new Runs(true),
    hashing: ['fallback', 'port'],
  },
  dh: {
    pick: hashedByVip,
    says: "by the service's address",
    table: () => new Runs(false),
    hashing: ['fallback'],
  },
  mh: {
    pick: hashed,
    says: "Maglev, by the client's address",
    table: () => new Maglev(),
    hashing: ['fallback', 'port'],
  },
  conhash: {
    pick: hashedById,
    says: "a ring, by the client's address",
    table: () => new Ring(),
    hashing: ['fallback', 'byId'],
  },
  fo: { pick: fo, says: 'the heaviest one that can' },
} as const satisfies Record<string, Scheduler>
export type SchedulerName = keyof typeof SCHEDULERS

export function schedulerOf(name: SchedulerName): Scheduler {
  return SCHEDULERS[name]
}
