/**
 * Which of many prefixes holds an address: the longest one, whose hits are counted. The space of addresses is cut into ranges, each
 * with the prefix that is the longest there; a lookup is one step into an index by the first bits of the address, and a search
 * among the few ranges that begin there. Never changed but for its hits: another list is another table, put in its place whole.
 *
 * One piece of int32 that all workers may share:
 *
 *   head      prefixes of IPv4 | ranges | bits of the index | addresses that no prefix holds (low, high) | of IPv6 prefixes | ranges | 0
 *   starts    of the ranges, from 0.0.0.0 on, with the top bit turned, so that they compare as signed numbers
 *   owners    of the ranges: a prefix, or NOBODY
 *   index     by the first bits: the first range that begins there or later; one more for the end
 *   prefixes  network, length; of IPv6 five cells (prefix-ranges6.ts)
 *   ranges6   starts and owners
 *   hits      low, high, of IPv4 and then of IPv6
 */

import type { IpAddress } from '../wire/ip-address.ts'
import { CELLS6, NOBODY, Ranges6, rangesOf6, sorted6 } from './prefix-ranges6.ts'
import { byFamily, type Prefixes, rowsOf, sorted4 } from './prefix-rows.ts'

export { NOBODY }

const AT = { PREFIXES: 0, RANGES: 1, BITS: 2, MISSED: 3, PREFIXES6: 5, RANGES6: 6 } as const
const HEAD = 8
const INDEX_BITS_MOST = 16
const TOP = -(2 ** 31)

export class PrefixTable {
  readonly #cells: Int32Array
  readonly #starts: Int32Array
  readonly #owners: Int32Array
  readonly #index: Int32Array
  readonly #prefixes: Int32Array
  readonly #prefixes6: Int32Array
  readonly #ranges6: Ranges6
  readonly #hits: number
  readonly #shift: number
  /** Prefixes of IPv4, which come first. */
  readonly #four: number
  /** Of both families. */
  readonly size: number

  /** `memory` is what buildTable() gave. */
  constructor(memory: ArrayBufferLike) {
    const cells = new Int32Array(memory)
    const four = cells[AT.PREFIXES]
    const six = cells[AT.PREFIXES6]
    const ranges = cells[AT.RANGES]
    const bits = cells[AT.BITS]
    const index = HEAD + 2 * ranges
    const prefixes = index + 2 ** bits + 1
    const prefixes6 = prefixes + 2 * four
    const starts6 = prefixes6 + CELLS6 * six
    const owners6 = starts6 + 4 * cells[AT.RANGES6]
    this.#cells = cells
    this.#four = four
    this.size = four + six
    this.#starts = cells.subarray(HEAD, HEAD + ranges)
    this.#owners = cells.subarray(HEAD + ranges, index)
    this.#index = cells.subarray(index, prefixes)
    this.#prefixes = cells.subarray(prefixes, prefixes6)
    this.#prefixes6 = cells.subarray(prefixes6, starts6)
    this.#hits = owners6 + cells[AT.RANGES6]
    this.#ranges6 = new Ranges6(
      cells.subarray(starts6, owners6),
      cells.subarray(owners6, this.#hits),
    )
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

  /** The same of an address of IPv6, in four cells from `at` on. */
  find6(cells: Int32Array, at: number): number {
    return this.#ranges6.find(cells, at)
  }

  /** Counts what they have said. */
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

  network(prefix: number): IpAddress {
    if (prefix < this.#four) return this.#prefixes[2 * prefix]
    const at = (prefix - this.#four) * CELLS6
    const [a = 0, b = 0, c = 0, d = 0] = this.#prefixes6.subarray(at, at + 4)
    return [a, b, c, d]
  }

  length(prefix: number): number {
    if (prefix < this.#four) return this.#prefixes[2 * prefix + 1]
    return this.#prefixes6[(prefix - this.#four) * CELLS6 + 4]
  }

  /** A copy of what it was made of. */
  prefixes(): Prefixes {
    return rowsOf(this.#prefixes, this.#prefixes6)
  }

  /** Of memory that all workers share. */
  get bytes(): number {
    return this.#cells.byteLength
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
    const [mine, others] = [this.network(prefix), other.network(at)]
    if (typeof mine === 'number' && typeof others === 'number')
      return (mine >>> 0) - (others >>> 0) || this.length(prefix) - other.length(at)
    // Those of IPv4 come first.
    if (typeof mine === 'number') return -1
    if (typeof others === 'number') return 1
    const word = [0, 1, 2, 3].find(i => mine[i as 0] !== others[i as 0]) ?? 3
    const words = (mine[word as 0] >>> 0) - (others[word as 0] >>> 0)
    return words || this.length(prefix) - other.length(at)
  }
}

/** Memory for a PrefixTable of these, in any order; one that is there twice counts once. `shared`: for several threads. */
export function buildTable(prefixes: Prefixes, shared = false): ArrayBufferLike {
  const [four, six] = byFamily(prefixes)
  const [sorted, sortedSix] = [sorted4(four), sorted6(six)]
  const { starts, owners } = rangesOf(sorted)
  const ranges6 = rangesOf6(sortedSix, sorted.length / 2)
  const bits = Math.min(INDEX_BITS_MOST, Math.max(1, 32 - Math.clz32(starts.length)))
  const index = indexOf(starts, bits)
  const parts = [starts, owners, index, sorted, sortedSix, ranges6.starts, ranges6.owners]
  const size = sorted.length / 2 + sortedSix.length / CELLS6
  const used = parts.reduce((sum, { length }) => sum + length, HEAD + 2 * size)
  const memory = shared ? new SharedArrayBuffer(4 * used) : new ArrayBuffer(4 * used)
  const cells = new Int32Array(memory)
  cells[AT.PREFIXES] = sorted.length / 2
  cells[AT.RANGES] = starts.length
  cells[AT.BITS] = bits
  cells[AT.PREFIXES6] = sortedSix.length / CELLS6
  cells[AT.RANGES6] = ranges6.owners.length
  let at = HEAD
  for (const part of parts) {
    cells.set(part, at)
    at += part.length
  }
  return memory
}

/** By so many first bits: the first range that begins there or later. */
function indexOf(starts: Int32Array, bits: number): Int32Array {
  const index = new Int32Array(2 ** bits + 1)
  for (let place = 0, range = 0; place < index.length; place++) {
    const begin = place * 2 ** (32 - bits)
    while (range < starts.length && (starts[range] ^ TOP) >>> 0 < begin) range++
    index[place] = range
  }
  return index
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
