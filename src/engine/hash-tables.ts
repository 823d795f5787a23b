/**
 * Tables that lead from a hash of the client to an RS: runs of slots (sh, dh), Maglev's (mh), and a ring (conhash). Each is made
 * of the RSs that are meant to take connections, in the order of their keys: all workers come to the same, whenever they
 * learnt of whom. Nobody's key is in it, so that a restart, and another balancer beside this one, come to the same too.
 */

import { type AddressBook, NO_WORD } from './address-book.ts'
import type { Candidate } from './candidates.ts'
import { Family } from './family.ts'
import { SipHash } from './siphash.ts'
import { gcd } from './weight-tree.ts'

export interface HashTable {
  /** Of an RS for each place in the list that it is given; -1 in the places of those that are to get nothing. */
  make(dests: readonly Candidate[], meant: readonly number[]): void
  /** Place in that list of the RS of a key, or -1 if there is none. From turn 1 on: who is asked when that one cannot. */
  place(key: number, turn: number): number
}

/** What the golden ratio leaves of 2^32: consecutive keys are spread evenly by it (Knuth 6.4). */
const GOLDEN = 0x9e3779b1
/** Of murmur3's mixer: odd, and its bits are no pattern. */
const OTHER = 0x85ebca6b
const RUNS_LEAST = 256
const RUNS_MOST = 65_536

/** As many slots in a row for each RS as its weight says; or, if weights say nothing, as for every other. */
export class Runs implements HashTable {
  readonly #weighted: boolean
  #slots = new Int32Array(0)
  #shift = 0

  constructor(weighted: boolean) {
    this.#weighted = weighted
  }

  make(dests: readonly Candidate[], meant: readonly number[]): void {
    const bits = 32 - Math.clz32(Math.max(RUNS_LEAST, Math.min(8 * meant.length, RUNS_MOST)) - 1)
    const size = meant.length === 0 ? 0 : 1 << bits
    this.#shift = 32 - bits
    this.#slots = new Int32Array(size)
    const weights = meant.map(at => (this.#weighted ? dests[at].weight : 1))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    let before = 0
    let from = 0
    for (let i = 0; i < meant.length; i++) {
      before += weights[i]
      const to = Math.round((size * before) / total)
      this.#slots.fill(meant[i], from, to)
      from = to
    }
  }

  place(key: number, turn: number): number {
    if (this.#slots.length === 0) return -1
    // Steps of the golden ratio would lead all clients of one RS to the same two others.
    const from = turn === 0 ? key : (Math.imul(key, OTHER) >>> 13) + turn
    return this.#slots[Math.imul(from, GOLDEN) >>> this.#shift]
  }
}

/** A prime. */
export const MAGLEV_SLOTS = 4093
const [FIRST_KEY, SKIP_KEY] = [2_654_435_761, 2_654_446_892]
/** The most turns of an RS in a round: six bits. */
const TURNS_MOST = 63
const NOBODY = -1

/**
 * Maglev's table (Eisenbud et al. 2016, 3.4): each RS has an order of slots of its own, and they take turns in claiming the next
 * one that is free. Who leaves leaves its slots to the others, and few of theirs move.
 */
export class Maglev implements HashTable {
  readonly #first = fixedKey(FIRST_KEY)
  readonly #skip = fixedKey(SKIP_KEY)
  readonly #slots = new Int32Array(MAGLEV_SLOTS).fill(NOBODY)

  make(dests: readonly Candidate[], meant: readonly number[]): void {
    const slots = this.#slots.fill(NOBODY)
    if (meant.length === 0) return
    const turns = turnsOf(meant.map(at => dests[at].weight))
    const next = meant.map(at => this.#slot(dests[at].hashKey + dests[at].rport))
    const skip = meant.map(at => 1 + (this.#skipOf(dests[at]) % (MAGLEV_SLOTS - 1)))
    for (let left = MAGLEV_SLOTS; left > 0; ) {
      for (let i = 0; i < meant.length; i++) {
        for (let turn = 0; turn < turns[i] && left > 0; turn++, left--) {
          let slot = next[i]
          while (slots[slot] !== NOBODY) slot = (slot + skip[i]) % MAGLEV_SLOTS
          slots[slot] = meant[i]
          next[i] = (slot + skip[i]) % MAGLEV_SLOTS
        }
      }
    }
  }

  place(key: number, turn: number): number {
    const first = this.#slot(key)
    if (turn === 0) return this.#slots[first]
    return this.#slots[this.#slot(key + ((turn - 1 + first) % MAGLEV_SLOTS))]
  }

  #slot(key: number): number {
    return (this.#first.short(key | 0) >>> 0) % MAGLEV_SLOTS
  }

  #skipOf({ hashKey, rport }: Candidate): number {
    return this.#skip.short((hashKey + rport) | 0) >>> 0
  }
}

/** In the ratio of the weights, none more than TURNS_MOST; small ones have one at least. */
function turnsOf(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0)
  const most = weights.reduce((a, b) => Math.max(a, b), 0) / divisor
  const shift = Math.max(0, 32 - Math.clz32(most) - (32 - Math.clz32(TURNS_MOST)))
  return weights.map(weight => Math.max(1, (weight / divisor) >> shift))
}

/** Nodes of an RS for each share of its weight, and of a ring at most: some milliseconds of work. */
export const NODES_EACH = 160
const NODES_MOST = 32_768

/**
 * A ring (Karger et al. 1997): each RS has nodes on it in the number of its weight, and a client belongs to the next node from its
 * own place on. Who leaves leaves its parts of the ring to the next ones, and nobody else's move.
 */
export class Ring implements HashTable {
  readonly #hash = fixedKey(FIRST_KEY)
  /** Ascending, and whose it is. */
  #points = new Uint32Array(0)
  #owners = new Int32Array(0)

  make(dests: readonly Candidate[], meant: readonly number[]): void {
    const nodes = nodesOf(meant.map(at => dests[at].weight))
    const sum = nodes.reduce((a, b) => a + b, 0)
    // Point and owner in one number, for the sort; places have less than 16 bits.
    const both = new Float64Array(sum)
    let n = 0
    for (let i = 0; i < meant.length; i++) {
      const { hashKey, rport } = dests[meant[i]]
      for (let node = 0; node < nodes[i]; node++) {
        both[n++] = (this.#hash.of(hashKey, rport, node) >>> 0) * 65_536 + i
      }
    }
    both.sort()
    this.#points = Uint32Array.from(both, value => Math.floor(value / 65_536))
    this.#owners = Int32Array.from(both, value => meant[value % 65_536])
  }

  place(key: number, turn: number): number {
    const points = this.#points
    if (points.length === 0) return -1
    const point = this.#hash.of(key, 0, NODES_MOST) >>> 0
    let low = 0
    let high = points.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (points[middle] < point) low = middle + 1
      else high = middle
    }
    return this.#owners[(low + turn) % points.length]
  }
}

/** In the ratio of the weights, each one at least, and together hardly more than NODES_MOST. */
function nodesOf(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd, 0)
  const nodes = weights.map(weight => (NODES_EACH * weight) / divisor)
  const sum = nodes.reduce((a, b) => a + b, 0)
  const part = Math.min(1, NODES_MOST / sum)
  return nodes.map(count => Math.max(1, Math.floor(count * part)))
}

/**
 * What these tables know an address by: of IPv4 itself. A word of IPv6 is the address book's own, and another one where addresses came in
 * another order; so of IPv6 it is a hash of the address. No address (NO_WORD) is 0 in both.
 */
export function addressKey(book: AddressBook, family: number, word: number): number {
  if (family === Family.IPV4 || word === NO_WORD) return word
  const [a, b, c, d] = book.cells(word)
  const hash = fixedKey(FIRST_KEY)
  return hash.of(hash.of(a, b, c), d, 0)
}

/** A hash that is the same everywhere: its 128 bits are this number twice. */
function fixedKey(word: number): SipHash {
  return new SipHash(Int32Array.of(word, 0, word, 0))
}
