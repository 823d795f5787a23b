/**
 * How many connections a service, and each client address of it, may open in a second: token buckets. A bucket that is full lets a
 * burst through at once, and fills again at its rate. Asked once for what would open a connection, before it has cost anything.
 *
 * The buckets of clients lie in a table of fixed size, four places for each hash; where all are taken the one goes that was used
 * longest ago, which has had most time to fill: its client is taken for a new one. Workers share nothing: control gives each its part of
 * a rate, and as the ports of a client spread its connections over all of them, the parts come to the whole.
 */

import { Drop } from './counters.ts'

/** Cells of a Bucket, doubles: what it gets in a ms, what it holds at most, what it holds, and the ms of that. */
const PER_MS = 0
const BURST = 1
const TOKENS = 2
const STAMP = 3
export type Bucket = Float64Array
/** What else is counted of a service: its cells are syn-gate.ts's. */
export type SynGate = Float64Array

/** What is asked of a service here. */
export interface Limiting {
  readonly protocol: number
  readonly family: number
  readonly vipKey: number
  readonly vport: number
  readonly rate: Bucket | null
  readonly clientRate: Bucket | null
}

/** Entries of the table, and of them those of one hash. */
const BITS = 14
const ENTRIES = 1 << BITS
const WAYS = 4
/** Cells of an entry: client, and of the service VIP, protocol and port in one (0 for an entry that is free); ms of its tokens. */
const CLIENT = 0
const VIP = 1
const PORT = 2
const MS = 3
/** The ms behind which an entry is forgotten. */
const OLD = 2 ** 29

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SERVICE_RATE, CLIENT_RATE } = Drop

export interface RatesImage {
  cells: Int32Array
  tokens: Float64Array
  swept: number
}

/** A full bucket. */
export function newBucket(perSecond: number, burst: number, now: number): Bucket {
  return Float64Array.of(perSecond / 1000, burst, burst, now)
}

export class Rates {
  readonly #seed: number
  /** Empty until a service limits its clients. */
  #cells = new Int32Array(0)
  #tokens = new Float64Array(0)
  #swept = 0

  /** `seed` keys the places against chosen addresses. */
  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /** Some service limits its clients from now on. */
  open(): void {
    if (this.#tokens.length > 0) return
    this.#cells = new Int32Array(ENTRIES * 4)
    this.#tokens = new Float64Array(ENTRIES)
  }

  /** The client would open a connection. => 0, and it is counted; or the drop reason, and nothing is */
  refusal(service: Limiting, client: number, now: number): number {
    const { rate, clientRate } = service
    let entry = -1
    if (clientRate !== null) {
      entry = this.#entry(service, clientRate, client, now)
      if (this.#tokens[entry] < 1) return CLIENT_RATE
    }
    if (rate !== null) {
      rate[TOKENS] = filled(rate, rate[TOKENS], (now - rate[STAMP]) | 0)
      rate[STAMP] = now
      if (rate[TOKENS] < 1) return SERVICE_RATE
      rate[TOKENS]--
    }
    if (entry >= 0) this.#tokens[entry]--
    return 0
  }

  /** => the client's entry, as full as it is now; a new one if it has none */
  #entry(service: Limiting, bucket: Bucket, client: number, now: number): number {
    const { vipKey: vip } = service
    const port = (service.family << 24) | (service.protocol << 16) | service.vport
    const cells = this.#cells
    const first = this.#hash(client, vip, port) * WAYS
    let entry = first
    let oldest = -1
    for (let i = first; i < first + WAYS; i++) {
      const at = i << 2
      if (cells[at | CLIENT] === client && cells[at | VIP] === vip && cells[at | PORT] === port) {
        this.#tokens[i] = filled(bucket, this.#tokens[i], (now - cells[at | MS]) | 0)
        cells[at | MS] = now
        return i
      }
      const isFree = cells[at | PORT] === 0
      // What is behind the turn of the clock is the oldest of all.
      const age = isFree ? 2 ** 32 : (now - cells[at | MS]) >>> 0
      if (age <= oldest) continue
      oldest = age
      entry = i
    }
    const at = entry << 2
    cells[at | CLIENT] = client
    cells[at | VIP] = vip
    cells[at | PORT] = port
    cells[at | MS] = now
    this.#tokens[entry] = bucket[BURST]
    return entry
  }

  #hash(client: number, vip: number, port: number): number {
    let h = Math.imul(client ^ this.#seed, 0xcc9e2d51)
    h = Math.imul((h ^ (h >>> 15)) + vip, 0x1b873593)
    h = Math.imul((h ^ (h >>> 13)) + port, 0x85ebca6b)
    return (h ^ (h >>> 16)) >>> (32 - BITS + 2)
  }

  /** Forgets what is old, an entry at a time: a stamp means nothing behind half a turn of the clock. */
  sweep(now: number): void {
    if (this.#tokens.length === 0) return
    this.#swept = (this.#swept + 1) & (ENTRIES - 1)
    const at = this.#swept << 2
    if ((now - this.#cells[at | MS]) >>> 0 > OLD) this.#cells[at | PORT] = 0
  }

  save(): RatesImage {
    return { cells: this.#cells.slice(), tokens: this.#tokens.slice(), swept: this.#swept }
  }

  restore({ cells, tokens, swept }: RatesImage): void {
    this.#cells = cells.slice()
    this.#tokens = tokens.slice()
    this.#swept = swept
  }
}

/** A bucket that had so many tokens, `ms` later; a negative time is more than half a turn of the clock. */
function filled(bucket: Bucket, tokens: number, ms: number): number {
  return ms < 0 ? bucket[BURST] : Math.min(bucket[BURST], tokens + ms * bucket[PER_MS])
}
