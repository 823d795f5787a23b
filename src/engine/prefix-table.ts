/**
 * Which of many prefixes holds an address: the longest one, whose hits are counted. The space of addresses is cut into ranges, each
 * with the prefix that is the longest there; a lookup is one step into an index by the first bits of the address, and a search
 * among the few ranges that begin there. Never changed but for its hits: another list is another table, put in its place whole.
 *
 * One piece of int32 that all workers may share:
 *
 *   head      prefixes | ranges | bits of the index | addresses that no prefix holds (low, high) | 0...
 *   starts    of the ranges, from 0.0.0.0 on, with the top bit turned, so that they compare as signed numbers
 *   owners    of the ranges: a prefix, or NOBODY
 *   index     by the first bits: the first range that begins there or later; one more for the end
 *   prefixes  network, length
 *   hits      low, high
 */

import { prefixMask } from '../wire/address.ts'

export const NOBODY = -1

/** network, length; network, length ... */
export type Prefixes = Int32Array

const AT = { PREFIXES: 0, RANGES: 1, BITS: 2, MISSED: 3 } as const
const HEAD = 8
const INDEX_BITS_MOST = 16
const TOP = -(2 ** 31)

export class PrefixTable {
  readonly #cells: Int32Array
  readonly #starts: Int32Array
  readonly #owners: Int32Array
  readonly #index: Int32Array
  readonly #prefixes: Int32Array
  readonly #hits: number
  readonly #shift: number
  readonly size: number

  /** `memory` is what buildTable() gave. */
  constructor(memory: ArrayBufferLike) {
    const cells = new Int32Array(memory)
    const size = cells[AT.PREFIXES]
    const ranges = cells[AT.RANGES]
    const bits = cells[AT.BITS]
    const index = HEAD + 2 * ranges
    const prefixes = index + 2 ** bits + 1
    this.#cells = cells
    this.size = size
    this.#starts = cells.subarray(HEAD, HEAD + ranges)
    this.#owners = cells.subarray(HEAD + ranges, index)
    this.#index = cells.subarray(index, prefixes)
    this.#prefixes = cells.subarray(prefixes, prefixes + 2 * size)
    this.#hits = prefixes + 2 * size
    this.#shift = 32 - bits
  }

  /** => the longest prefix that holds the address, or NOBODY */
  find(address: number): number {
    const starts = this.#starts
    const key = address ^ TOP
    const first = address >>> this.#shift
    let low = this.#index[first]
    let high = this.#index[first + 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (starts[middle] <= key) low = middle + 1
      else high = middle
    }
    return this.#owners[low - 1]
  }

  /** Counts what find() has said. */
  hit(prefix: number): void {
    const at = prefix === NOBODY ? AT.MISSED : this.#hits + 2 * prefix
    if (Atomics.add(this.#cells, at, 1) === -1) Atomics.add(this.#cells, at + 1, 1)
  }

  /** Of a prefix, or of NOBODY. */
  hits(prefix: number): number {
    const at = prefix === NOBODY ? AT.MISSED : this.#hits + 2 * prefix
    return (this.#cells[at + 1] >>> 0) * 2 ** 32 + (this.#cells[at] >>> 0)
  }

  /** Of all of its prefixes. */
  allHits(): number {
    let sum = 0
    for (let prefix = 0; prefix < this.size; prefix++) sum += this.hits(prefix)
    return sum
  }

  network(prefix: number): number {
    return this.#prefixes[2 * prefix]
  }

  length(prefix: number): number {
    return this.#prefixes[2 * prefix + 1]
  }

  /** A copy of what it was made of. */
  prefixes(): Prefixes {
    return this.#prefixes.slice()
  }

  /** What `other`, which this one follows, has counted of the same prefixes. */
  takeHits(other: PrefixTable): void {
    let at = 0
    for (let prefix = 0; prefix < this.size; prefix++) {
      while (at < other.size && other.#compare(at, this, prefix) < 0) at++
      if (at < other.size && other.#compare(at, this, prefix) === 0)
        this.#copyHits(prefix, other, at)
    }
    this.#copyHits(NOBODY, other, NOBODY)
  }

  #copyHits(prefix: number, other: PrefixTable, at: number): void {
    const to = prefix === NOBODY ? AT.MISSED : this.#hits + 2 * prefix
    const from = at === NOBODY ? AT.MISSED : other.#hits + 2 * at
    this.#cells[to] = other.#cells[from]
    this.#cells[to + 1] = other.#cells[from + 1]
  }

  #compare(prefix: number, other: PrefixTable, at: number): number {
    const networks = (this.network(prefix) >>> 0) - (other.network(at) >>> 0)
    return networks !== 0 ? networks : this.length(prefix) - other.length(at)
  }
}

/** Memory for a PrefixTable of these, in any order; one that is there twice counts once. `shared`: for several threads. */
export function buildTable(prefixes: Prefixes, shared = false): ArrayBufferLike {
  const sorted = sortedPrefixes(prefixes)
  const size = sorted.length / 2
  const { starts, owners } = rangesOf(sorted)
  const bits = Math.min(INDEX_BITS_MOST, Math.max(1, 32 - Math.clz32(starts.length)))
  const places = 2 ** bits + 1
  const bytes = (HEAD + 2 * starts.length + places + 4 * size) * 4
  const memory = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const cells = new Int32Array(memory)
  cells[AT.PREFIXES] = size
  cells[AT.RANGES] = starts.length
  cells[AT.BITS] = bits
  cells.set(starts, HEAD)
  cells.set(owners, HEAD + starts.length)
  const index = HEAD + 2 * starts.length
  for (let place = 0, range = 0; place < places; place++) {
    const begin = place * 2 ** (32 - bits)
    while (range < starts.length && (starts[range] ^ TOP) >>> 0 < begin) range++
    cells[index + place] = range
  }
  cells.set(sorted, index + places)
  return memory
}

/** By network and length, each once, bits behind the length taken off. */
export function sortedPrefixes(prefixes: Prefixes): Prefixes {
  const keys = new Float64Array(prefixes.length / 2)
  for (let i = 0; i < keys.length; i++) {
    const length = prefixes[2 * i + 1]
    keys[i] = ((prefixes[2 * i] & prefixMask(length)) >>> 0) * 64 + length
  }
  keys.sort()
  const sorted = new Int32Array(prefixes.length)
  let size = 0
  for (let i = 0; i < keys.length; i++) {
    if (i > 0 && keys[i] === keys[i - 1]) continue
    sorted[size++] = Math.floor(keys[i] / 64)
    sorted[size++] = keys[i] % 64
  }
  return sorted.slice(0, size)
}

interface Ranges {
  starts: Int32Array
  owners: Int32Array
}

function rangesOf(sorted: Prefixes): Ranges {
  const starts = new Int32Array(sorted.length + 1)
  const owners = new Int32Array(sorted.length + 1)
  let count = 0
  const put = (start: number, owner: number) => {
    if (start === 2 ** 32) return
    const biased = (start ^ TOP) | 0
    // A longer one that begins where a shorter one does.
    if (count > 0 && starts[count - 1] === biased) count--
    if (count > 0 && owners[count - 1] === owner) return
    starts[count] = biased
    owners[count++] = owner
  }
  /** Those that are open where we are, the longest last, and where each ends. */
  const open: number[] = []
  const ends: number[] = []
  const close = () => {
    open.pop()
    put(ends.pop() as number, open.at(-1) ?? NOBODY)
  }
  put(0, NOBODY)
  for (let prefix = 0; 2 * prefix < sorted.length; prefix++) {
    const start = sorted[2 * prefix] >>> 0
    while (open.length > 0 && (ends.at(-1) as number) <= start) close()
    put(start, prefix)
    open.push(prefix)
    ends.push(start + 2 ** (32 - sorted[2 * prefix + 1]))
  }
  while (open.length > 0) close()
  return { starts: starts.slice(0, count), owners: owners.slice(0, count) }
}
