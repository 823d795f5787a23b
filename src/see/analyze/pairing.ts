/**
 * Pairs the flows of the two sides. Candidates are found by what they share (a TOA, a sequence number, a payload, at last the
 * time), judged by evidence.ts, and given to each other best first, each flow once. What is sure tells how the clocks differ, and
 * that helps with the rest.
 */

import {
  contents,
  type Evidence,
  evidence,
  type Rarity,
  type RoughClock,
  sameRows,
} from './evidence.ts'
import type { Flow } from './flows.ts'
import { lowerBound } from './sorted.ts'

export type Sureness = 'certain' | 'likely' | 'guess'

export interface Pair extends Evidence {
  outer: Flow
  inner: Flow
  sureness: Sureness
}

/** Pairs with less are none. */
const LEAST_BITS = 6
/** Bits from which on a pair is made before the clocks are known. */
const SURE_BITS = 24
/** A key that more flows have says too little to look all of them up. */
const HOLDERS = 48
/** Flows that are tried against one another by time alone. */
const BY_TIME = 64
const MS = 1e6

/** `oneClock`: both lists are of one capture, or of captures of one clock. */
export function pairFlows(
  outers: readonly Flow[],
  inners: readonly Flow[],
  oneClock: boolean,
): Pair[] {
  return new Pairing(outers, inners, oneClock).run()
}

type Key = string | number

/** What flows are looked up by. */
interface Keys {
  /** Of how a flow begins. */
  first: (flow: Flow, isOuter: boolean) => Key[]
  /** Of all of it, where the first ones of the other side may be anywhere; left out, how it begins is all there is. */
  all?: (flow: Flow) => Iterable<number>
}

/** Segments of each direction whose keys are those of a beginning. */
const FIRST = 16

/** From what no two connections share to what many do. */
const STAGES: readonly Keys[] = [
  {
    first: (flow, isOuter) => {
      const named = isOuter ? flow.client : flow.toa()
      const isns = flow.isn.flatMap((isn, who) => (isn === undefined ? [] : [`i${who} ${isn}`]))
      return named === '' ? isns : [`t ${named}`, ...isns]
    },
  },
  { first: flow => [...dataKeys(flow, FIRST)], all: flow => dataKeys(flow) },
  { first: flow => flow.rows.flatMap(rows => contents(flow, rows)), all: hashes },
]

/** Sequence numbers with what was sent under them; 21 bits of the hash make a whole number of both. */
function* dataKeys({ packets, rows }: Flow, many?: number): Generator<number> {
  for (const list of rows)
    for (const i of many === undefined ? list : list.slice(0, many))
      if (packets.payload[i] > 0)
        yield (packets.seq[i] >>> 0) * 2 ** 21 + (packets.hash[i] & 0x1fffff)
}

/** Each payload of a flow once. */
function hashes({ packets, rows }: Flow): Iterable<number> {
  return new Set(rows.flatMap(list => list.map(i => packets.hash[i]).filter(hash => hash !== 0)))
}

class Pairing {
  readonly #outers: Set<Flow>
  readonly #inners: Set<Flow>
  readonly #all: number
  readonly #oneClock: boolean
  readonly #spanNs: number
  readonly #pairs: Pair[] = []
  #rarity: Rarity = () => 8
  #clock: RoughClock | undefined

  constructor(outers: readonly Flow[], inners: readonly Flow[], oneClock: boolean) {
    this.#outers = new Set(outers)
    this.#inners = new Set(inners)
    this.#all = Math.max(outers.length, inners.length, 1)
    this.#oneClock = oneClock
    const packets = inners[0]?.packets
    this.#spanNs = Math.max(MS, packets?.lastNs ?? MS)
    if (oneClock) this.#clock = { offsetNs: 0, slackNs: MS }
  }

  run(): Pair[] {
    for (const [stage, keys] of STAGES.entries()) {
      if (this.#outers.size === 0 || this.#inners.size === 0) break
      if (stage > 0) this.#rarity = rarityOf(this.#inners)
      this.#assign(this.#candidates(keys), SURE_BITS)
      this.#setClock()
    }
    if (this.#outers.size > 0 && this.#inners.size > 0) {
      this.#clock ??= votedClock([...this.#outers], [...this.#inners])
      // Weak keys again, now that the time counts, and then the time alone.
      for (const keys of STAGES.slice(1)) this.#assign(this.#candidates(keys), SURE_BITS / 2)
      this.#assign(this.#byTime(), LEAST_BITS)
    }
    return this.#pairs
  }

  /** The first segments of the side that begins later are somewhere in the other, so each one's are looked for there. */
  #candidates({ first, all }: Keys): Map<Flow, Set<Flow>> {
    const candidates = new Map<Flow, Set<Flow>>()
    const add = (outer: Flow, inner: Flow) => {
      const found = candidates.get(outer)
      if (found) found.add(inner)
      else candidates.set(outer, new Set([inner]))
    }
    const byInner = holdersOf(this.#inners, inner => first(inner, false))
    for (const outer of this.#outers)
      for (const inner of byInner(all?.(outer) ?? first(outer, true))) add(outer, inner)
    if (all === undefined) return candidates
    const byOuter = holdersOf(this.#outers, outer => first(outer, true))
    for (const inner of this.#inners) for (const outer of byOuter(all(inner))) add(outer, inner)
    return candidates
  }

  /** Flows that begin at about the same time. */
  #byTime(): Map<Flow, Set<Flow>> {
    const candidates = new Map<Flow, Set<Flow>>()
    if (!this.#clock) return candidates
    const inners = [...this.#inners].toSorted((a, b) => a.firstNs - b.firstNs)
    const starts = inners.map(({ firstNs }) => firstNs)
    const reach = this.#clock.slackNs + 100 * MS
    for (const outer of this.#outers) {
      const expected = outer.firstNs + this.#clock.offsetNs
      const found = new Set<Flow>()
      for (
        let i = lowerBound(starts, expected - reach);
        i < inners.length && found.size < BY_TIME;
        i++
      ) {
        const inner = inners[i]
        if (inner.firstNs > expected + reach) break
        found.add(inner)
      }
      if (found.size > 0) candidates.set(outer, found)
    }
    return candidates
  }

  /** Best first; a flow goes to one. A pair that has a rival as good is a guess. */
  #assign(candidates: Map<Flow, Set<Flow>>, leastBits: number): void {
    const judged: Pair[] = []
    const best = new Map<Flow, number[]>()
    for (const [outer, inners] of candidates) {
      for (const inner of inners) {
        if (outer === inner) continue
        const found = evidence(outer, inner, this.#rarity, this.#clock, this.#spanNs)
        if (found.bits < leastBits || !this.#canBe(outer, inner, found)) continue
        judged.push({ ...found, outer, inner, sureness: 'guess' })
        for (const flow of [outer, inner])
          best.set(flow, [...(best.get(flow) ?? []), found.bits].sort((a, b) => b - a).slice(0, 2))
      }
    }
    judged.sort((a, b) => b.bits - a.bits)
    for (const pair of judged) {
      const { outer, inner, bits } = pair
      if (!this.#outers.has(outer) || !this.#inners.has(inner)) continue
      const rival = Math.max(...[outer, inner].map(flow => best.get(flow)?.[1] ?? 0))
      // Too close to call now; with the clock known it may be told apart.
      if (bits - rival < 4 && leastBits > LEAST_BITS) continue
      pair.sureness = bits - rival < 4 ? 'guess' : this.#sureness(bits)
      pair.turns?.turn()
      this.#pairs.push(pair)
      for (const flow of [outer, inner]) {
        this.#outers.delete(flow)
        this.#inners.delete(flow)
      }
    }
  }

  #sureness(bits: number): Sureness {
    const left = bits - Math.log2(this.#all)
    return left >= 20 ? 'certain' : left >= 8 ? 'likely' : 'guess'
  }

  /** In one capture a flow is on one side: what a client says is on the outer one first, and what an RS says on the inner one. */
  #canBe(outer: Flow, inner: Flow, { overlap: { same }, turns }: Evidence): boolean {
    if (!this.#oneClock || inner.toa() === outer.client) return true
    const isFirst = outer.firstNs <= inner.firstNs
    if (same[0] === undefined && same[1] === undefined) return isFirst
    const { at } = outer.packets
    const [[a, b], [c, d]] = same.map(rows => rows ?? [0, 0])
    if (at[a] > at[b] || at[d] > at[c]) return false
    // Where one of two equally good guesses is wrong, the mirrored picture is as good.
    return turns === null || outer.confidence !== inner.confidence || isFirst
  }

  #setClock(): void {
    if (this.#oneClock || this.#pairs.length === 0) return
    const offsets = this.#pairs.flatMap(({ outer, inner, overlap }) => {
      const rows = sameRows(outer, inner, overlap)
      return rows ? [inner.packets.at[rows[1]] - outer.packets.at[rows[0]]] : []
    })
    if (offsets.length === 0) return
    offsets.sort((a, b) => a - b)
    const at = (part: number) => offsets[Math.floor((offsets.length - 1) * part)]
    this.#clock = { offsetNs: at(0.5), slackNs: Math.max(5 * MS, at(0.9) - at(0.1)) }
  }
}

/** => of keys, the flows that have one of them */
function holdersOf(
  flows: ReadonlySet<Flow>,
  keysOf: (flow: Flow) => Key[],
): (keys: Iterable<Key>) => Iterable<Flow> {
  const holders = new Map<Key, Flow[]>()
  for (const flow of flows) {
    for (const key of new Set(keysOf(flow))) {
      const list = holders.get(key)
      if (list === undefined) holders.set(key, [flow])
      else if (list.length <= HOLDERS) list.push(flow)
    }
  }
  return function* (keys) {
    for (const key of keys) {
      const list = holders.get(key) ?? []
      if (list.length <= HOLDERS) yield* list
    }
  }
}

/** What a payload says that only one flow has, be there ever so few flows. */
const UNIQUE_BITS = 8

/** -log2 of how many of the flows have the payload. */
function rarityOf(flows: ReadonlySet<Flow>): Rarity {
  const counts = new Map<number, number>()
  for (const flow of flows) {
    const hashes = new Set(flow.rows.flatMap(rows => contents(flow, rows)))
    for (const hash of hashes) counts.set(hash, (counts.get(hash) ?? 0) + 1)
  }
  return hash => {
    const count = counts.get(hash) ?? 1
    const bits = Math.log2((flows.size + 1) / count)
    return count === 1 ? Math.max(UNIQUE_BITS, bits) : bits
  }
}

/** The difference of starts that most flows of the same shape agree on. */
function votedClock(outers: readonly Flow[], inners: readonly Flow[]): RoughClock | undefined {
  const bin = 10 * MS
  const votes = new Map<number, number>()
  const some = inners.slice(0, 300)
  for (const outer of outers.slice(0, 300)) {
    for (const inner of some) {
      if (shapeOf(outer) !== shapeOf(inner)) continue
      const at = Math.round((inner.firstNs - outer.firstNs) / bin)
      for (const near of [at - 1, at, at + 1])
        votes.set(near, (votes.get(near) ?? 0) + (near === at ? 2 : 1))
    }
  }
  let best: [number, number] | undefined
  for (const entry of votes) if (best === undefined || entry[1] > best[1]) best = entry
  return best && { offsetNs: best[0] * bin, slackNs: 2 * bin }
}

/** Flags and lengths of the first segments each way. */
function shapeOf({ packets, rows }: Flow): string {
  const shape = rows.map(list =>
    list.slice(0, 3).map(i => `${packets.flags[i]}+${packets.payload[i]}`),
  )
  return shape.join(' ')
}
