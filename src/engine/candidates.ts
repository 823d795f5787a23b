/**
 * Which RSs of a service could take a connection now, and the next of them in a bounded number of steps, however many are
 * down, full, without lports or lighter than what is asked for. It holds nothing that the list of RSs does not say: it is
 * made anew at the first SYN behind a change of the list (16,384 RSs: under a millisecond), and follows changes of one RS.
 *
 * RSs that share a sub-pool of lports run out of them together, so each sub-pool has a tree of its own, and what has no
 * lports is left out whole.
 */

import { LoadTree } from './load-tree.ts'
import { SUB_POOLS, subPoolOf } from './sa-pool.ts'
import { gcd, WeightTree } from './weight-tree.ts'

/** So many RSs are looked at one by one, which is all there is to most services, before the trees are asked. */
const NEAR = 8

/** What is asked of an RS here. */
export interface Candidate {
  readonly index: number
  readonly rip: number
  readonly rport: number
  /** What tables of hashes know its address by (addressKey of hash-tables.ts). */
  readonly hashKey: number
  weight: number
  overloaded: boolean
  /** Takes connections only while no other RS of the service has a weight (keepalived's sorry_server). */
  backup: boolean
  /** Its place among the candidates of its sub-pool, which number them. */
  rank: number
}

/** What an RS of a weight costs by the connections that it has; the cheapest is chosen. */
export type Cost = (dest: Candidate) => number

/** The RSs of one sub-pool. */
interface Share {
  /** Places in the service's list, ascending. */
  places: Int32Array
  tree: WeightTree
  /** null if what they cost is asked by nobody. */
  loads: LoadTree | null
}

export class Candidates {
  readonly #dests: readonly Candidate[]
  /** By sub-pool; empty for a short list. */
  #shares: (Share | undefined)[] = []
  /** RSs with a weight that are no backups. While there is one, even a full one, backups take nothing. */
  #regular = 0
  #stale = true
  #cost: Cost | null = null
  /** How often the list, a weight, or who is a backup has changed: what is made of them is as old as this. */
  version = 0

  /** `dests` is the service's list, which others change. */
  constructor(dests: readonly Candidate[]) {
    this.#dests = dests
  }

  /** The list, or who is a backup, has changed. */
  renew(): void {
    this.#stale = true
    this.version++
  }

  /** least() goes by this from now on; null: it is not asked. */
  costs(cost: Cost | null): void {
    this.#cost = cost
    this.#stale = true
  }

  /** The weight of an RS has changed. */
  weighed(dest: Candidate, regularBefore: boolean): void {
    const before = this.#regular
    this.#regular += Number(isRegular(dest)) - Number(regularBefore)
    // Backups come in or go out.
    if ((before === 0) !== (this.#regular === 0)) this.#stale = true
    this.version++
    this.loaded(dest)
  }

  /** An RS has become full, or can take connections again; or it has more of them, or less, and somebody asks what it costs. */
  loaded(dest: Candidate): void {
    if (this.#stale) return
    const share = this.#shares[subPoolOf(dest.rip, dest.rport)]
    if (share === undefined) return
    share.tree.set(dest.rank, this.#open(dest))
    if (share.loads !== null) share.loads.set(dest.rank, this.#costOf(dest))
  }

  get hasCosts(): boolean {
    return this.#cost !== null
  }

  /** `without` is a mask of the sub-pools that have no lport left. */
  takes(dest: Candidate, without: number): boolean {
    if (this.#stale) this.#make()
    return this.#fits(dest, 1, without)
  }

  /** It is not full and has lports, so it can take a connection that is to be nobody else's, whatever its weight. */
  hasRoom({ overloaded, rip, rport }: Candidate, without: number): boolean {
    return !overloaded && ((without >> subPoolOf(rip, rport)) & 1) === 0
  }

  /** It would take connections if it were not full and had lports. */
  isMeant({ weight, backup }: Candidate): boolean {
    if (this.#stale) this.#make()
    return weight > 0 && (!backup || this.#regular === 0)
  }

  /** Place of the first RS from `from` on that can take a connection and weighs at least `least`, or -1. */
  next(from: number, least: number, without: number): number {
    if (this.#stale) this.#make()
    const dests = this.#dests
    const near = Math.min(from + NEAR, dests.length)
    for (let at = from; at < near; at++) if (this.#fits(dests[at], least, without)) return at
    return near < dests.length ? this.#far(near, Math.max(1, least), without) : -1
  }

  /** Places of those that are meant to, in the order of their keys, which is the same for all workers. */
  meant(): number[] {
    const dests = this.#dests
    const places: number[] = []
    for (let at = 0; at < dests.length; at++) if (this.isMeant(dests[at])) places.push(at)
    return places.sort(
      (a, b) => dests[a].hashKey - dests[b].hashKey || dests[a].rport - dests[b].rport,
    )
  }

  /** Place of the cheapest that can take a connection, the first of several; or -1. */
  least(without: number): number {
    if (this.#stale) this.#make()
    let found = -1
    let least = Number.POSITIVE_INFINITY
    if (this.#shares.length === 0) {
      for (let at = 0; at < this.#dests.length; at++) {
        const dest = this.#dests[at]
        const cost = this.#fits(dest, 1, without) ? this.#costOf(dest) : least
        if (cost >= least) continue
        found = at
        least = cost
      }
      return found
    }
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      const share = this.#shares[sub]
      if (share === undefined || share.loads === null || ((without >> sub) & 1) === 1) continue
      const cost = share.loads.least
      if (cost > least || cost === Number.POSITIVE_INFINITY) continue
      const at = share.places[share.loads.first()]
      if (cost === least && at > found) continue
      found = at
      least = cost
    }
    return found
  }

  #costOf(dest: Candidate): number {
    if (this.#cost === null || this.#open(dest) === 0) return Number.POSITIVE_INFINITY
    return this.#cost(dest)
  }

  /** The greatest weight of those that can take a connection; 0 if none can. */
  max(without: number): number {
    if (this.#stale) this.#make()
    let max = 0
    if (this.#shares.length === 0) {
      for (const dest of this.#dests) {
        if (dest.weight > max && this.#fits(dest, 1, without)) max = dest.weight
      }
    }
    for (let sub = 0; sub < this.#shares.length; sub++) {
      const share = this.#shares[sub]
      if (share !== undefined && ((without >> sub) & 1) === 0) max = Math.max(max, share.tree.max)
    }
    return max
  }

  /** The greatest common divisor of their weights. */
  divisor(without: number): number {
    if (this.#stale) this.#make()
    let divisor = 0
    if (this.#shares.length === 0) {
      for (const dest of this.#dests) {
        if (this.#fits(dest, 1, without)) divisor = gcd(dest.weight, divisor)
      }
    }
    for (let sub = 0; sub < this.#shares.length && divisor !== 1; sub++) {
      const share = this.#shares[sub]
      if (share !== undefined && ((without >> sub) & 1) === 0)
        divisor = gcd(share.tree.gcd, divisor)
    }
    return divisor
  }

  #far(from: number, least: number, without: number): number {
    let found = -1
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      const share = this.#shares[sub]
      if (share === undefined || ((without >> sub) & 1) === 1) continue
      if (share.tree.max < least) continue
      const { places } = share
      const rank = share.tree.next(rankFrom(places, from), least)
      if (rank >= 0 && (found < 0 || places[rank] < found)) found = places[rank]
    }
    return found
  }

  #fits(dest: Candidate, least: number, without: number): boolean {
    const weight = this.#open(dest)
    if (weight === 0 || weight < least) return false
    return without === 0 || ((without >> subPoolOf(dest.rip, dest.rport)) & 1) === 0
  }

  /** Its weight, or 0 if it takes no connection whatever lports there are. */
  #open({ weight, overloaded, backup }: Candidate): number {
    return overloaded || (backup && this.#regular > 0) ? 0 : weight
  }

  #make(): void {
    this.#stale = false
    this.#regular = 0
    for (const dest of this.#dests) if (isRegular(dest)) this.#regular++
    this.#shares = []
    if (this.#dests.length <= NEAR) return
    const places: number[][] = Array.from({ length: SUB_POOLS }, () => [])
    for (let at = 0; at < this.#dests.length; at++) {
      const dest = this.#dests[at]
      dest.rank = places[subPoolOf(dest.rip, dest.rport)].push(at) - 1
    }
    this.#shares = places.map(own => {
      if (own.length === 0) return undefined
      const tree = new WeightTree(own.map(at => this.#open(this.#dests[at])))
      const loads = this.#cost && new LoadTree(own.map(at => this.#costOf(this.#dests[at])))
      return { places: Int32Array.from(own), tree, loads }
    })
  }
}

/** It is meant to take connections, and is no backup. */
export function isRegular({ weight, backup }: Candidate): boolean {
  return weight > 0 && !backup
}

/** How many of `places`, which ascend, lie before `from`. */
function rankFrom(places: Int32Array, from: number): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (places[middle] < from) low = middle + 1
    else high = middle
  }
  return low
}
